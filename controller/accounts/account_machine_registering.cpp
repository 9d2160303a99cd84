// controller/accounts/account_machine_registering.cpp: how a client gets its account: by asking,
// or by logging in.
#include "controller/accounts/account_machine.hpp"
#include "controller/accounts/account_move.hpp"

namespace grid::controller {

namespace {

Failure taken() {
    return {Errc::UsernameTaken, "this name belongs to another certificate: choose another", {}};
}

Failure shut_out() { return {Errc::Disabled, "an administrator disabled this account", {}}; }

Failure wrong_key() {
    return {
        Errc::OtherKey,
        "this account is pinned to another key: an administrator must unpin it or pin this one",
        {}
    };
}

/// A client's description of itself counts as long as no person has approved the account.
void take_wishes(Account& after, const Account& before, const RegistrationRequest& wishes) {
    const bool is_open =
        before.state == AccountState::Init || before.state == AccountState::Pending;
    const auto take = [is_open](auto& to, const auto& from) {
        if (!from.empty() && (is_open || to.empty())) to = from;
    };
    if (!is_open && !before.is_approved_by_rule()) return;
    take(after.wished, wishes.groups);
    take(after.description, wishes.description);
    take(after.claimed_device, wishes.device_type);
    // An administrator may have looked at it already.
    if (before.state == AccountState::Pending && after.claimed_device != before.claimed_device)
        after.claim_has_changed = true;
}

Claims claims_of(const Account& account) { return {account.wished, account.claimed_device}; }

}   // namespace

Approval AccountMachine::approval(const Identity& identity, const Claims* claims) const {
    if (auto ruled = approve_by_rule(settings_.approve, identity.approvals, claims)) {
        if (ruled->groups.empty()) ruled->groups = settings_.default_groups;
        return *ruled;
    }
    return {settings_.auto_approve, settings_.default_groups, "auto_approve"};
}

Outcome<AccountChange> AccountMachine::register_client(
    const Identity& identity, const RegistrationRequest& wishes, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, identity.account);
    if (!is_same_certificate(before, identity)) return taken();
    if (before.state == AccountState::Disabled) return shut_out();
    if (before.is_pinned_elsewhere(identity)) return wrong_key();
    Account after = before;
    take_wishes(after, before, wishes);
    const Claims claims = claims_of(after);
    const auto found = approval(identity, &claims);
    const auto action = found.is_approved ? AccountAction::AutoRegister : AccountAction::Register;
    // An enabled account stays enabled, whatever the rules say by now.
    if (before.state != AccountState::Enabled)
        after.state = next_state(before.state, action).value_or(before.state);
    // A person's word stands; and what a rule took once is not exchanged.
    const bool is_ruled = before.state != AccountState::Enabled || before.is_approved_by_rule();
    if (found.is_approved && found.takes_device && is_ruled && after.device_type.empty()) {
        after.device_type = after.claimed_device;
        after.claim_has_changed = false;
    }
    if (after == before && (before.is_bound() || identity.is_by_password()))
        return AccountChange{{}, before};
    if (before.state == AccountState::Init && accounts_.size() >= settings_.accounts_max)
        return Failure{Errc::TooManyAccounts, "this grid takes no more accounts", {}};
    if (auto failure = check_leftovers(before)) return *failure;
    if (!before.is_bound() && !identity.is_by_password() && settings_.pin_keys)
        after.key_pin = identity.key;
    after.bind(identity);
    if (after.state == AccountState::Enabled && before.state != AccountState::Enabled) {
        after.approved_by = approved_by_rule_prefix + found.rule;
        if (after.groups.empty()) after.groups = make_groups(found.groups).value_or(Groups{});
    }
    const bool needs_slot =
        after.state == AccountState::Pending && before.state == AccountState::Init;
    if (needs_slot) {
        after.slot =
            accounts_.slots().pick(after.anchor, after.jid, settings_.pending_per_anchor_max);
        if (after.slot == 0)
            return Failure{
                Errc::TooManyPending,
                "too many accounts of this certificate authority wait for approval: try later",
                {}
            };
    }
    AccountChange change = AccountMove(accounts_, before, after).move(context, to_string(action));
    if (needs_slot) AccountMove::take_slot(change.batch, change.after);
    if (before.state == AccountState::Init) enter(change);
    return change;
}

