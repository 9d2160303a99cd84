// controller/accounts/accounts.cpp: the indexes of accounts follow their records.
#include "controller/accounts/accounts.hpp"

#include <algorithm>
#include <iterator>

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/contains.hpp"

namespace grid::controller {

std::string slot_key(std::string_view anchor, std::uint32_t slot) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::AccountGuard)).text(anchor).u32(slot);
    return out.take();
}

void PendingSlots::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder in(rest);
    const std::string_view anchor = in.text();
    const std::uint32_t slot = in.u32();
    if (!in.ok()) return;
    if (record) {
        by_anchor_[std::string(anchor)][slot] = {std::string(record->value), record->revision};
        return;
    }
    const auto found = by_anchor_.find(anchor);
    if (found == by_anchor_.end()) return;
    found->second.erase(slot);
    if (found->second.empty()) by_anchor_.erase(found);
}

std::uint32_t PendingSlots::pick(
    std::string_view anchor, std::string_view account, std::size_t slots_max
) const {
    if (slots_max == 0) return 0;
    const auto found = by_anchor_.find(anchor);
    const std::size_t start = std::hash<std::string_view>{}(account) % slots_max;
    if (found == by_anchor_.end()) return static_cast<std::uint32_t>(start + 1);
    if (found->second.size() >= slots_max) return 0;
    for (std::size_t i = 0; i < slots_max; ++i) {
        const auto slot = static_cast<std::uint32_t>((start + i) % slots_max + 1);
        if (!found->second.contains(slot)) return slot;
    }
    return 0;
}

const PendingSlots::Slot* PendingSlots::find(std::string_view anchor, std::uint32_t slot) const {
    const auto found = by_anchor_.find(anchor);
    if (found == by_anchor_.end()) return nullptr;
    const auto entry = found->second.find(slot);
    return entry == found->second.end() ? nullptr : &entry->second;
}

std::size_t PendingSlots::taken(std::string_view anchor) const {
    const auto found = by_anchor_.find(anchor);
    return found == by_anchor_.end() ? 0 : found->second.size();
}

void Accounts::apply_leaver(std::string_view jid, const std::optional<storage::Record>& record) {
    if (record)
        leavers_.insert_or_assign(std::string(jid), record->revision);
    else
        leavers_.erase(std::string(jid));
}

storage::Revision Accounts::leaver(std::string_view jid) const {
    const auto found = leavers_.find(jid);
    return found == leavers_.end() ? 0 : found->second;
}

AccountApplied Accounts::apply(std::string_view jid, const std::optional<storage::Record>& record) {
    AccountApplied applied{std::string(jid), false};
    const auto found = accounts_.find(jid);
    const bool was_known = found != accounts_.end();
    const bool was_enabled = was_known && found->second.state == AccountState::Enabled;
    const Groups groups = was_enabled ? found->second.groups : Groups{};
    const std::string anchor = was_enabled ? found->second.anchor : std::string{};
    const Groups others = was_enabled ? found->second.other_anchors : Groups{};
    const std::string device = was_enabled ? found->second.device_type : std::string{};
    const std::string password = was_enabled ? found->second.password : std::string{};
    if (found != accounts_.end()) unlink(found->second);
    if (!record) {
        if (found != accounts_.end()) accounts_.erase(found);
        applied.rights_changed = was_enabled;
        return applied;
    }
    auto account = decode_account(jid, record->value, record->time);
    if (!account) {
        // A record that cannot be understood gives no rights, and keeps its name taken.
        account.emplace();
        account->jid = jid;
        account->state = AccountState::Disabled;
    }
    account->revision = record->revision;
    const auto at = accounts_.insert_or_assign(std::string(jid), std::move(*account)).first;
    link(at->second);
    const bool is_enabled = at->second.state == AccountState::Enabled;
    // An account that was not there, or that the first certificate binds, has no rights to lose and
    // no remembered answers: no subscription has to be checked because of it.
    const bool is_first = was_enabled ? anchor.empty() : !was_known;
    const bool is_rebound =
        !is_first && (at->second.anchor != anchor || at->second.other_anchors != others);
    const bool is_other = at->second.groups != groups || at->second.device_type != device ||
                          (!password.empty() && at->second.password != password);
    applied.rights_changed = was_enabled && is_enabled ? is_rebound || is_other
                                                       : was_enabled || (is_enabled && !is_first);
    return applied;
}

void Accounts::link(const Account& account) {
    const std::string_view name = account.jid;
    by_name_.insert(name);
    by_state_.at(static_cast<std::size_t>(account.state)).insert(name);
    for (const std::string& group : account.groups) members_[group].insert(name);
    if (account.state == AccountState::Pending) pending_.emplace(account.created, name);
}

void Accounts::unlink(const Account& account) {
    const std::string_view name = account.jid;
    by_name_.erase(name);
    by_state_.at(static_cast<std::size_t>(account.state)).erase(name);
    for (const std::string& group : account.groups) {
        const auto at = members_.find(group);
        if (at == members_.end()) continue;
        at->second.erase(name);
        if (at->second.empty()) members_.erase(at);
    }
    pending_.erase({account.created, name});
}

const Account* Accounts::find(std::string_view jid) const {
    const auto found = accounts_.find(jid);
    return found == accounts_.end() ? nullptr : &found->second;
}

std::vector<const Account*> Accounts::page(
    std::string_view after, std::size_t max, std::optional<AccountState> state
) const {
    const std::set<std::string_view>& names = state ? of(*state) : by_name_;
    std::vector<const Account*> found;
    for (auto at = names.upper_bound(after); at != names.end() && found.size() < max; ++at)
        found.push_back(find(*at));
    return found;
}

Accounts::Found Accounts::search(
    std::string_view after,
    std::size_t max,
    std::optional<AccountState> state,
    std::string_view part,
    std::size_t looked_at_max
) const {
    const std::set<std::string_view>& names = state ? of(*state) : by_name_;
    Found found;
    std::size_t looked_at = 0;
    auto at = names.upper_bound(after);
    for (; at != names.end() && found.accounts.size() < max && looked_at < looked_at_max; ++at) {
        ++looked_at;
        if (xml::contains_any_case(*at, part)) found.accounts.push_back(find(*at));
    }
    if (at != names.end() && looked_at > 0) found.next = *std::prev(at);
    return found;
}

std::size_t Accounts::place_of(std::string_view jid) const {
    return static_cast<std::size_t>(std::distance(by_name_.begin(), by_name_.upper_bound(jid)));
}

std::string_view Accounts::name_at(std::size_t place) const {
    if (by_name_.empty() || place == 0) return {};
    const std::size_t last = std::min(place, by_name_.size()) - 1;
    return *std::next(by_name_.begin(), static_cast<std::ptrdiff_t>(last));
}

const std::set<std::string_view>* Accounts::members(std::string_view group) const {
    const auto found = members_.find(group);
    return found == members_.end() ? nullptr : &found->second;
}

std::vector<const Account*> Accounts::pending_before(storage::Millis time, std::size_t max) const {
    std::vector<const Account*> found;
    for (auto at = pending_.begin(); at != pending_.end() && found.size() < max; ++at) {
        if (at->first > time) break;
        found.push_back(find(at->second));
    }
    return found;
}

}   // namespace grid::controller
