// controller/accounts/account_machine.cpp: the actions on accounts: next state, and its batch.
#include "controller/accounts/account_machine.hpp"

#include <algorithm>
#include <array>

#include "controller/accounts/account_move.hpp"
#include "controller/accounts/event.hpp"
#include "controller/accounts/profile_key.hpp"
#include "controller/audit/record.hpp"

namespace grid::controller {

namespace {

constexpr auto no = std::optional<AccountState>{};
constexpr auto init = std::optional(AccountState::Init);
constexpr auto pending = std::optional(AccountState::Pending);
constexpr auto enabled = std::optional(AccountState::Enabled);
constexpr auto disabled = std::optional(AccountState::Disabled);

// One row per action and state. A transition to the same state changes only the fields that the
// action names.
struct Row {
    const char* name;
    std::array<std::optional<AccountState>, 4> from;   // INIT, PENDING, ENABLED, DISABLED
};
constexpr std::array<Row, account_actions> table{{
    {"account-register", {pending, pending, enabled, no}},
    {"account-register", {enabled, enabled, enabled, no}},
    {"account-create", {enabled, no, no, no}},
    {"account-approve", {no, enabled, enabled, no}},
    {"account-decline", {no, disabled, no, disabled}},
    {"account-disable", {no, no, disabled, disabled}},
    {"account-enable", {no, no, enabled, enabled}},
    {"account-groups", {no, pending, enabled, disabled}},
    {"account-delete", {no, init, init, init}},
    {"account-expire", {no, init, no, no}},
}};

const Row& action_row(AccountAction action) { return table.at(static_cast<std::size_t>(action)); }

/// The action that an administrator should take instead.
std::string alternative(AccountState state, AccountAction action) {
    std::string text = "the account is " + std::string(to_string(state)) + ": ";
    if (state == AccountState::Pending) return text + "approve or decline it first";
    if (state == AccountState::Disabled) return text + "enable it instead";
    if (action == AccountAction::Decline) return text + "disable it instead";
    return text + "there is nothing to do";
}

bool is_hash(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}   // namespace

std::string_view to_string(AccountAction action) { return action_row(action).name; }

std::optional<AccountState> next_state(AccountState from, AccountAction action) {
    return action_row(action).from.at(static_cast<std::size_t>(from));
}

bool is_same_certificate(const Account& account, const Identity& identity) {
    if (identity.is_by_password() || identity.is_component()) return account.is_bound_to(identity);
    if (identity.is_mapped && (account.has_role() || (account.is_bound() && !account.is_mapped)))
        return false;
    // An account with a password is not joined by whatever certificate names it: the two may be of
    // different people. An administrator may bind it to a CA (rebind).
    if (!account.is_bound()) return !account.has_password();
    return account.is_bound_to(identity);
}

namespace {

Account unregistered(std::string_view jid) {
    Account account;
    account.jid = jid;
    return account;
}

}   // namespace

Account present_account(const Accounts& accounts, const xml::Jid& jid) {
    const Account* found = accounts.find(jid.bare_view());
    return found != nullptr ? *found : unregistered(jid.bare_view());
}

void AccountMachine::enter(AccountChange& change) const {
    // So many creations may be in the queue at once.
    constexpr std::size_t slack = 4'096;
    AccountMove::enter_broker(change.batch, accounts_, change.after);
    if (accounts_.size() + slack >= settings_.accounts_max)
        AccountMove::meet(change.batch, accounts_);
}

std::optional<Failure> AccountMachine::check_leftovers(const Account& before) const {
    if (before.state != AccountState::Init) return std::nullopt;
    const bool is_at_broker = accounts_.leaver(before.jid) != 0 && broker_ != nullptr &&
                              broker_->holds_anything_of(before.jid);
    const bool has_contacts = rosters_ != nullptr && rosters_->holds_anything_of(before.jid);
    if (!is_at_broker && !has_contacts) return std::nullopt;
    return Failure{
        Errc::TooManyAccounts,
        "what an earlier account of this name had is being removed: try again in a moment",
        {}
    };
}

namespace {

/// An approval takes the device type that the account gave when it registered. Where the account
/// gave another since, either may have been looked at: then the approval must name one.
std::optional<Failure> take_device(
    Account& account, AccountState before, const std::optional<std::string>& named
) {
    if (named && named->size() > device_type_bytes_max)
        return Failure{Errc::MalformedRequest, "a device type has at most 128 bytes", {}};
    const bool was_waiting = before == AccountState::Pending;
    if (!named && was_waiting && account.claim_has_changed)
        return Failure{
            Errc::WrongState,
            "the client changed its device type while it waited, and now says '" +
                account.claimed_device +
                "': name the one that counts (gridctl accounts approve … --device-type TYPE)",
            {}
        };
    if (named)
        account.device_type = *named;
    else if (was_waiting && account.device_type.empty())
        account.device_type = account.claimed_device;
    account.claim_has_changed = false;
    return std::nullopt;
}

}   // namespace

Outcome<AccountChange> AccountMachine::act(
    AccountAction action,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const pubsub::Context& context,
    const std::optional<std::string>& device_type,
    const Credentials* credentials
) const {
    const Account before = present_account(accounts_, jid);
    const auto next = next_state(before.state, action);
    if (!next) {
        if (before.state == AccountState::Init)
            return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
        if (action == AccountAction::Create)
            return Failure{Errc::AccountExists, "the account " + before.jid + " exists", {}};
        return Failure{Errc::WrongState, alternative(before.state, action), {}};
    }
    if (action == AccountAction::Create && accounts_.size() >= settings_.accounts_max)
        return Failure{Errc::TooManyAccounts, "accounts.accounts_max is reached", {}};
    if (auto failure = check_leftovers(before)) return *failure;
    Account after = before;
    after.state = *next;
    if (groups)
        after.groups = *groups;
    else if (after.state == AccountState::Enabled && before.state != AccountState::Enabled &&
             after.groups.empty())
        after.groups = make_groups(settings_.default_groups).value_or(Groups{});
    if (action == AccountAction::Approve)
        if (auto failure = take_device(after, before.state, device_type)) return *failure;
    if (credentials != nullptr) after.password = credentials->generation;
    if (after == before) return AccountChange{{}, before};
    // From now on it is as a person wants it: neither what it says of itself nor a rule changes
    // that.
    if (after.state == AccountState::Enabled) after.approved_by = audit::actor_name(context.actor);
    const bool loses_role =
        after.state != AccountState::Enabled || !after.is_in(administrators_group);
    if (context.actor.jid.bare_view() == before.jid && before.is_in(administrators_group) &&
        loses_role)
        return Failure{
            Errc::OwnAccount, "this would lock yourself out: let another administrator do it", {}
        };
    AccountChange change =
        AccountMove(accounts_, before, after).move(context, action_row(action).name);
    if (before.state == AccountState::Init) enter(change);
    if (credentials != nullptr)
        change.batch.put(
            storage::Family::Control, credentials_key(before.jid), encode(*credentials)
        );
    return change;
}

Outcome<AccountChange> AccountMachine::remove(
    const xml::Jid& jid, const pubsub::Context& context, bool is_own_wish
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    if (context.actor.jid.bare_view() == before.jid && before.is_in(administrators_group))
        return Failure{
            Errc::OwnAccount, "this would lock yourself out: let another administrator do it", {}
        };
    AccountChange change =
        AccountMove(accounts_, before, unregistered(before.jid))
            .move(
                context,
                is_own_wish ? "account-unregister" : action_row(AccountAction::Delete).name,
                is_own_wish ? AccountMove::Cause::OwnWish : AccountMove::Cause::Asked
            );
    AccountMove::leave_broker(change.batch, before);
    change.batch.erase(storage::Family::Payload, profile_key(before.jid));
    return change;
}

AccountChange AccountMachine::expire(const Account& account, storage::Millis now) const {
    pubsub::Context context;
    context.actor = pubsub::Principal::system();
    context.now = now;
    return AccountMove(accounts_, account, unregistered(account.jid))
        .move(context, action_row(AccountAction::Expire).name, AccountMove::Cause::Expired);
}

AccountChange AccountMachine::make_administrator(const xml::Jid& jid) const {
    pubsub::Context context;
    context.actor = pubsub::Principal::system();
    const Account before = present_account(accounts_, jid);
    Account after = before;
    after.state = AccountState::Enabled;
    if (!after.is_in(administrators_group)) {
        after.groups.emplace_back(administrators_group);
        std::ranges::sort(after.groups);
    }
    if (after.state == before.state && after.groups == before.groups)
        return AccountChange{{}, before};
    return AccountMove(accounts_, before, std::move(after))
        .move(context, "account-make-administrator");
}

// Edits of an account: description, device type, pinned key.

Outcome<AccountChange> AccountMachine::edit(
    const xml::Jid& jid, const AccountEdit& edit, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    Account after = before;
    after.description = edit.description.value_or(before.description);
    after.device_type = edit.device_type.value_or(before.device_type);
    if (after.description.size() > description_bytes_max ||
        after.device_type.size() > device_type_bytes_max)
        return malformed("a description has at most 1024 bytes, a device type at most 128");
    if (edit.device_type) after.claim_has_changed = false;   // a person said which counts
    if (edit.key_pin) {
        after.key_pin = *edit.key_pin == "current" ? before.key : *edit.key_pin;
        if (*edit.key_pin == "current" && before.key.empty())
            return Failure{
                Errc::WrongState,
                "no certificate of this account was seen yet: give the SHA-256 of its public key",
                {}
            };
        if (!after.key_pin.empty() && !is_hash(after.key_pin))
            return malformed(
                "a key is pinned as the SHA-256 of its public key (SPKI, DER) in 64 lower-case "
                "hexadecimal digits, or as \"current\"; \"\" unpins"
            );
    }
    if (after == before) return AccountChange{{}, before};
    const bool shuts_out =
        !after.key_pin.empty() && after.key_pin != before.key_pin && after.key_pin != before.key;
    if (shuts_out && context.actor.jid.bare_view() == before.jid)
        return Failure{
            Errc::OwnAccount,
            "this would lock yourself out: it is not the key of your certificate; let another "
            "administrator do it",
            {}
        };
    if (after.state == AccountState::Enabled) after.approved_by = audit::actor_name(context.actor);
    return AccountMove(accounts_, before, std::move(after)).move(context, "account-edit");
}

Outcome<AccountChange> AccountMachine::set_password(
    const xml::Jid& jid, const Credentials* credentials, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    if (credentials == nullptr && !before.has_password()) return AccountChange{{}, before};
    Account after = before;
    after.password = credentials != nullptr ? credentials->generation : std::string();
    AccountChange change = AccountMove(accounts_, before, after).move(context, "account-password");
    if (credentials != nullptr)
        change.batch.put(
            storage::Family::Control, credentials_key(before.jid), encode(*credentials)
        );
    return change;
}

Outcome<AccountChange> AccountMachine::rebind(
    const xml::Jid& jid,
    const std::string& authority,
    bool keeps_others,
    const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    if (!is_hash(authority))
        return malformed(
            "a certificate authority is named by the SHA-256 of its public key (SPKI, DER) in 64 "
            "lower-case hexadecimal digits"
        );
    // An account that is bound to that CA alone loses its pin, by which it may be shut out.
    const bool is_moved_already =
        before.anchor == authority && before.other_anchors.empty() && before.key_pin.empty();
    const bool is_kept_already = keeps_others && before.is_bound_to(std::string_view(authority));
    if (is_moved_already || is_kept_already) return AccountChange{{}, before};
    if (keeps_others && before.other_anchors.size() >= other_anchors_max)
        return Failure{
            Errc::WrongState,
            "an account is bound to at most 17 certificate authorities: move it to one of them "
            "first",
            {}
        };
    Account after = before;
    after.bind_to(authority, keeps_others);
    return AccountMove(accounts_, before, std::move(after)).move(context, "account-rebind");
}

}   // namespace grid::controller
