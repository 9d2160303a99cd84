// controller/administration/act_context.hpp: the arguments that every act of administration takes.
#pragma once

#include "controller/state.hpp"
#include "pubsub/request.hpp"

namespace grid::controller::administration {

/// The state that an act is about, and the request that asks for it: its actor, its time and its
/// fresh id. The Call of each interface begins with one, so that a Call is passed to an act as it
/// is. Core strand.
struct ActContext {
    const State& state;
    const pubsub::Context& context;

    const pubsub::Principal& actor() const { return context.actor; }

    /// Makes the batch expect the actor's account record, on which its right to administer rests:
    /// of an administrator that is demoted, disabled or moved to another CA before the commit, the
    /// act is decided again, and refused. Every act calls this for its batch, whatever interface
    /// asks. A batch without writes stays empty; the system needs no right.
    void expect_right(storage::Batch& batch) const {
        if (!batch.operations.empty()) state.expect_account(batch, actor());
    }

    /// Makes the batch expect that record of settings as it is now: of two changes at once the
    /// later one is decided again, and so is its condition (If-Match). Every act on such a record
    /// calls this.
    void expect_settings(storage::Batch& batch, const std::string& key) const {
        batch.expect(storage::Family::Control, key, state.settings_revision(key));
    }

    /// An operator decides about accounts that have no role of administration, and gives none:
    /// nullopt when the actor may act on that account, which then has these groups (null: its own).
    std::optional<Failure> beyond_reach(std::string_view jid, const Groups* groups = nullptr)
        const {
        if (state.is_administrator(actor())) return std::nullopt;
        const Account* account = state.accounts.find(jid);
        const bool has_role = account != nullptr && account->has_role();
        if (!has_role && (groups == nullptr || role_of_groups(*groups) == Role::Member))
            return std::nullopt;
        return for_administrators(
            "accounts with a role of administration, and groups that give one, are"
        );
    }
    Failure for_administrators(const std::string& what) const {
        const std::string needed(to_string(Role::Administrator));
        return {
            Errc::NotAdministrator,
            what + " for the role " + needed + "; this account has the role " +
                std::string(to_string(state.role_of(actor()))),
            needed
        };
    }
};

}   // namespace grid::controller::administration
