// controller/ports.hpp: the controller's ports: its requests to the server around it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "pubsub/ports/ports.hpp"
#include "storage/store.hpp"
#include "xml/jid.hpp"
#include "xml/result.hpp"
#include "xml/stream_error.hpp"

namespace grid::controller {

struct SessionView {
    std::uint64_t id = 0;
    xml::Jid jid;   // full
    std::string address, transport;
    storage::Millis since = 0;
    bool is_active = false;   // logged in: by the Grid protocol, by presence, or implicitly
    std::size_t outbox_bytes = 0;
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
    Identity identity;
    bool is_hibernating = false;   // without a connection, and the client may resume it
    bool is_managed = false;       // with stream management (XEP-0198)
    std::size_t unacked = 0;       // stanzas that the client was sent and has not acknowledged
    // The delivery position: items up to that revision were sent, and have arrived.
    storage::Revision sent_to = 0, acked_to = 0;
    bool is_replaying = false;   // items that were missed come from the store
    int priority = 0;            // of its presence; negative: nothing to the bare JID
    /// The other member of the cluster that it is on; empty: it is here. Of one elsewhere it is not
    /// known here what it was sent, and how far it got.
    std::string member = {};
};

/// The last activity of a session, for the leases of publishers.
struct Activity {
    xml::Jid jid;                // full
    storage::Millis since = 0;   // bound
    bool is_active = false;      // logged in
    bool is_present = false;     // the session sent presence, and is available
    storage::Millis heard = 0;   // when its last stanza came
};

/// Verifies certificate chains as at login: trust store, dates, EKU clientAuth, revocation, and the
/// accounts that the leaf may claim. Any thread.
class CertificateVerifier {
public:
    virtual ~CertificateVerifier() = default;
    struct Verdict {
        bool is_readable = false;           // every certificate parses
        std::string reason;                 // why it does not hold; empty: it does
        std::vector<Identity> identities;   // the accounts of the paths
    };
    /// DER, leaf first.
    virtual Verdict verify(const std::vector<std::string>& chain) const = 0;
    /// Whether a trusted CA has this key (SHA-256, hex).
    virtual bool trusts(std::string_view) const { return true; }
};

/// The session table, read on the core strand.
class Sessions {
public:
    virtual ~Sessions() = default;
    virtual std::vector<SessionView> sessions() const = 0;
    /// Sessions behind that id, by id, at most so many; the same default as `resources`.
    virtual std::vector<SessionView> sessions_after(std::uint64_t id, std::size_t max) const;
    virtual const Identity* identity(std::uint64_t session) const = 0;
    virtual bool is_active(std::uint64_t session) const = 0;
    virtual std::optional<Activity> activity(std::uint64_t session) const = 0;
    /// Active full JIDs of an account.
    virtual std::vector<xml::Jid> active_resources(const xml::Jid& bare) const = 0;
    /// All full JIDs of an account, confined and inactive ones too. The default walks the table; a
    /// table with an index by account should say so here.
    virtual std::vector<xml::Jid> resources(const xml::Jid& bare) const;
    /// Of both those whose streams this member of a cluster has: these are told here what concerns
    /// their account, others by their own member.
    virtual std::vector<xml::Jid> active_resources_here(const xml::Jid& bare) const {
        return active_resources(bare);
    }
    virtual std::vector<xml::Jid> resources_here(const xml::Jid& bare) const {
        return resources(bare);
    }
    /// The same with what was seen of them; as above, a table with an index should say so here.
    virtual std::vector<SessionView> sessions_of(const xml::Jid& bare) const;
    /// False: members of the cluster have not told all of their sessions yet. That a session is not
    /// there is no reason to end anything then.
    virtual bool knows_all() const { return true; }
};

/// Changes of which those sessions of an account hear that asked for the whole.
enum class Interest { BlockList };

/// The acts of notifying besides sending messages.
class SessionControl : public pubsub::NotificationSink {
public:
    /// A message to one resource, whether it has logged in or not, ahead of what closes it. `rest`
    /// as in pubsub::Notification.
    virtual void tell(const xml::Jid& full, xml::Bytes rest);
    /// An iq set with that payload to each session of the account that has this interest.
    virtual void push(
        const xml::Jid& /*bare*/, Interest /*interest*/, const xml::Element& /*payload*/
    ) {}
    /// Ends every stream of the account: it was disabled, its groups changed, or its certificate
    /// was revoked.
    virtual void close_account(const xml::Jid& bare, xml::StreamError error) = 0;
    /// Ends one stream, by its full JID.
    virtual void close_session(const xml::Jid& full, xml::StreamError error) = 0;
    /// The policy or an account changed: the recipients must be determined again.
    virtual void rights_changed() = 0;
};

/// Records of the audit on their way to audit.export_to.
struct ExportFacts {
    std::string trouble;               // why the receiver takes none; empty: it does
    storage::Millis troubled_ms = 0;   // for so long
    std::uint64_t waiting = 0;         // records that are not handed on yet
    std::uint64_t lost = 0;            // since the start
};
/// Facts about the process for `status`.
struct ServerFacts {
    std::string version, domain;
    bool is_evaluation = false;   // the evaluation CA is in use
    storage::Millis started = 0;
    std::vector<std::pair<std::string, std::string>> listeners;   // name, bound address
    storage::StoreStatus store;
    std::size_t sessions = 0;
    /// Since the start: times that a session was slowed down since it sent more than its rate, and
    /// sessions that were cut off since they went on.
    std::uint64_t sessions_slowed = 0, sessions_cut = 0;
    std::size_t hibernating = 0;   // of the sessions
    /// Faults beside the store that an operator should mend, one sentence each: sources of
    /// revocation lists.
    std::vector<std::string> problems;
    std::optional<ExportFacts> audit_export;   // nullopt: no records are handed on
};
/// A copy of the grid's data that a running server has made, or is making.
struct BackupView {
    enum class State { Running, Complete, Failed };
    std::string name;
    State state = State::Running;
    std::string reason;   // of a failure
    storage::Millis time = 0;
    // Of a complete one.
    std::uint64_t revision = 0, epoch = 0, audit_number = 0;
    std::string audit_hash;   // of the last record, hex
    std::uint64_t bytes = 0;
    std::size_t files = 0;
};
/// Backups, in the directory that is configured. Any thread.
class BackupControl {
public:
    virtual ~BackupControl() = default;
    /// Begins one; nullopt: another one is being made.
    virtual std::optional<BackupView> begin() = 0;
    /// The newest first: the one that is being made or has failed last, then those that are there.
    virtual std::vector<BackupView> list() const = 0;
    /// The error says why it stays: it is no backup here, or is being read.
    virtual Result<void, std::string> remove(const std::string& name) = 0;
};

/// A member of the cluster that the server belongs to.
struct MemberView {
    std::string name, address, clients;
    bool is_self = false, is_leader = false, is_draining = false;
    bool is_linked = false;            // there is a connection to it
    std::string link_failure;          // why there is none
    std::uint64_t flushed_group = 0;   // on its disk
    /// Of the certificate of its link, and the CAs above it; 0: not known.
    storage::Millis certificate_expires = 0;
    // As it told; no value: it did not yet.
    std::optional<std::int64_t> clock_ahead_ms;   // of this member's clock
    std::optional<std::uint64_t> free_bytes;      // of the volume of its data
    bool may_lead = true;                         // its store takes writes
    std::string client_cas;   // fingerprint of the CAs that it trusts for clients; empty: not known
    std::optional<std::uint64_t> leaving;   // sessions and transfers that are left; none: it stays
};
/// The cluster as this member sees it.
struct ClusterView {
    std::string name, member;
    std::string leader;   // the name of the leader; empty: none is known
    bool is_leader = false, is_draining = false, is_cut_off = false, needs_copy = false;
    std::uint64_t term = 0, applied = 0, applied_group = 0, known_group = 0, flushed_group = 0;
    std::uint64_t leader_changes = 0, forwarded = 0, submitted_again = 0;
    std::uint64_t waiting = 0;     // answers that wait until every member has applied their change
    std::uint64_t heard_ms = 0;    // ago: from the log in etcd
    std::uint64_t log_bytes = 0;   // of the log's groups that are kept, as far as they are known
    std::uint64_t etcd_bytes = 0, etcd_bytes_in_use = 0;   // of etcd's database; 0: not known
    bool is_etcd_full = false;                             // it takes no changes
    // Of files that clients exchange: complete and not on this member yet; fetched from others
    // since its start.
    std::uint64_t files_missing = 0, files_missing_bytes = 0;
    std::uint64_t files_fetched = 0, files_fetched_bytes = 0;
    std::vector<MemberView> members;   // with this one, by name
    /// Why there is no connection to any other member; empty: there is one, or no other member.
    std::string no_link;
    std::vector<std::string> warnings;   // differences between members that an operator should mend
};
/// The wishes of operators about a cluster. Any thread.
class ClusterControl {
public:
    virtual ~ClusterControl() = default;
    virtual ClusterView view() const = 0;
    /// Drain: no new streams, those that are there go elsewhere, and it does not lead. Join: the
    /// other way round. Promote: it leads. Leave: drain; its server stops when its clients are
    /// gone.
    enum class Wish : std::uint8_t { Drain, Join, Promote, Leave };
    /// Of that member, by name. The error says why not. The member acts after this has returned.
    virtual Result<void, std::string> ask(Wish wish, const std::string& member) = 0;
};

class ServerInfo {
public:
    virtual ~ServerInfo() = default;
    /// Null: the server is no member of a cluster.
    virtual ClusterControl* cluster() const { return nullptr; }
    /// Null: none are made here.
    virtual BackupControl* backups() const { return nullptr; }
    virtual ServerFacts facts() const = 0;
    /// Opens the store again after a write of it failed. Takes seconds: on the reader pool.
    virtual boost::system::error_code reopen_store() const = 0;
};

/// Advice to the operator about a store that takes no writes; empty while it does.
std::string advice(const storage::StoreStatus& store);
/// Of records that the receiver of the audit does not take; empty while it does. The name and the
/// words of the receiver are for administrators.
std::string export_problem(const ServerFacts& facts, bool is_for_administrators);
/// All that an operator should mend, one sentence each: the store first, where it takes no writes.
std::vector<std::string> problems_of(const ServerFacts& facts);

}   // namespace grid::controller
