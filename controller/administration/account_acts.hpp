// controller/administration/account_acts.hpp: the administrators' acts on accounts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

// Acts on one account. Each batch expects the account's record and carries the audit record; the
// change is none where the account is so already.

/// An account of this grid's domain, ENABLED, bound by its first login; or with a password
/// (controller/administration/credentials/password_acts.hpp), where `credentials` are given.
Outcome<AccountChange> create_account(
    const ActContext& call,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const Credentials* credentials = nullptr
);
/// Without groups the default groups; without a device type the one that the client said.
Outcome<AccountChange> approve_account(
    const ActContext& call,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const std::optional<std::string>& device_type
);
Outcome<AccountChange> decline_account(const ActContext& call, const xml::Jid& jid);
/// The account's sessions end with it (controller/accounts/notice_texts.cpp).
Outcome<AccountChange> disable_account(const ActContext& call, const xml::Jid& jid);
Outcome<AccountChange> enable_account(const ActContext& call, const xml::Jid& jid);
Outcome<AccountChange> set_account_groups(
    const ActContext& call, const xml::Jid& jid, const Groups& groups
);
Outcome<AccountChange> edit_account(
    const ActContext& call, const xml::Jid& jid, const AccountEdit& edit
);
Outcome<AccountChange> delete_account(const ActContext& call, const xml::Jid& jid);

/// XEP-0133 §4.29: these accounts are in the group `administrators`, and no others; all changes or
/// none, at most `administrators_changed_max` of them. The actor stays one.
inline constexpr std::size_t administrators_changed_max = 20;
Outcome<storage::Batch> set_administrators(
    const ActContext& call, const std::vector<xml::Jid>& jids
);

/// Moves accounts to another CA, or binds them to one more.
struct Rebinding {
    std::string authority;   // SHA-256 of its key, hex
    bool keeps_others = false;
    std::string from = {};         // accounts that are bound to this one; empty: any
    bool administrators = false;   // only them
    std::string after = {};        // accounts up to this one were looked at
    bool is_trial = false;         // says what would be done, and does nothing
};
Outcome<AccountChange> rebind_account(
    const ActContext& call, const xml::Jid& jid, const Rebinding& rebinding
);
struct Rebound {
    storage::Batch batch;   // of a trial: empty
    std::vector<std::string> moved;
    std::vector<std::pair<std::string, std::string>> refused;   // accounts that stay, and why
    std::string next;                                           // for `after`; empty: that was all
};
/// A part of all accounts, in one batch. An account is moved with all that belongs to it, or stays.
Outcome<Rebound> rebind_accounts(const ActContext& call, const Rebinding& rebinding);

/// The same act on each of the accounts, in one batch: all of them or none.
Outcome<storage::Batch> change_accounts(
    const std::vector<xml::Jid>& jids,
    const std::function<Outcome<AccountChange>(const xml::Jid&)>& act
);

}   // namespace grid::controller::administration
