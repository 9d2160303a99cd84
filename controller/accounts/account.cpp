// controller/accounts/account.cpp: account records as bytes, and the rules for group names.
#include "controller/accounts/account.hpp"

#include <algorithm>
#include <array>

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/utf8.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t account_version = 2;
constexpr std::uint8_t account_version_without_key = 1;
constexpr std::array<std::string_view, 4> state_names{"init", "pending", "enabled", "disabled"};

void put_names(storage::Encoder& out, const Groups& names) {
    out.varint(names.size());
    for (const std::string& name : names) out.text(name);
}

Groups take_names(storage::Decoder& in) {
    Groups names;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) names.emplace_back(in.text());
    return names;
}

}   // namespace

std::string_view to_string(AccountState state) {
    return state_names.at(static_cast<std::size_t>(state));
}

std::optional<AccountState> parse_account_state(std::string_view text) {
    const auto found = std::ranges::find(state_names, text);
    if (found == state_names.end()) return std::nullopt;
    return static_cast<AccountState>(found - state_names.begin());
}

bool Account::is_in(std::string_view group) const {
    return std::ranges::binary_search(groups, group, std::less<>{});
}

void Account::bind(const Identity& identity) {
    anchor = identity.anchor;
    fingerprint = identity.fingerprint;
    subject = identity.subject.substr(0, description_bytes_max);
    issuer = identity.issuer.substr(0, description_bytes_max);
    serial = identity.serial.substr(0, description_bytes_max);
    not_before = identity.not_before;
    not_after = identity.not_after;
    is_mapped = identity.is_mapped;
    key = identity.key;
}

std::string account_key(std::string_view jid) {
    return std::string(1, static_cast<char>(storage::Tag::Account)).append(jid);
}

std::string encode(const Account& a) {
    storage::Encoder out;
    out.u8(account_version).u8(static_cast<std::uint8_t>(a.state));
    put_names(out, a.groups);
    put_names(out, a.wished);
    out.text(a.description).text(a.device_type);
    out.text(a.anchor).text(a.fingerprint).text(a.subject).text(a.issuer).text(a.serial);
    out.i64(a.not_before).i64(a.not_after).boolean(a.is_mapped);
    out.i64(a.created).i64(a.changed).text(a.changed_by).u32(a.slot);
    out.text(a.key).text(a.key_pin).text(a.approved_by);
    return out.take();
}

std::optional<Account> decode_account(
    std::string_view jid, std::string_view value, storage::Millis time
) {
    storage::Decoder in(value);
    const std::uint8_t version = in.u8();
    if (version != account_version && version != account_version_without_key) return std::nullopt;
    Account a;
    a.jid = jid;
    const std::uint8_t state = in.u8();
    if (state >= state_names.size()) return std::nullopt;
    a.state = static_cast<AccountState>(state);
    a.groups = take_names(in);
    a.wished = take_names(in);
    a.description = in.text();
    a.device_type = in.text();
    a.anchor = in.text();
    a.fingerprint = in.text();
    a.subject = in.text();
    a.issuer = in.text();
    a.serial = in.text();
    a.not_before = in.i64();
    a.not_after = in.i64();
    a.is_mapped = in.boolean();
    a.created = in.i64();
    a.changed = in.i64();
    a.changed_by = in.text();
    a.slot = in.u32();
    if (version == account_version) {
        a.key = in.text();
        a.key_pin = in.text();
        a.approved_by = in.text();
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    // What is made before there is a clock (bootstrap) dates from its commit.
    if (a.created == 0) a.created = time;
    if (a.changed == 0) a.changed = time;
    return a;
}

bool is_group_name(std::string_view name) {
    if (name.empty() || name.size() > group_name_bytes_max) return false;
    if (name.front() == ' ' || name.back() == ' ') return false;
    return xml::is_nameable(name);
}

std::optional<Groups> make_groups(std::vector<std::string> names) {
    if (names.size() > groups_per_account_max) return std::nullopt;
    if (!std::ranges::all_of(names, [](const std::string& name) { return is_group_name(name); }))
        return std::nullopt;
    std::ranges::sort(names);
    const auto rest = std::ranges::unique(names);
    names.erase(rest.begin(), rest.end());
    return names;
}

}   // namespace grid::controller
