// storage/member_store.hpp: the store of a member of a cluster: one writer thread that applies the
// groups of the log in order, and decides them while this member leads.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/group_encoder.hpp"
#include "storage/log_sizes.hpp"
#include "storage/member_inbox.hpp"
#include "storage/origins.hpp"
#include "storage/own_batches.hpp"
#include "storage/replicated_store.hpp"
#include "storage/rocks_files.hpp"
#include "storage/sequencer.hpp"

namespace grid::storage {

inline constexpr const char* log_full_reason =
    "the log of the cluster is full: etcd has reached its quota";

class MemberStore final : public ReplicatedStore, private LogFollower {
public:
    /// `settings.rocks` are complete (with_defaults).
    MemberStore(
        const ReplicatedSettings& settings,
        std::shared_ptr<RocksDatabase> database,
        Log& log,
        Peers& peers
    );
    ~MemberStore() override;
    /// Applies what the log has beyond the files. Once, before start().
    boost::system::error_code join_log();

    void start(FeedHandler handler) override;
    bool submit(Ticket ticket, Sender sender, Batch batch) override;
    Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) override {
        return files_.scan(apply);
    }
    std::unique_ptr<Snapshot> snapshot() override { return files_.snapshot(); }
    void read(std::function<void(const Snapshot&)> work) override { files_.read(std::move(work)); }
    StoreStatus status() const override;
    StoreFigures figures() const override { return files_.figures(); }
    boost::system::error_code reopen() override;
    boost::system::error_code checkpoint(
        const std::string& directory, const std::function<void()>& at_that_point
    ) override;

    void lead(std::uint64_t groups_least) override;
    void follow_leader(MemberId leader) override;
    void on_peer(MemberId from, std::string message) override;
    void on_peer_up(MemberId member) override;
    void set_obstacle(std::string why, bool refuses) override;
    void trim_up_to(std::uint64_t flushed_by_all, std::uint64_t flushed_by_most) override {
        trim_up_to_ = flushed_by_all;
        press_up_to_ = flushed_by_most;
    }
    ReplicationStatus replication() const override;

private:
    using Clock = MemberInbox::Clock;
    enum class Standing { Following, Beginning, Leading };
    /// Why nothing is applied any more, whatever is reopened.
    enum class Lost { No, Trimmed, OtherHistory };
    /// A batch that is being decided, in the order of the queue.
    struct Candidate {
        MemberId origin = 0;
        std::uint64_t number = 0;
        Ticket ticket = 0;
        std::optional<Refusal> refusal;
    };
    /// A group whose way into the log is not known yet.
    struct InFlight {
        LogHead expected;
        LogGroup group;
        std::vector<Candidate> refused;
        unsigned attempts = 0;
        Clock::time_point next;   // attempt
    };

    // The log's thread.
    void on_groups(std::vector<Logged> groups) override;
    void on_heard(std::uint64_t number, Clock::time_point at) override;
    void on_trimmed() override;

    void hear_log(std::uint64_t number, Clock::time_point asked);

    // The keeper's thread: what is slow and not in the writer's way.
    void keep();
    void sync();
    void trim();
    void look_at_room();
    void note_full();   // any thread
    void note_size(std::uint64_t number, std::uint64_t bytes);

    std::string why_not_decided() const;   // under the lock
    std::string why_refused() const;

    // The writer's thread: member_store.cpp.
    void run();
    void step(MemberInbox::Content content);
    void take_role(MemberInbox::Role role);
    void take_in(std::vector<Submission> submissions);
    void give_up_late();
    void note_unanswered(bool is_unanswered);
    void tell(std::vector<FeedEntry> entries);
    void tell_all(std::vector<Refused> refused);
    void end();
    void publish();
    void look_again_in(std::chrono::milliseconds pause);
    boost::system::error_code reopen_on_writer();

