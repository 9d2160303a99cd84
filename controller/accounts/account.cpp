// controller/accounts/account.cpp: account records as bytes, and the rules for group names.
#include "controller/accounts/account.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/utf8.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t account_version = 4;
constexpr std::uint8_t account_version_without_password = 3;
constexpr std::uint8_t account_version_one_anchor = 2;
constexpr std::uint8_t account_version_without_key = 1;
constexpr std::array<std::string_view, 4> state_names{"init", "pending", "enabled", "disabled"};

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

bool Account::is_bound_to(std::string_view authority) const {
    if (authority.starts_with(password_prefix))
        return has_password() && authority.substr(password_prefix.size()) == password;
    if (authority.starts_with(component_prefix)) return true;   // the configuration says whose
    return !authority.empty() &&
           (authority == anchor ||
            std::ranges::binary_search(other_anchors, authority, std::less<>{}));
}

bool Account::is_bound_to(const Identity& identity) const {
    if (is_bound_to(std::string_view(identity.anchor))) return true;
    return std::ranges::any_of(identity.authorities(), [this](const std::string& one) {
        return is_bound_to(std::string_view(one));
    });
}

bool Account::is_bound_to_any(std::string_view authorities) const {
    while (!authorities.empty()) {
        const auto end = authorities.find(' ');
        if (is_bound_to(authorities.substr(0, end))) return true;
        authorities.remove_prefix(end == std::string_view::npos ? authorities.size() : end + 1);
    }
    return false;
}

namespace {

void add_anchor(Account& account, const std::string& authority) {
    if (account.is_bound_to(std::string_view(authority)) ||
        account.other_anchors.size() >= other_anchors_max)
        return;
    account.other_anchors.insert(
        std::ranges::upper_bound(account.other_anchors, authority), authority
    );
}

}   // namespace

void Account::bind_to(const std::string& authority, bool keeps_others) {
    if (!is_bound()) {
        anchor = authority;
    } else if (keeps_others) {
        add_anchor(*this, authority);
        return;
    }
    anchor = authority;
    other_anchors.clear();
    fingerprint.clear();
    subject.clear();
    issuer.clear();
    serial.clear();
    key.clear();
    key_pin.clear();
    not_before = not_after = 0;
}

void Account::bind(const Identity& identity) {
    if (identity.is_by_password()) return;   // no certificate was shown
    const auto all = identity.authorities();
    if (!is_bound()) {
        anchor = identity.anchor;
        for (const std::string& one : all) add_anchor(*this, one);
    }
    const auto known =
        std::find_if(identity.path.rbegin(), identity.path.rend(), [this](const std::string& link) {
            return is_bound_to(std::string_view(link).substr(0, link.find(':')));
        });
    const auto below = static_cast<std::size_t>(identity.path.rend() - known);
    for (std::size_t i = 0; i + 1 < below; ++i) add_anchor(*this, all[i]);
    // A place among those that wait goes by the anchor (Account::slot).
    if (slot == 0 && identity.anchor != anchor && is_bound_to(std::string_view(identity.anchor))) {
        std::erase(other_anchors, identity.anchor);
        const std::string before = std::exchange(anchor, identity.anchor);
        add_anchor(*this, before);
    }
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
    out.texts(a.groups);
    out.texts(a.wished);
    out.text(a.description).text(a.device_type);
    out.text(a.anchor).text(a.fingerprint).text(a.subject).text(a.issuer).text(a.serial);
    out.i64(a.not_before).i64(a.not_after).boolean(a.is_mapped);
    out.i64(a.created).i64(a.changed).text(a.changed_by).u32(a.slot);
    out.text(a.key).text(a.key_pin).text(a.approved_by);
    out.texts(a.other_anchors);
    out.text(a.claimed_device).boolean(a.claim_has_changed).text(a.password);
    return out.take();
}

std::optional<Account> decode_account(
    std::string_view jid, std::string_view value, storage::Millis time
) {
    storage::Decoder in(value);
    const std::uint8_t version = in.u8();
    if (version < account_version_without_key || version > account_version) return std::nullopt;
    Account a;
    a.jid = jid;
    const std::uint8_t state = in.u8();
    if (state >= state_names.size()) return std::nullopt;
    a.state = static_cast<AccountState>(state);
    a.groups = in.texts();
    a.wished = in.texts();
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
    if (version >= account_version_one_anchor) {
        a.key = in.text();
        a.key_pin = in.text();
        a.approved_by = in.text();
    }
    if (version >= account_version_without_password) {
        a.other_anchors = in.texts();
        a.claimed_device = in.text();
        a.claim_has_changed = in.boolean();
    } else {
        a.claimed_device = a.device_type;
        // A device type that no person took is the client's own word.
        if (a.state == AccountState::Pending || a.is_approved_by_rule()) a.device_type.clear();
    }
    if (version >= account_version) a.password = in.text();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    // Records that were made before there was a clock (bootstrap) date from their commit.
    if (a.created == 0) a.created = time;
    if (a.changed == 0) a.changed = time;
    return a;
}

bool is_group_name(std::string_view name) {
    return is_group_reference(name) && name.find_first_of(" ,\"#") == std::string_view::npos;
}

bool is_group_reference(std::string_view name) {
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
