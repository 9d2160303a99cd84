// controller/accounts/account_machine.hpp: the state machine of accounts: request → batch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/accounts/account_move.hpp"
#include "controller/accounts/accounts.hpp"
#include "controller/contacts/rosters.hpp"
#include "controller/credentials/credentials.hpp"
#include "controller/errors.hpp"
#include "controller/settings.hpp"
#include "pubsub/broker.hpp"
#include "pubsub/request.hpp"

namespace grid::controller {

/// The actions that change an account's state. The table in controller/accounts/account_machine.cpp
/// says where each leads from each state.
enum class AccountAction {
    Register,       // by the client itself
    AutoRegister,   // by the client or its login, where [accounts] auto_approve is on
    Create,         // by an administrator, before the client ever came
    Approve,
    Decline,
    Disable,
    Enable,
    SetGroups,
    Delete,
    Expire,   // PENDING for too long
};
inline constexpr std::size_t account_actions = 10;
std::string_view to_string(AccountAction action);
/// nullopt where the action is not possible.
std::optional<AccountState> next_state(AccountState from, AccountAction action);

/// A client's wishes when it registers: groups, a description and a device type. None of them
/// counts until it is approved.
struct RegistrationRequest {
    Groups groups;
    std::string description, device_type;
};

/// The fields that an administrator may set besides state and groups; a field without a value stays
/// as it is.
struct AccountEdit {
    std::optional<std::string> description, device_type;
    /// Empty: any key; `current`: the newest one seen; else SHA-256 of the public key, hex.
    std::optional<std::string> key_pin;
};

/// Pure functions over the accounts; every batch expects the account's record.
class AccountMachine {
public:
    /// `broker` may be null: then no earlier account has left nodes or subscriptions there;
    /// likewise `rosters`.
    AccountMachine(
        const Accounts& accounts,
        const Settings& settings,
        const pubsub::Broker* broker = nullptr,
        const contacts::Rosters* rosters = nullptr
    )
        : accounts_(accounts), settings_(settings), broker_(broker), rosters_(rosters) {}

    /// Registers, or answers the present state to the same certificate again; `conflict` for
    /// another certificate.
    Outcome<AccountChange> register_client(
        const Identity& identity, const RegistrationRequest& wishes, const pubsub::Context& context
    ) const;
    /// At login: automatic registration, binding of an account that an administrator made, a newer
    /// certificate. False when all is in place.
    bool needs_enrolment(const Identity& identity) const;
    Outcome<AccountChange> enrol(const Identity& identity, const pubsub::Context& context) const;

    /// Approve, Decline, Disable, Enable, SetGroups, Create: `groups` where given replace the
    /// present ones. Approve: the device type that counts; without it the one that the client said.
    /// Create: with a password, where `credentials` are given.
    Outcome<AccountChange> act(
        AccountAction action,
        const xml::Jid& jid,
        const std::optional<Groups>& groups,
        const pubsub::Context& context,
        const std::optional<std::string>& device_type = std::nullopt,
        const Credentials* credentials = nullptr
    ) const;
    /// In-band registration (XEP-0077 §3.1): the account waits for an administrator, whatever
    /// approval rules say, which are about certificates. `UsernameTaken` where there is one.
    Outcome<AccountChange> register_by_password(
        const xml::Jid& jid, const Credentials& credentials, const pubsub::Context& context
    ) const;
    /// With `credentials` the account has that password, and no other any more; null: none.
    Outcome<AccountChange> set_password(
        const xml::Jid& jid, const Credentials* credentials, const pubsub::Context& context
    ) const;
    /// To another CA (SHA-256 of its key, hex), or with `keeps_others` to one more.
    Outcome<AccountChange> rebind(
        const xml::Jid& jid,
        const std::string& authority,
        bool keeps_others,
        const pubsub::Context& context
    ) const;
    /// Sets fields of an account without changing its state.
    Outcome<AccountChange> edit(
        const xml::Jid& jid, const AccountEdit& edit, const pubsub::Context& context
    ) const;
    /// `is_own_wish`: the client itself gives its account up.
    Outcome<AccountChange> remove(
        const xml::Jid& jid, const pubsub::Context& context, bool is_own_wish = false
    ) const;
    /// XEP-0077 §3.2: by the client itself.
    Outcome<AccountChange> unregister_client(
        const Identity& identity, const pubsub::Context& context
    ) const;
    /// A PENDING account that waited too long.
    AccountChange expire(const Account& account, storage::Millis now) const;
    /// Start-up: ENABLED and in the group of administrators.
    AccountChange make_administrator(const xml::Jid& jid) const;

private:
    /// Whether a registration needs no person; `claims` is null at a login.
    Approval approval(const Identity& identity, const Claims* claims) const;
    /// Whether it could be back at once in groups of a rule's choice.
    bool comes_back_unasked(const Identity& identity) const;
    /// A deleted account of that name still has something at the broker, which its next holder
    /// must not inherit: it is being removed.
    std::optional<Failure> check_leftovers(const Account& before) const;
    /// An account that was not there: its name at the broker, and its place among accounts_max.
    void enter(AccountChange& change) const;

    const Accounts& accounts_;
    const Settings& settings_;
    const pubsub::Broker* broker_;
    const contacts::Rosters* rosters_;
};

/// The account as it is; INIT for one that is not stored.
Account present_account(const Accounts& accounts, const xml::Jid& jid);

/// "The same certificate": the same trust anchor and the same account; and an account that an
/// xmppAddr named, or an administrator's, is never taken by a mapping rule.
bool is_same_certificate(const Account& account, const Identity& identity);

}   // namespace grid::controller
