// controller/state.hpp: the parts of the controller, for its own files and the interfaces that
// share them.
#pragma once

#include <map>
#include <string>

#include "controller/accounts/account_machine.hpp"
#include "controller/accounts/accounts.hpp"
#include "controller/accounts/greetings.hpp"
#include "controller/accounts/visits.hpp"
#include "controller/admission.hpp"
#include "controller/audit/cut.hpp"
#include "controller/audit/queue.hpp"
#include "controller/bulk/files.hpp"
#include "controller/bulk/transfer.hpp"
#include "controller/command_sessions.hpp"
#include "controller/contacts/rosters.hpp"
#include "controller/credentials/credentials.hpp"
#include "controller/credentials/second_factors.hpp"
#include "controller/messages/archives.hpp"
#include "controller/messages/block_lists.hpp"
#include "controller/messages/offline_messages.hpp"
#include "controller/policy/drafts.hpp"
#include "controller/policy/groups.hpp"
#include "controller/policy/policy.hpp"
#include "controller/process_control.hpp"
#include "controller/roles/acts.hpp"
#include "controller/schemas/schemas.hpp"
#include "controller/settings.hpp"
#include "controller/topics/content_filters.hpp"
#include "controller/topics/directory.hpp"

namespace grid::controller {

/// Core strand only. Durable parts change in `apply` alone; `audit` and `dialogs` are soft
/// state.
struct State {
    State(Settings s, const Sessions& all_sessions)
        : settings(std::move(s)),
          sessions(all_sessions),
          policy(std::string(settings.domain)),
          audit(settings.audit_queue_max),
          offline(settings.offline),
          archives(settings.archive),
          directory(settings, sessions),
          filters(settings, directory) {}

    /// As configured, with what administrators changed since
    /// (controller/administration/settings_acts.hpp).
    Settings settings;
    const Settings configured = settings;
    const Sessions& sessions;
    Accounts accounts;
    CredentialTable credentials;
    SecondFactors second_factors;
    GroupTable groups;
    Greetings greetings;
    /// Of the records of settings, greetings and the choice of administrators, by key.
    std::map<std::string, storage::Revision, std::less<>> settings_revisions;
    Visits visits;   // written behind
    contacts::Rosters rosters;
    /// Accounts that are gone and may have a roster still, with the size that it had when a part of
    /// it was last proposed for removal. Soft state.
    struct Leaving {
        std::size_t size = 0;
        int waits = 0;
    };
    std::map<std::string, Leaving, std::less<>> leaving;
    policy::Policy policy;
    mutable audit::Queue audit;
    std::optional<audit::Cut> last_cut;   // of the audit, by retention
    mutable Dialogs dialogs;
    const CertificateVerifier* chains = nullptr;
    OfflineMessages offline;
    Archives archives;
    BlockLists blocks;
    const bulk::Table* transfers = nullptr;   // null: there are none
    ProcessControl* process = nullptr;        // null: acts on the process do nothing
    bulk::Files files;
    Directory directory;
    mutable policy::Drafts drafts;   // soft state
    filters::ContentFilters filters;
    schemas::Schemas schemas;
    std::uint64_t revision = 1;   // of rights: see AccessPolicy::revision
    /// Logins and requests by HTTPS that were refused since the start: by what, and by the
    /// condition, which is one of the protocol's. Soft state.
    std::map<std::pair<std::string, std::string>, std::uint64_t> refusals;

    /// 0: there is no such record.
    storage::Revision settings_revision(std::string_view key) const {
        const auto found = settings_revisions.find(key);
        return found == settings_revisions.end() ? 0 : found->second;
    }

    AccountMachine machine() const { return {accounts, settings, directory.broker(), &rosters}; }

    /// The actor's account when it may act at all: registered, and by the certificate that this
    /// very session showed. A session from before another certificate registered its name has none.
    const Account* account_of(const pubsub::Principal& actor) const;
    AccountState state_of(const pubsub::Principal& actor) const;
    /// nullopt when the actor is ENABLED, else the reason.
    std::optional<Failure> entitled(const pubsub::Principal& actor) const;
    bool is_administrator(const pubsub::Principal& actor) const;
    /// By the account's state and its groups, with the certificate or password of this session.
    Role role_of(const pubsub::Principal& actor) const;
    bool may(const pubsub::Principal& actor, Act act) const {
        return role_of(actor) >= least_role(act);
    }
    /// The refusal of an act of administration, on record; nullopt when the actor has the role.
    std::optional<Failure> refuse_act(const pubsub::Principal& actor, Act act) const;

    /// The policy's verdict on a session, by its network and issuer too. A type that is not given
    /// is looked up where a rule asks for it.
    policy::Match decide(
        const pubsub::Principal& actor, policy::Right operation, const policy::Object& object
    ) const;
    policy::Match decide(
        const pubsub::Principal& actor, policy::Right operation, std::string_view topic
    ) const {
        return decide(actor, operation, policy::Object{topic, {}, {}});
    }
    /// The same for another client: a session by its full JID, or all sessions of an account. When
    /// none is online, the rights that every session of it has.
    policy::Match decide_for(
        const xml::Jid& client, policy::Right operation, const policy::Object& object
    ) const;
    /// Whether the account may provide that service (a capability, or a query that is declared) at
    /// the topic: the policy's `publish` under the service's name. Of a topic's own name the rules
    /// about the topic speak; of any other, those which name the service, or everything.
    policy::Match decide_serving(
        const pubsub::Principal& actor, std::string_view topic, std::string_view service
    ) const;
    /// The same for an account, whatever its sessions.
    bool may_serve(const xml::Jid& provider, std::string_view topic, std::string_view service)
        const;
    /// The topic in whose name the policy is asked: a subtopic's is the one that it belongs to.
    std::string governing(std::string_view topic) const;
    /// The topic's type where rules ask for it.
    std::string type_of(policy::Right operation, const policy::Object& object) const;
    /// Expects the record of the actor's account as it is; of the system, which has none, nothing.
    void expect_account(storage::Batch& batch, const pubsub::Principal& actor) const;
    /// Expects the actor's account and the policy head: the gates of an allowed request.
    void expect_gates(storage::Batch& batch, const pubsub::Principal& actor) const;
    /// A question that was answered without a change.
    void note(
        const pubsub::Principal& actor,
        std::string_view operation,
        std::string_view topic,
        const policy::Match& match
    ) const;
};

}   // namespace grid::controller
