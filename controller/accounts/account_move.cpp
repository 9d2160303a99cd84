// controller/accounts/account_move.cpp: see account_move.hpp.
#include "controller/accounts/account_move.hpp"

#include <set>

#include "controller/accounts/notice_texts.hpp"
#include "controller/audit/record.hpp"
#include "controller/credentials/credentials.hpp"
#include "pubsub/model/records.hpp"

namespace grid::controller {

AccountChange AccountMove::move(
    const pubsub::Context& context, std::string_view name, Cause cause
) {
    AccountChange change;
    const bool groups_changed = before_.groups != after_.groups;
    after_.changed = context.now;
    after_.changed_by = audit::actor_name(context.actor);
    if (before_.state == AccountState::Init) after_.created = context.now;
    storage::Batch& batch = change.batch;
    release_slot(batch);
    const std::string key = account_key(after_.jid);
    batch.expect(storage::Family::Control, key, before_.revision);
    if (after_.state == AccountState::Init)
        batch.erase(storage::Family::Control, key);
    else
        batch.put(storage::Family::Control, key, encode(after_));
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, name);
    record.target = after_.jid;
    record.detail = describe(groups_changed);
    audit::append(batch, std::move(record));
    batch.event = encode(AccountEvent{
        after_.jid, before_.state, after_.state, groups_changed, cause == Cause::Expired,
        after_.groups,
        !after_.key_pin.empty() && after_.key_pin != before_.key_pin && before_.is_bound(),
        after_.device_type != before_.device_type, is_moved(), cause == Cause::OwnWish,
        before_.has_password() && after_.password != before_.password
    });
    if (before_.has_password() && after_.password != before_.password)
        accounts_.tokens().erase_all(batch, before_.jid);
    // No expectation of their own: what they are is said by the account's record.
    if (before_.has_password() && !after_.has_password())
        batch.erase(storage::Family::Control, credentials_key(before_.jid));
    put_notices(batch);
    change.after = after_;
    return change;
}

/// Stores notices for the account and for those who decide about it, durable with the change
/// itself, so that those who are away get them at their next login.
void AccountMove::put_notices(storage::Batch& batch) const {
    const bool is_gone = after_.state == AccountState::Init;
    if (is_gone) return accounts_.notices().erase_all(batch, before_.jid);
    if (before_.state == after_.state && before_.groups == after_.groups) return;
    // A client that registers, or is let in at a login, learns its state from that answer; an
    // account that is made before its first login has no notice to get.
    if (before_.state != AccountState::Init)
        accounts_.notices().put(batch, after_.jid, account_notice, account_notice_inside(after_));
    if (after_.state != AccountState::Pending || before_.state != AccountState::Init) return;
    std::set<std::string_view> told;
    for (const std::string_view group : {administrators_group, operators_group}) {
        const auto* members = accounts_.members(group);
        if (members == nullptr) continue;
        for (const std::string_view name : *members) {
            const Account* member = accounts_.find(name);
            if (member == nullptr || member->state != AccountState::Enabled) continue;
            if (told.size() >= administrators_told_max || !told.insert(name).second) continue;
            accounts_.notices().put(
                batch, name, pending_notice_prefix + after_.jid, pending_notice_inside(after_)
            );
        }
    }
}

void AccountMove::leave_broker(storage::Batch& batch, const Account& account) {
    batch.put(storage::Family::Control, pubsub::leaver_key(account.jid), "");
}
void AccountMove::enter_broker(
    storage::Batch& batch, const Accounts& accounts, const Account& account
) {
    const std::string key = pubsub::leaver_key(account.jid);
    batch.expect(storage::Family::Control, key, accounts.leaver(account.jid));
    if (accounts.leaver(account.jid) != 0) batch.erase(storage::Family::Control, key);
}

void AccountMove::meet(storage::Batch& batch, const Accounts& accounts) {
    const auto* guard = accounts.slots().find(every_anchor, 0);
    const std::string key = slot_key(every_anchor, 0);
    batch.expect(storage::Family::Control, key, guard == nullptr ? 0 : guard->revision);
    batch.put(storage::Family::Control, key, "");
}

void AccountMove::take_slot(storage::Batch& batch, const Account& account) {
    const std::string key = slot_key(account.anchor, account.slot);
    batch.expect(storage::Family::Control, key, 0);
    batch.put(storage::Family::Control, key, account.jid);
}

void AccountMove::release_slot(storage::Batch& batch) {
    const bool stays = after_.state == AccountState::Pending && after_.anchor == before_.anchor;
    if (before_.slot == 0 || stays) return;
    after_.slot = 0;
    const auto* slot = accounts_.slots().find(before_.anchor, before_.slot);
    if (slot == nullptr || slot->account != before_.jid) return;
    const std::string key = slot_key(before_.anchor, before_.slot);
    batch.expect(storage::Family::Control, key, slot->revision);
    batch.erase(storage::Family::Control, key);
}

/// To another CA: what an earlier certificate opened must end.
bool AccountMove::is_moved() const {
    return before_.is_bound() && after_.is_bound() &&
           !after_.is_bound_to(std::string_view(before_.anchor));
}

std::string AccountMove::describe(bool groups_changed) const {
    std::string text =
        std::string(to_string(before_.state)) + " → " + std::string(to_string(after_.state));
    if (before_.state != AccountState::Enabled && after_.is_approved_by_rule())
        text += ", " + after_.approved_by;
    if (after_.device_type != before_.device_type) text += ", device type " + after_.device_type;
    if (after_.claimed_device != before_.claimed_device)
        text += ", says that it is a " + after_.claimed_device;
    if (after_.anchor != before_.anchor || after_.other_anchors != before_.other_anchors) {
        text += ", bound to " + after_.anchor;
        for (const std::string& other : after_.other_anchors) text += " " + other;
    }
    if (after_.fingerprint != before_.fingerprint && !after_.fingerprint.empty())
        text += ", certificate " + after_.fingerprint;
    if (after_.key_pin != before_.key_pin)
        text += after_.key_pin.empty() ? ", unpinned" : ", pinned to " + after_.key_pin;
    if (after_.password != before_.password)
        text += after_.has_password() ? ", new password" : ", no password";
    if (!groups_changed) return text;
    text += ", groups:";
    for (const std::string& group : after_.groups) text += " " + group;
    return text;
}

}   // namespace grid::controller
