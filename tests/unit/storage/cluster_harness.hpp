// tests/unit/storage/cluster_harness.hpp: stores of a cluster in one process, over a log and links
// in memory that fail on command.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "storage/replicated_store.hpp"
#include "store_harness.hpp"

namespace grid::test {

/// The log that all members share, as bytes.
struct SharedLog {
    struct Stored {
        std::uint64_t version = 0;
        std::string bytes;
    };
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Stored> groups;
    std::uint64_t trimmed = 0;
    LogRoom room;
    std::uint64_t last_version = 100;

    LogGroup group(std::uint64_t number);   // with the mutex
    LogHead head();                         // with the mutex
    std::vector<LogGroup> all();
};

/// How one member reaches it.
class MemoryLog final : public Log {
public:
    explicit MemoryLog(std::shared_ptr<SharedLog> shared) : shared_(std::move(shared)) {}
    ~MemoryLog() override { stop_following(); }

    Result<LogHead> head() override;
    Result<LogHead> append(const LogHead& expected, const LogGroup& group) override;
    Result<std::vector<Logged>> read(std::uint64_t after) override;
    void follow(std::uint64_t after, LogFollower& follower) override;
    void stop_following() override;
    Result<void> trim(std::uint64_t number) override;
    Result<LogRoom> room() override {
        const std::lock_guard lock(shared_->mutex);
        return shared_->room;
    }

    /// No call reaches the log, and no group comes from it.
    std::atomic<bool> is_cut = false;
    /// The next appends have no answer, and are made or not.
    std::atomic<int> unknown_made = 0, unknown_lost = 0;
    /// The next appends are refused, unless it is Conflict.
    std::atomic<Errc> refuse_with = Errc::Conflict;
    /// An append waits for so long before it reaches the log.
    std::atomic<int> delay_ms = 0;
    std::atomic<std::uint64_t> appends = 0;

private:
    std::optional<std::vector<Logged>> next(std::uint64_t after);   // nullopt: trimmed
    void run(std::uint64_t after, LogFollower& follower);
    bool is_behind(std::uint64_t told);   // of an earlier time

    std::shared_ptr<SharedLog> shared_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

/// Links between all members, with one thread that carries their messages.
class MemoryNet {
public:
    MemoryNet();
    ~MemoryNet();
    void attach(MemberId member, ReplicatedStore* store);
    /// Messages under way to it are lost.
    void detach(MemberId member);
    bool send(MemberId from, MemberId to, std::string message);
    /// Loses what is under way between the two; then nothing goes until join().
    void cut(MemberId a, MemberId b);
    void join(MemberId a, MemberId b);
    void pause(bool is_paused);

private:
    struct Item {
        MemberId from = 0, to = 0;
        std::string message;   // empty: the connection is new
    };
    void run();

    std::mutex mutex_;
    std::mutex delivering_;   // held while a store is called
    std::condition_variable ready_;
    std::map<MemberId, ReplicatedStore*> stores_;
    std::set<std::pair<MemberId, MemberId>> down_;
    std::deque<Item> queue_;
    bool stopping_ = false, is_paused_ = false;
    std::thread thread_;
};

/// Outcomes by ticket, each of which must come once, and the revisions in the order of the feed.
class MemberFeed {
public:
    FeedHandler handler();
    Outcome outcome(Ticket ticket);
    bool has(Ticket ticket);
    bool has_within(Ticket ticket, std::chrono::milliseconds time);
    std::size_t answered();
    std::size_t twice();   // tickets that were answered more than once
    std::size_t gaps();
    std::vector<Revision> revisions();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Ticket, Outcome> outcomes_;
    std::vector<Revision> revisions_;
    std::size_t twice_ = 0, gaps_ = 0;
};

class Cluster {
public:
    struct Links final : public Peers {
        bool send(MemberId to, std::string message) override {
            return net->send(self, to, std::move(message));
        }
        MemoryNet* net = nullptr;
        MemberId self = 0;
    };
    struct Member {
        MemberId id = 0;
        std::string path;
        std::unique_ptr<MemoryLog> log;
        Links links;
        std::shared_ptr<MemberFeed> feed;   // also of a start that is over
        std::unique_ptr<ReplicatedStore> store;
    };

    explicit Cluster(std::size_t members);
    ~Cluster();
    /// Opens that member's files again, as another start of it.
    boost::system::error_code open(std::size_t member);
    void close(std::size_t member);
    /// All members hear of it, but for `unheard`.
    void elect(std::size_t leader, std::optional<std::size_t> unheard = {});
    Member& operator[](std::size_t member) { return members_[member]; }
    std::size_t size() const { return members_.size(); }
    /// Waits until all that are open have applied what the log has.
    void wait_until_applied();
    /// Everything that the store has, all families, the store's own records but for the header.
    std::vector<std::string> contents(std::size_t member);
    std::string log_text();

    Ticket submit(std::size_t member, Batch batch, Sender sender = {});
    Outcome commit(std::size_t member, Batch batch, Sender sender = {});

    TemporaryDirectory directory;
    std::shared_ptr<SharedLog> shared = std::make_shared<SharedLog>();
    MemoryNet net;
    ReplicatedSettings settings;
    std::atomic<Millis> now = 1'000'000;

private:
    std::vector<Member> members_;
    MemberId last_id_ = 100;
    Ticket last_ticket_ = 0;
    std::mutex log_mutex_;
    std::string log_;
};

/// Waits until it holds; false after a minute.
bool holds_soon(const std::function<bool()>& condition);

}   // namespace grid::test
