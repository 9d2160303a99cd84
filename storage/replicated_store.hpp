// storage/replicated_store.hpp: the store of a member of a cluster: RocksDB for all data, a shared
// log for their order.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/log.hpp"
#include "storage/rocks_settings.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// How a member stands to the cluster. For operators, metrics, and whoever fails closed.
struct ReplicationStatus {
    MemberId self = 0, leader = 0;   // leader 0: none is known
    std::uint64_t term = 0;
    bool is_leader = false;
    Revision applied = 0;                               // written to RocksDB and told to the feed
    std::uint64_t applied_group = 0, known_group = 0;   // by number; the lag is their difference
    std::uint64_t flushed_group = 0;   // on this member's disk, whatever happens to it
    /// Since the log was heard from, and what it told was applied: the age of what is read here.
    std::chrono::milliseconds since_heard{0};
    bool needs_copy = false;   // the log goes on behind what was trimmed
    bool may_lead = true;      // this member's files take writes
    LogRoom log_room;
    std::uint64_t log_bytes = 0;   // of the groups that are kept, as far as this process knows them
    std::uint64_t forwarded = 0, submitted_again = 0, leader_changes = 0;   // since the start
};

/// Batches go to the leader, groups come from the log: RocksDB and the feed get both in one order
/// on every member. Any thread may call it.
class ReplicatedStore : public Store {
public:
    /// This member was elected. It applies the log to its end, then begins a term; until then and
    /// after `follow` batches are forwarded. No term begins while the log has fewer groups than
    /// `groups_least`, which others have of it. Does not block.
    virtual void lead(std::uint64_t groups_least) = 0;
    /// Another member leads, or none is known (0).
    virtual void follow_leader(MemberId leader) = 0;
    /// A message of another member's store, as Peers carried it.
    virtual void on_peer(MemberId from, std::string message) = 0;
    /// The connection to that member is new: what was under way on the one before may be lost.
    virtual void on_peer_up(MemberId member) = 0;
    /// Why changes do not come to the leader, or may not be made at this member; empty: they do.
    /// While there is a reason the store is not writable; with `refuses` new batches are refused.
    virtual void set_obstacle(std::string why, bool refuses) = 0;
    /// The last group that all members have on disk, and that most have: while this member leads,
    /// the log is trimmed up to the first, as far as it has more than `groups_kept` or
    /// `log_bytes_kept`; up to the second where there is no more room for it, so that a member that
    /// does not follow copies a store later, and does not stop all others.
    virtual void trim_up_to(std::uint64_t flushed_by_all, std::uint64_t flushed_by_most) = 0;
    virtual ReplicationStatus replication() const = 0;
};

/// A client waits so long for the outcome of a change, and no longer, while none comes.
inline constexpr std::chrono::seconds answer_within{10};

struct ReplicatedSettings {
    RocksSettings rocks;
    MemberId self = 0;
    // Behind the head, for members that are away for a while.
    std::uint64_t groups_kept = 2'000;
    std::uint64_t log_bytes_kept = 256UL * 1024 * 1024;
    /// The store is not writable while `since_heard` is longer.
    std::chrono::milliseconds max_staleness{2'000};
    /// Batches without an outcome are refused after that, if none had one meanwhile: with
    /// Errc::Unreachable, or Errc::UnknownOutcome where the log may carry them yet.
    std::chrono::milliseconds answer_within = storage::answer_within;
};

/// Opens the files, reads what the log has beyond them and applies it. The store outlives neither
/// `log` nor `peers`. Errors as of open_rocks_store, of the log, and Errc::Trimmed: a copy of
/// another member's store is needed first; Errc::OtherHistory: the files hold data of their own,
/// which a copy would replace. An empty log goes on from whatever the first leader's store holds.
Result<std::unique_ptr<ReplicatedStore>> open_replicated_store(
    const ReplicatedSettings& settings, Log& log, Peers& peers
);

}   // namespace grid::storage
