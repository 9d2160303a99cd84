// storage/sequencer.hpp: decides a group of batches in queue order: gates, senders, revision,
// time.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/batch.hpp"
#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
#include "storage/conflicted_senders.hpp"
#include "storage/errors.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// A batch in the queue of a store.
struct Submission {
    Ticket ticket = 0;
    Sender sender;
    Batch batch;
    Millis time = 0;   // when it was submitted; 0: when it is decided
};

struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
using RevisionMap = std::unordered_map<std::string, Revision, StringHash, std::equal_to<>>;

/// The revision of a key as the batch being decided sees it: the stored one, or that of an earlier
/// batch of its group. Gate records (Control) and items (Index) stay known between groups, up to a
/// bound, so that checking a hot gate, or an item that is trimmed soon after it came, costs no
/// read.
class KnownRevisions {
public:
    using Stored = std::function<Result<Revision>(Family, std::string_view key)>;
    static constexpr std::size_t bytes_max =
        4 * 1024 * 1024;   // of a family; at the worst twice as much is held

    explicit KnownRevisions(Stored stored) : stored_(std::move(stored)) {}
    Result<Revision> of(Family family, std::string_view key);
    void wrote(Family family, std::string_view key, Revision revision);
    /// The group is stored. Only now may anything be dropped.
    void end_group();
    void forget();

private:
    /// Two generations instead of a list of uses.
    struct Cache {
        RevisionMap recent, older;
        std::size_t recent_bytes = 0;

        void remember(std::string_view key, Revision revision);
    };
    static bool is_cached(Family family) {
        return family == Family::Control || family == Family::Index;
    }
    Cache& cache_of(Family family) { return caches_[static_cast<std::size_t>(family)]; }

    Stored stored_;
    /// Of the families that are not cached only what the group wrote is in here.
    std::array<Cache, family_count> caches_;
};

/// The part of a store that is the same for every backend. Used by one thread.
class Sequencer {
public:
    explicit Sequencer(KnownRevisions::Stored stored) : known_(std::move(stored)) {}

    /// Continues after what a store holds. Never goes back, whatever the store says.
    /// The chain goes on from what is stored: it is what a write that failed may not have reached.
    void resume(Revision head, Millis time, const Link& link, const ClockSteps& steps);
    /// The last decide() came to nothing: goes on from there as if it had not been.
    void go_back(Revision head, Millis time, const Link& link, const ClockSteps& steps);
    /// One entry per submission, in order: Committed (to be made durable before it is reported) or
    /// Refused.
    std::vector<FeedEntry> decide(std::vector<Submission> group, Millis now);
    /// The entries of the last decide() are stored now.
    void end_group() { known_.end_group(); }
    Revision head() const { return head_; }
    Millis time() const { return time_; }
    /// Of the last record put into the audit family.
    const Link& link() const { return chain_.head(); }
    const ClockSteps& steps() const { return steps_; }

private:
    Millis stamp(Millis now);
    Result<void> check(const Submission& submission);
    Committed accept(Submission submission);

    KnownRevisions known_;
    Chain chain_;
    Revision head_ = 0;
    Millis time_ = 0;
    ClockSteps steps_;
    std::string conflict_;   // which expectation of the last batch failed
    ConflictedSenders conflicted_;
};

/// Refuses a whole group for one reason.
std::vector<FeedEntry> refuse_all(
    std::vector<Submission> group, Errc error, const std::string& detail
);

}   // namespace grid::storage
