// controller/administration/acts.hpp: acts of administrators that change more than one record, or
// none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/accounts/account_machine.hpp"
#include "controller/ports.hpp"
#include "controller/state.hpp"

namespace grid::controller::commands {

/// Carried by the batch that has the audit record, so that every node of a grid does its part of it
/// once the act is durable.
struct Act {
    enum class Kind : std::uint8_t { Accounts = 0, EndSessions = 1, Announce = 2 };
    Kind kind = Kind::Accounts;
    std::vector<std::string> texts;   // events of accounts; JIDs; the subject and the body
    bool operator==(const Act&) const = default;
};
std::string encode(const Act& act);
std::optional<Act> decode_act(std::string_view event);
/// After the batch is applied; account events are the caller's.
void perform(
    const Act& act, storage::Revision revision, const State& state, SessionControl& control
);

/// Puts changes of several accounts into one batch: all of them or none.
class AccountBatch {
public:
    void add(AccountChange change);
    storage::Batch take();

private:
    storage::Batch batch_;
    std::vector<std::string> events_;
};

/// By an administrator: an account of this grid's domain, ENABLED, bound by its first login.
Outcome<AccountChange> create_account(
    const State& state,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const pubsub::Context& context
);
/// Moves accounts to another CA, or binds them to one more.
struct Rebinding {
    std::string authority;   // SHA-256 of its key, hex
    bool keeps_others = false;
    std::string from = {};         // accounts that are bound to this one; empty: any
    bool administrators = false;   // only them
    std::string after = {};        // accounts up to this one were looked at
};
struct Rebound {
    storage::Batch batch;
    std::vector<std::string> moved;
    std::string next;   // for `after`; empty: that was all
};
/// A part of all accounts, in one batch.
Outcome<Rebound> rebind_accounts(
    const State& state, const Rebinding& rebinding, const pubsub::Context& context
);
/// One account.
Outcome<AccountChange> rebind_account(
    const State& state,
    const xml::Jid& jid,
    const Rebinding& rebinding,
    const pubsub::Context& context
);
/// Streams end with <policy-violation/>. Full JIDs, or bare ones for all of an account's.
storage::Batch end_sessions(const std::vector<xml::Jid>& jids, const pubsub::Context& context);
/// To all accounts that are online.
storage::Batch announce(
    const std::string& subject, const std::string& body, const pubsub::Context& context
);
/// Deletes the node with all that hangs on it, whatever its owner.
Outcome<storage::Batch> delete_topic(
    const State& state, const std::string& name, const pubsub::Context& context
);

}   // namespace grid::controller::commands