    // Applying: member_store_apply.cpp.
    void apply_backlog();
    boost::system::error_code catch_up_to(std::uint64_t number);
    bool has_caught_up_to(std::uint64_t number);
    bool may_apply();
    boost::system::error_code apply(Logged logged);
    boost::system::error_code check_goes_on(const Logged& logged);
    bool write(const LogHead& head, LogGroup group);
    bool is_lost() const;
    void follow_again();
    void lose(Lost why, const std::string& text);
    void begin_term(const LogHead& head);
    void adopt(std::shared_ptr<RocksDatabase> database, const AppliedGroup& applied);

    // Leading: member_store_lead.cpp.
    void begin_leading();
    void decide_group();
    std::vector<Submission> draw(std::vector<Candidate>& candidates);
    void refuse_all_of(std::vector<Candidate> candidates, Errc error, const std::string& detail);
    void pass_on_refusals(std::vector<Candidate> refused, Revision head);
    void try_append();
    void note_append_failed(Clock::time_point asked);
    void landed(const LogHead& head);
    void give_up_group(Errc error);
    void fenced();
    void step_down();
    void begin_in(std::chrono::milliseconds pause);
    bool is_in_flight(const Logged& logged) const;

    // Following: member_store_forward.cpp.
    void forward();
    void hear(MemberId from, const std::string& bytes);
    void hear_batches(MemberId from, BatchesMessage message);
    void hear_refusals(MemberId from, RefusalsMessage message);

    const MemberId self_;
    const std::uint64_t groups_kept_, log_bytes_kept_;
    const std::chrono::milliseconds max_staleness_, answer_within_;
    Log& log_;
    Peers& peers_;
    RocksFiles files_;
    FeedHandler handler_;
    MemberInbox inbox_;

    // The writer's.
    GroupEncoder encoder_;
    LogHead applied_;
    Millis time_ = 0;
    Link link_;
    ClockSteps steps_;
    bool is_new_ = false;   // no batch was ever written to this store
    std::deque<Logged> backlog_;
    std::uint64_t seen_ = 0;       // the last group that the log told
    bool is_unfollowed_ = false;   // the log tells nothing more, as it was trimmed
    MemberInbox::Role role_;
    Standing standing_ = Standing::Following;
    std::uint64_t tried_term_ = 0;   // since the roster said that this member leads
    Clock::time_point begin_at_, stream_at_, due_;
    bool wants_stream_ = false;            // from `stream_at_` on
    std::uint64_t sequence_ = 0;           // of the next message to the leader
    std::optional<Sequencer> sequencer_;   // while leading
    std::optional<InFlight> in_flight_;
    OwnBatches own_;
    std::uint64_t outcomes_ = 0;                  // of these, at the last look
    Clock::time_point progress_at_, looked_at_;   // an own batch had an outcome; the last look
    Origins origins_;

    std::atomic<std::uint64_t> trim_up_to_ = 0, press_up_to_ = 0;
    std::atomic<std::uint64_t> commits_ = 0, groups_ = 0, syncs_ = 0;

    mutable std::mutex mutex_;   // of what follows, down to `stopping_`
    ReplicationStatus status_;
    Clock::time_point heard_;   // the applied groups were all that the log had then
    struct Unapplied {
        std::uint64_t number = 0;
        Clock::time_point asked;
    };
    std::optional<Unapplied> unapplied_;   // an answer of the log that is not applied yet
    bool has_leader_ = false;              // the term of the leader was applied
    std::string obstacle_;                 // as set_obstacle
    bool refuses_ = false;
    std::optional<Clock::time_point> failing_since_;   // the first try of the group in flight
    std::string append_failure_;
    std::optional<Clock::time_point> unanswered_at_;   // when the leader was given up last
    LogSizes sizes_;
    Header identity_;
    Lost lost_ = Lost::No;
    bool stopping_ = false;
    std::condition_variable stop_;

    std::uint64_t trimmed_ = 0;            // the keeper's
    Clock::time_point looked_at_room_{};   // the keeper's
    std::thread writer_, keeper_;
};

}   // namespace grid::storage
