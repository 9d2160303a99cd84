// controller/credentials/tokens.cpp: see controller/credentials/tokens.hpp.
#include "controller/credentials/tokens.hpp"

#include <algorithm>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t tokens_version = 1;
constexpr char of_tokens = 't';

void put(storage::Encoder& out, const std::optional<Token>& token) {
    out.text(token ? token->secret : std::string()).i64(token ? token->expires : 0);
}

std::optional<Token> take_token(storage::Decoder& in) {
    Token token;
    token.secret = in.text();
    token.expires = in.i64();
    if (token.secret.empty()) return std::nullopt;
    return token;
}

storage::Millis last_expiry(const ClientTokens& tokens) {
    return std::max(
        tokens.current ? tokens.current->expires : 0, tokens.fresh ? tokens.fresh->expires : 0
    );
}

}   // namespace

std::string tokens_key(std::string_view jid, std::string_view client) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Credential));
    out.u8(static_cast<std::uint8_t>(of_tokens));
    return out.text(jid).text(client).take();
}

std::string encode(const ClientTokens& tokens) {
    storage::Encoder out;
    out.u8(tokens_version).text(tokens.generation).text(tokens.mechanism);
    put(out, tokens.current);
    put(out, tokens.fresh);
    return out.take();
}

std::optional<ClientTokens> decode_tokens(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != tokens_version) return std::nullopt;
    ClientTokens tokens;
    tokens.generation = in.text();
    tokens.mechanism = in.text();
    tokens.current = take_token(in);
    tokens.fresh = take_token(in);
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return tokens;
}

std::string generation_of_key(std::string_view key) { return "key:" + std::string(key); }

void TokenTable::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder in(rest);
    const std::string jid(in.text()), client(in.text());
    if (!in.ok()) return;
    auto tokens = record ? decode_tokens(record->value) : std::nullopt;
    if (tokens) {
        tokens->revision = record->revision;
        by_jid_[jid][client] = std::move(*tokens);
        return;
    }
    const auto found = by_jid_.find(jid);
    if (found == by_jid_.end()) return;
    found->second.erase(client);
    if (found->second.empty()) by_jid_.erase(found);
}

const ClientTokens* TokenTable::find(std::string_view jid, std::string_view client) const {
    const auto account = by_jid_.find(jid);
    if (account == by_jid_.end()) return nullptr;
    const auto found = account->second.find(client);
    return found == account->second.end() ? nullptr : &found->second;
}

void TokenTable::erase_all(storage::Batch& batch, std::string_view jid) const {
    const auto account = by_jid_.find(jid);
    if (account == by_jid_.end()) return;
    for (const auto& [client, tokens] : account->second)
        batch.erase(storage::Family::Control, tokens_key(jid, client));
}

void TokenTable::make_room(storage::Batch& batch, std::string_view jid, std::string_view client)
    const {
    const auto account = by_jid_.find(jid);
    if (account == by_jid_.end() || account->second.size() < token_clients_max ||
        account->second.contains(client))
        return;
    const auto oldest = std::ranges::min_element(account->second, {}, [](const auto& one) {
        return last_expiry(one.second);
    });
    batch.erase(storage::Family::Control, tokens_key(jid, oldest->first));
}

TokenTable::Change TokenTable::change(
    std::string_view jid,
    std::string_view generation,
    const TokenWish& wish,
    std::string secret,
    storage::Millis now,
    storage::Millis lifetime
) const {
    const ClientTokens* found = find(jid, wish.client);
    const ClientTokens before = found != nullptr ? *found : ClientTokens{};
    ClientTokens after = before;
    if (after.generation != generation) after = ClientTokens{};   // of an earlier password
    // XEP-0484 §4.1: one that is used takes the place of those before it.
    if (!wish.used.empty() && after.fresh && after.fresh->secret == wish.used)
        after.current = std::exchange(after.fresh, std::nullopt);
    const bool is_due =
        !wish.used.empty() && after.current && after.current->expires - now < lifetime / 2;
    if (wish.invalidates) after.current = after.fresh = std::nullopt;
    const bool is_asked = !wish.mechanism.empty();
    Change change;
    if (is_asked || (is_due && !wish.invalidates)) {
        if (is_asked && after.mechanism != wish.mechanism)
            after.current = after.fresh = std::nullopt;   // those were for another mechanism
        if (is_asked) after.mechanism = wish.mechanism;
        after.generation = generation;
        after.fresh = change.issued = Token{std::move(secret), now + lifetime};
        make_room(change.batch, jid, wish.client);
    }
    if (after == before) return change;
    const std::string key = tokens_key(jid, wish.client);
    change.batch.expect(storage::Family::Control, key, before.revision);
    if (after.current || after.fresh)
        change.batch.put(storage::Family::Control, key, encode(after));
    else
        change.batch.erase(storage::Family::Control, key);
    return change;
}

}   // namespace grid::controller
