// controller/accounts/account_move.hpp: the batch that moves an account from one state to
// another.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "controller/accounts/accounts.hpp"
#include "controller/accounts/event.hpp"
#include "pubsub/request.hpp"

namespace grid::controller {

/// A decided change. `batch` has no operations when all is as it should be already.
struct AccountChange {
    storage::Batch batch;
    Account after;
    bool is_change() const { return !batch.operations.empty(); }
};

/// Moves `before` to `after` in one batch: record, guard, audit, event.
class AccountMove {
public:
    AccountMove(const Accounts& accounts, const Account& before, Account after)
        : accounts_(accounts), before_(before), after_(std::move(after)) {}

    enum class Cause { Asked, Expired, OwnWish };
    AccountChange move(
        const pubsub::Context& context, std::string_view name, Cause cause = Cause::Asked
    );

    /// The account's nodes and subscriptions at the broker are removed in the background
    /// (pubsub/maintenance/due.cpp); the marker record for that is durable with the deletion
    /// itself.
    static void leave_broker(storage::Batch& batch, const Account& account);
    /// Ends that removal: an earlier holder has left nothing, and from now on everything under the
    /// name is the new account's.
    static void enter_broker(
        storage::Batch& batch, const Accounts& accounts, const Account& account
    );
    /// Near accounts_max: of two creations of one moment one is decided again, so that they do not
    /// pass it together.
    static void meet(storage::Batch& batch, const Accounts& accounts);
    /// Takes a guard record of the trust anchor, for an account that becomes PENDING.
    static void take_slot(storage::Batch& batch, const Account& account);

private:
    void release_slot(storage::Batch& batch);
    void put_notices(storage::Batch& batch) const;
    std::string describe(bool groups_changed) const;
    bool is_moved() const;

    const Accounts& accounts_;
    const Account& before_;
    Account after_;
};

}   // namespace grid::controller
