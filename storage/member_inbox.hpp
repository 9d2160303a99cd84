// storage/member_inbox.hpp: batches, groups and messages that wait for the writer of a member's
// store, from all threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/log.hpp"
#include "storage/sequencer.hpp"

namespace grid::storage {

/// Own batches are bounded by their bytes until they have an outcome; groups of the log wait with
/// the log's thread; messages are bounded by what each member may have under way.
class MemberInbox {
public:
    using Clock = std::chrono::steady_clock;
    /// The part of this member, by the roster.
    struct Role {
        bool leads = false;
        MemberId leader = 0;
        std::uint64_t groups_least = 0;   // of a log in which this member may begin a term
    };
    struct Content {
        std::vector<Submission> submissions;
        std::vector<Logged> groups;
        std::vector<std::pair<MemberId, std::string>> messages;
        std::vector<MemberId> connected;
        std::optional<Role> role;
        bool is_trimmed = false;
    };

    explicit MemberInbox(std::size_t queue_bytes_max) : queue_bytes_max_(queue_bytes_max) {}

    /// False: the queue is full, or the store is closed.
    bool submit(Submission submission);
    /// Batches of so many bytes have their outcome.
    void release(std::size_t bytes);
    std::size_t queued_bytes() const;
    /// Blocks while the writer has many. Dropped when the store is closed.
    void push_groups(std::vector<Logged> groups);
    void push_message(MemberId from, std::string message);
    void push_connected(MemberId member);
    void set_role(Role role);
    void set_trimmed();
    /// Runs `work` on the writer thread between two groups, and waits for it. False: closed.
    bool between_groups(std::function<void()> work);

    /// Waits for content, at the latest until `due`, runs what between_groups() brought, and gives
    /// the rest; groups only when they are wanted. nullopt: closed.
    std::optional<Content> take(Clock::time_point due, bool wants_groups);
    void close();
    /// After the writer's end: what no take() gave.
    std::vector<Submission> take_rest();

private:
    bool has_content(bool wants_groups) const;
    void run_errands(std::unique_lock<std::mutex>& lock);

    const std::size_t queue_bytes_max_;
    mutable std::mutex mutex_;
    std::condition_variable ready_, room_, done_;
    Content content_;
    std::size_t bytes_ = 0;         // of own batches without an outcome
    std::size_t group_bytes_ = 0;   // in `content_`
    std::deque<std::function<void()>> errands_;
    std::size_t errands_queued_ = 0, errands_done_ = 0;
    bool is_running_ = false, closed_ = false;
};

}   // namespace grid::storage
