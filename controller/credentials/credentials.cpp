// controller/credentials/credentials.cpp: see controller/credentials/credentials.hpp.
#include "controller/credentials/credentials.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/precis.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t credentials_version = 1;
constexpr std::size_t salt_bytes = 16, generation_bytes = 16, password_bytes_max = 1023;
// Behind the tag.
constexpr char of_account = 'c', of_secret = 'k';

std::string key_of(char kind, std::string_view rest) {
    return std::string{static_cast<char>(storage::Tag::Credential), kind}.append(rest);
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        hex += digits[value >> 4U];
        hex += digits[value & 15U];
    }
    return hex;
}

bool is_scram_hash(std::uint8_t value) {
    return value >= static_cast<std::uint8_t>(ScramHash::Sha1) &&
           value <= static_cast<std::uint8_t>(ScramHash::Sha512);
}

/// From the server's secret and the name alone.
ScramKeys keys_of_nobody(
    std::string_view secret, std::string_view name, ScramHash hash, std::uint32_t iterations
) {
    const std::string about = std::string(to_string(hash)) + ' ' + std::string(name);
    ScramKeys keys;
    keys.salt = keyed_digest(ScramHash::Sha256, secret, "salt " + about).substr(0, salt_bytes);
    keys.stored_key = keyed_digest(hash, secret, "stored " + about);
    keys.server_key = keyed_digest(hash, secret, "server " + about);
    keys.iterations = iterations;
    return keys;
}

}   // namespace

std::string digest_in_hex(std::string_view text) { return to_hex(digest(ScramHash::Sha256, text)); }

std::string credentials_key(std::string_view jid) { return key_of(of_account, jid); }

std::string encode(const Credentials& credentials) {
    storage::Encoder out;
    out.u8(credentials_version).text(credentials.generation).varint(credentials.keys.size());
    for (const auto& [hash, keys] : credentials.keys) {
        out.u8(static_cast<std::uint8_t>(hash)).text(keys.salt).u32(keys.iterations);
        out.text(keys.stored_key).text(keys.server_key);
    }
    return out.take();
}

std::optional<Credentials> decode_credentials(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != credentials_version) return std::nullopt;
    Credentials credentials;
    credentials.generation = in.text();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        const std::uint8_t hash = in.u8();
        ScramKeys keys;
        keys.salt = in.text();
        keys.iterations = in.u32();
        keys.stored_key = in.text();
        keys.server_key = in.text();
        if (!is_scram_hash(hash)) return std::nullopt;
        credentials.keys.emplace(static_cast<ScramHash>(hash), std::move(keys));
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return credentials;
}

std::optional<std::string> prepare_password(std::string_view text) {
    if (text.empty() || text.size() > password_bytes_max) return std::nullopt;
    auto prepared = xml::saslprep(text);
    if (!prepared || prepared->empty() || prepared->size() > password_bytes_max)
        return std::nullopt;
    return prepared;
}

Credentials make_credentials(
    std::string_view password, std::string_view seed, std::uint32_t iterations
) {
    Credentials made;
    made.generation =
        to_hex(keyed_digest(ScramHash::Sha256, seed, "generation").substr(0, generation_bytes));
    for (const ScramHash hash : scram_hashes) {
        const std::string salt =
            keyed_digest(ScramHash::Sha256, seed, to_string(hash)).substr(0, salt_bytes);
        made.keys.emplace(hash, derive_keys(hash, password, salt, iterations));
    }
    return made;
}

void CredentialTable::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    if (rest.empty()) return;
    const std::string_view name = rest.substr(1);
    if (rest.front() == of_secret) secret_ = record ? std::string(record->value) : std::string();
    if (rest.front() != of_account) return;
    auto credentials = record ? decode_credentials(record->value) : std::nullopt;
    if (credentials)
        by_jid_.insert_or_assign(std::string(name), std::move(*credentials));
    else   // also bytes that cannot be understood: they let nobody in
        by_jid_.erase(std::string(name));
}

const Credentials* CredentialTable::find(std::string_view jid) const {
    const auto found = by_jid_.find(jid);
    return found == by_jid_.end() ? nullptr : &found->second;
}

LoginKeys CredentialTable::login_keys(
    std::string_view name, std::string_view generation, ScramHash hash, std::uint32_t iterations
) const {
    // Made in any case, so that the answer takes the same time.
    LoginKeys answer;
    answer.keys = keys_of_nobody(secret_, name, hash, iterations);
    const Credentials* found = find(name);
    if (found == nullptr || generation.empty() || found->generation != generation) return answer;
    const auto keys = found->keys.find(hash);
    if (keys == found->keys.end()) return answer;
    answer.keys = keys->second;
    answer.generation = found->generation;
    return answer;
}

storage::Batch CredentialTable::make_secret(std::string_view random_bytes) {
    storage::Batch batch;
    const std::string key = key_of(of_secret, {});
    batch.expect(storage::Family::Control, key, 0);
    batch.put(storage::Family::Control, key, std::string(random_bytes));
    return batch;
}

}   // namespace grid::controller
