// server/pipeline/pipeline.hpp: decide → commit → apply → notify → answer, for every change there
// is.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/instruments.hpp"
#include "server/log.hpp"
#include "server/pipeline/sender_queue.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// The observer of committed batches: memory first, then subscribers.
class CommitObserver {
public:
    virtual ~CommitObserver() = default;
    /// A batch is about to be submitted: what must be committed before it is submitted now.
    virtual void before_change(const storage::Batch& /*batch*/) {}
    virtual void apply(const storage::KeyChange& change) = 0;
    /// After apply of the whole batch; queues notifications.
    virtual void notify(const storage::Committed& committed) = 0;
    /// Delivers what notify queued, until done (true) or the deadline (false).
    virtual bool deliver(std::chrono::steady_clock::time_point deadline) = 0;
    /// End of a turn: queued stanzas of sessions are handed to their strands.
    virtual void flush() = 0;
    /// Changes were missed: forget and scan again. Returns the revision of the state scanned.
    virtual storage::Revision rebuild() = 0;
    /// Whether the answer to that batch, which was followed just now, waits until it is in force
    /// everywhere: it may take rights away, or all answers wait for that.
    virtual bool is_for_all(const storage::Committed& /*committed*/) { return false; }
    /// `done`, on any thread, when every member of the cluster follows that revision; with false
    /// where that cannot be found out.
    virtual void when_everywhere(storage::Revision /*revision*/, std::function<void(bool)> done) {
        done(true);
    }
};

/// Of batches, for metrics.
struct PipelineCounts {
    DurationHistogram commit;    // from a batch's way to the store until memory has followed it
    DurationHistogram fan_out;   // from then until its events are queued for all recipients
    Counter conflicts;           // decided again, since another change came first
    Counter refused;             // by the store, but for conflicts
};

/// Background work keeps out of the way of requests.
inline constexpr std::size_t background_bytes_max = 16 * 1024 * 1024;

/// Lives on the core strand; only `on_feed` may be called from elsewhere.
class Pipeline : public std::enable_shared_from_this<Pipeline> {
public:
    /// Puts work behind what the core strand has to do already. Any thread; at once it may not run.
    using Post = std::function<void(std::function<void()> work)>;

    Pipeline(Post post, storage::Store& store, CommitObserver& observer, Log& log)
        : post_(std::move(post)), store_(store), observer_(observer), log_(log) {}

    /// Goes on with the requests of that queue, after its sender's last one is in: answers those
    /// that are due, and decides those that may be decided now.
    void advance(const std::shared_ptr<SenderQueue>& queue);
    /// Queues that waited for room get their turn; called by the clock as well.
    void resume_stalled();
    /// A background batch, which has no requester. False when the store has no room now.
    bool submit_background(storage::Batch batch);
    /// Asked before submit_background, which takes its batch in any case.
    bool has_room() const {
        return !exclusive_ && store_.status().queued_bytes < background_bytes_max;
    }
    /// Memory is made anew from the store.
    void rebuild() { scanned_ = observer_.rebuild(); }
    std::size_t background_in_flight() const { return background_; }
    std::size_t in_flight() const { return in_flight_.size(); }
    /// Any thread.
    const PipelineCounts& counts() const { return counts_; }
    /// No batch is being committed, and no request waits to be decided.
    bool is_idle() const { return in_flight_.empty() && turns_.empty() && stalled_.empty(); }
    /// The store's feed (its own thread).
    void on_feed(std::vector<storage::FeedEntry> entries);

private:
    using TimePoint = std::chrono::steady_clock::time_point;
    struct InFlight {
        std::shared_ptr<SenderQueue> queue;   // null: background
        Transaction* request = nullptr;
        TimePoint since = std::chrono::steady_clock::now();
        storage::Revision for_all = 0;   // of the batch, whose answer waits for all members
    };
    /// The events of its batch are on their way: its answer follows, or waits for other members.
    void answer(InFlight done);
    void finish(const InFlight& done);
    /// One question to the other members for all answers of a turn that wait for them.
    void ask_for_all();
    void known_to_all(storage::Revision revision, bool is_known);
    void answer_known();

    enum class Decided { All, TurnOver, NoRoom };   // no room: in the commit queue or the outbox
    /// Everything of this queue that may be decided now.
    Decided decide_all(const std::shared_ptr<SenderQueue>& queue, TimePoint deadline);
    /// The same within the time that its account has left in this round.
    Decided take_turn(const std::shared_ptr<SenderQueue>& queue);
    /// A fault that we do not understand ends the request that has it, with an answer.
    Transaction::Next decide(Transaction& request);
    void failed(Transaction& request, const std::exception& fault);
    /// Whether it may be decided now. Where many change the same record, slower requests conflict
    /// again and again: such a request is decided when nothing else is in flight.
    bool may_decide(const Transaction& request);
    void resume_some();
    void start_read(const std::shared_ptr<SenderQueue>& queue, Transaction& request);
    void start_work(const std::shared_ptr<SenderQueue>& queue, Transaction& request);
    void work();
    void work_until(TimePoint deadline);
    void handle(storage::FeedEntry entry);
    void on_committed(storage::Committed committed);
    void follow(const storage::Committed& committed);
    void on_refused(const storage::Refused& refused);
    void log_refused(const storage::Refused& refused);
    /// Time that an account has used in this round, and its queues that wait for the next.
    struct Account {
        std::chrono::steady_clock::duration used{};
        std::deque<std::shared_ptr<SenderQueue>> waiting;
    };
    /// The queue has more to decide than its account may in this round.
    void wait_for_turn(const std::shared_ptr<SenderQueue>& queue);
    /// Begins a round: of each account that waits one queue goes on, in the order of the accounts.
    void take_turns();
    void plan_round();

    Post post_;
    storage::Store& store_;
    CommitObserver& observer_;
    Log& log_;
    storage::Ticket last_ticket_ = 0;
    std::unordered_map<storage::Ticket, InFlight> in_flight_;
    PipelineCounts counts_;
    TimePoint followed_at_;   // the batch whose events are going out; zero: none
    std::deque<storage::FeedEntry> feed_;
    const Transaction* exclusive_ = nullptr;   // while set, no other request is decided
    // The request whose batch is applied, and whose events are being sent.
    InFlight unanswered_;
    /// Batches whose answers wait for the other members, by revision. Each counts as a batch of its
    /// sender that is in flight.
    std::deque<InFlight> for_all_;
    storage::Revision asked_for_ = 0, known_to_all_ = 0;
    bool is_answering_ = false;                           // a turn is posted
    std::deque<std::shared_ptr<SenderQueue>> stalled_;    // wait for room
    std::unordered_map<std::string, Account> accounts_;   // that had a turn in this round
    std::deque<std::string> turns_;                       // of them, those that wait for time
    bool is_round_planned_ = false, is_resume_planned_ = false;
    std::size_t to_resume_ = 0;   // of stalled_, those whose turn it is
    TimePoint round_began_;
    std::size_t background_ = 0;
    bool is_working_ = false;
    storage::Revision scanned_ = 0;   // by the last rebuild: up to here all is applied
    boost::system::error_code last_refused_;
    TimePoint quiet_until_;   // until then refusals of the same reason are counted, not logged
    std::size_t unlogged_ = 0;
};

}   // namespace grid::server
