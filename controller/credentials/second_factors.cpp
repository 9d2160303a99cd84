// controller/credentials/second_factors.cpp: see controller/credentials/second_factors.hpp.
#include "controller/credentials/second_factors.hpp"

#include "controller/credentials/credentials.hpp"
#include "controller/credentials/scram.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t second_factor_version = 1;
constexpr char of_second_factor = 's';   // behind the tag
constexpr std::size_t recovery_bytes = 10, recovery_group = 4, digits_of_id = 16;

/// As it is compared: lower case, without blanks and dashes.
std::string plain(std::string_view code) {
    std::string text;
    for (const char c : code) {
        if (c == ' ' || c == '-') continue;
        text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

std::string digest_of(std::string_view code) {
    return digest(ScramHash::Sha256, "recovery " + plain(code));
}

}   // namespace

std::string SecondFactor::id() const {
    return digest_in_hex("second factor " + secret).substr(0, digits_of_id);
}

std::string second_factor_key(std::string_view jid) {
    return std::string{static_cast<char>(storage::Tag::Credential), of_second_factor}.append(jid);
}

std::string encode(const SecondFactor& factor) {
    storage::Encoder out;
    out.u8(second_factor_version).u64(static_cast<std::uint64_t>(factor.account));
    out.text(factor.secret).u64(factor.last_step).varint(factor.recovery.size());
    for (const std::string& one : factor.recovery) out.text(one);
    return out.take();
}

std::optional<SecondFactor> decode_second_factor(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != second_factor_version) return std::nullopt;
    SecondFactor factor;
    factor.account = static_cast<storage::Millis>(in.u64());
    factor.secret = in.text();
    factor.last_step = in.u64();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) factor.recovery.emplace_back(in.text());
    if (!in.ok() || !in.at_end() || factor.secret.empty()) return std::nullopt;
    return factor;
}

Enrolment enrol_second_factor(std::string_view seed, storage::Millis account) {
    Enrolment made;
    made.factor.account = account;
    made.factor.secret =
        keyed_digest(ScramHash::Sha256, seed, "second factor").substr(0, totp_secret_bytes);
    for (std::size_t i = 0; i < recovery_codes_max; ++i) {
        const std::string bytes =
            keyed_digest(ScramHash::Sha256, seed, "recovery " + std::to_string(i));
        const std::string letters = plain(to_base32(bytes.substr(0, recovery_bytes)));
        std::string code;
        for (std::size_t at = 0; at < letters.size(); at += recovery_group)
            code += (at == 0 ? "" : "-") + letters.substr(at, recovery_group);
        made.factor.recovery.push_back(digest_of(code));
        made.recovery_codes.push_back(std::move(code));
    }
    return made;
}

std::optional<SecondFactor> take_code(
    const SecondFactor& factor, std::string_view code, storage::Millis now
) {
    const auto step = find_totp_step(factor.secret, plain(code), now, factor.last_step);
    const std::string given = digest_of(code);
    std::optional<std::size_t> place;
    for (std::size_t i = 0; i < factor.recovery.size(); ++i)
        if (factor.recovery[i].size() == given.size() && are_equal(factor.recovery[i], given))
            place = i;
    if (!step && !place) return std::nullopt;
    SecondFactor after = factor;
    if (step)
        after.last_step = *step;
    else
        after.recovery.erase(after.recovery.begin() + static_cast<std::ptrdiff_t>(*place));
    return after;
}

void SecondFactors::apply(std::string_view jid, const std::optional<storage::Record>& record) {
    auto factor = record ? decode_second_factor(record->value) : std::nullopt;
    if (!factor) {   // also bytes that cannot be understood: they let nobody in
        by_jid_.erase(std::string(jid));
        return;
    }
    factor->revision = record->revision;
    by_jid_.insert_or_assign(std::string(jid), std::move(*factor));
}

const SecondFactor* SecondFactors::at(std::string_view jid) const {
    const auto found = by_jid_.find(std::string(jid));
    return found == by_jid_.end() ? nullptr : &found->second;
}

const SecondFactor* SecondFactors::find(std::string_view jid, storage::Millis account) const {
    const SecondFactor* found = at(jid);
    return found == nullptr || found->account != account ? nullptr : found;
}

const SecondFactor& SecondFactors::of_nobody() {
    static const SecondFactor nobody = enrol_second_factor("nobody", 0).factor;
    return nobody;
}

}   // namespace grid::controller
