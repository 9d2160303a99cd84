// storage/memory_store.hpp: a store in memory for unit tests, that fails on command.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/sequencer.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// Same gates, order, revisions and feed as the real one, but without threads: everything happens
/// inside the caller's call. Use from one thread.
class MemoryStore final : public Store {
public:
    struct Options {
        /// submit() commits at once, each batch a group of its own. Otherwise it queues, until
        /// run().
        bool run_at_once = true;
        std::size_t group_batches_max = 512;
        std::size_t queue_bytes_max = 64 * 1024 * 1024;
        /// The current time. Without a clock, time stands still until advance() or set_time().
        std::function<Millis()> clock;
    };
    static constexpr Millis time_at_start = 1'767'225'600'000;   // 2026-01-01T00:00:00Z

    MemoryStore();
    explicit MemoryStore(Options options);
    ~MemoryStore() override;

    void start(FeedHandler handler) override;
    bool submit(Ticket ticket, Sender sender, Batch batch) override;
    Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) override;
    std::unique_ptr<Snapshot> snapshot() override;
    /// Runs `work` at once.
    void read(std::function<void(const Snapshot&)> work) override;
    StoreStatus status() const override;
    boost::system::error_code reopen() override;

    /// Commits everything that is queued, one feed call per group; returns the number of groups.
    std::size_t run();
    std::size_t queued() const { return queue_.size(); }
    void set_time(Millis now) { now_ = now; }
    void advance(Millis by) { now_ += by; }

    /// The next `batches` batches conflict, as if other batches had changed the records that they
    /// expect.
    void conflict_next(std::size_t batches = 1) { conflicts_due_ += batches; }
    /// The next `groups` groups are refused with NoSpace.
    void fail_no_space(std::size_t groups = 1) { no_space_due_ += groups; }
    /// The next group has an unknown outcome, and writes stop until reopen(). `landed` says which
    /// way it went: whether its changes are there afterwards.
    void fail_unknown_outcome(bool landed);
    /// Writes stop before the next group, until reopen().
    void stop_writes() { stopped_ = true; }
    /// The next group is committed, but the feed carries a Gap in its place. Meant for
    /// commit_foreign(): what becomes of tickets of one's own is lost too.
    void lose_next_group() { lose_next_ = true; }
    /// The feed carries a Gap now, though nothing was missed.
    void report_gap();

    /// Commits a batch of another node of a cluster: ticket 0, at once.
    void commit_foreign(Batch batch);

private:
    struct Stored {
        Revision revision = 0;
        Millis time = 0;
        std::string value;
    };
    using Tables = std::array<std::map<std::string, Stored, std::less<>>, family_count>;
    class View;
    enum class Failure { None, UnknownLanded, UnknownLost };

    void commit_group(std::vector<Submission> group);
    std::vector<Submission> take_group();
    bool refused(std::vector<Submission>& group);
    void force_conflicts(std::vector<Submission>& group);
    void write(const std::vector<FeedEntry>& entries);
    void feed(std::vector<FeedEntry> entries);

    Options options_;
    Millis now_ = time_at_start;
    FeedHandler handler_;
    std::shared_ptr<Tables> tables_;   // shared with snapshots, copied before it changes under them
    Sequencer sequencer_;
    std::shared_ptr<const ClockSteps> steps_ = std::make_shared<const ClockSteps>();
    std::deque<Submission> queue_;
    std::size_t queued_bytes_ = 0;
    bool running_ = false, stopped_ = false, lose_next_ = false;
    std::size_t conflicts_due_ = 0, no_space_due_ = 0;
    Failure failure_ = Failure::None;
    StoreStatus counters_;
};

}   // namespace grid::storage