Outcome<AccountChange> AccountMachine::register_by_password(
    const xml::Jid& jid, const Credentials& credentials, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state != AccountState::Init)
        return Failure{Errc::UsernameTaken, "this name is taken: choose another", {}};
    if (accounts_.size() >= settings_.accounts_max)
        return Failure{Errc::TooManyAccounts, "this grid takes no more accounts", {}};
    if (auto failure = check_leftovers(before)) return *failure;
    Account after = before;
    after.state = AccountState::Pending;
    after.password = credentials.generation;
    after.slot = accounts_.slots().pick({}, after.jid, settings_.pending_per_anchor_max);
    if (after.slot == 0)
        return Failure{Errc::TooManyPending, "too many accounts wait for approval: try later", {}};
    AccountChange change =
        AccountMove(accounts_, before, after).move(context, to_string(AccountAction::Register));
    AccountMove::take_slot(change.batch, change.after);
    enter(change);
    change.batch.put(storage::Family::Control, credentials_key(before.jid), encode(credentials));
    return change;
}

bool AccountMachine::comes_back_unasked(const Identity& identity) const {
    if (identity.is_by_password()) return false;   // the account would wait for a person
    if (settings_.auto_approve) return true;
    for (std::size_t i = 0; i < settings_.approve.size() && i < approval_rules_max; ++i)
        if ((identity.approvals >> i & 1U) != 0 && !settings_.approve[i].asks) return true;
    return false;
}

Outcome<AccountChange> AccountMachine::unregister_client(
    const Identity& identity, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, identity.account);
    if (before.state == AccountState::Init || !is_same_certificate(before, identity))
        return Failure{Errc::Unregistered, "there is no registration", {}};
    // A disabled account cannot unregister, so that it cannot come back as a new one.
    if (before.state == AccountState::Disabled) return shut_out();
    // Nor can an account shed the groups that a person gave it by unregistering and registering
    // again.
    const bool is_decided = before.state == AccountState::Enabled ? !before.is_approved_by_rule()
                                                                  : !before.groups.empty();
    if (is_decided && comes_back_unasked(identity))
        return Failure{
            Errc::OwnAccount, "an administrator decided about this account: ask for its removal", {}
        };
    return remove(identity.account, context, true);
}

bool AccountMachine::needs_enrolment(const Identity& identity) const {
    if (identity.is_by_password()) return false;   // no certificate that is new
    const Account* found = accounts_.find(identity.account.bare_view());
    if (found == nullptr) return approval(identity, nullptr).is_approved;
    if (!is_same_certificate(*found, identity)) return false;
    if (found->state == AccountState::Pending) {
        const Claims claims = claims_of(*found);
        if (approval(identity, &claims).is_approved) return true;
    }
    // Only ever forward: two valid certificates in use must not write in turn.
    return !found->is_bound() || identity.not_before > found->not_before ||
           (found->is_mapped && !identity.is_mapped) ||
           (found->key.empty() && !identity.key.empty() &&
            found->fingerprint == identity.fingerprint);
}

Outcome<AccountChange> AccountMachine::enrol(
    const Identity& identity, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, identity.account);
    if (!is_same_certificate(before, identity)) return taken();
    if (before.state == AccountState::Disabled) return shut_out();
    if (before.is_pinned_elsewhere(identity)) return wrong_key();
    const bool is_waiting = before.state == AccountState::Pending;
    const Claims claims = claims_of(before);
    if (before.state != AccountState::Enabled &&
        approval(identity, is_waiting ? &claims : nullptr).is_approved)
        return register_client(identity, {}, context);
    // An unregistered client may enter the grid, confined; it registers itself.
    if (before.state == AccountState::Init || !needs_enrolment(identity))
        return AccountChange{{}, before};
    Account after = before;
    // Nor has it shown one since it was moved to another CA.
    const bool is_first = !before.is_bound() || before.fingerprint.empty();
    if (is_first && settings_.pin_keys) after.key_pin = identity.key;
    after.bind(identity);
    return AccountMove(accounts_, before, after).move(context, "account-bind");
}

}   // namespace grid::controller
