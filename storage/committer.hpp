// storage/committer.hpp: the writer thread: everything that waits becomes one group.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/sequencer.hpp"

namespace grid::storage {

/// A bounded queue of batches and the thread that takes them, as many as there are: the sync of one
/// group is the time in which the next one gathers. Where groups are of many batches, the thread
/// waits a moment for as many again: each sync costs the same, and the senders that have just been
/// answered are about to send more.
class Committer {
public:
    struct Limits {
        std::size_t group_batches_max;
        std::size_t group_bytes_max;
        std::size_t queue_bytes_max;
    };
    using Commit = std::function<void(std::vector<Submission>)>;

    explicit Committer(Limits limits) : limits_(limits) {}
    ~Committer() { stop(); }
    Committer(const Committer&) = delete;

    /// `commit` gets each group, `refuse` the batches still queued at the end; both on the writer
    /// thread.
    void start(Commit commit, Commit refuse);
    /// Finishes the group in flight, refuses the rest, ends the thread.
    void stop();
    /// False: the queue is full, or stop() was called.
    bool submit(Submission submission);
    /// Runs `work` on the writer thread between two groups, and waits for it. False: stopped.
    bool between_groups(std::function<void()> work);
    std::size_t queued_bytes() const;

private:
    struct Queued {
        Submission submission;
        std::size_t bytes;
    };

    void run();
    void wait_for_more(std::unique_lock<std::mutex>& lock);
    std::vector<Submission> take_group(std::size_t* bytes);

    const Limits limits_;
    Commit commit_, refuse_;
    mutable std::mutex mutex_;
    std::condition_variable ready_, done_;
    std::deque<Queued> queue_;
    std::size_t bytes_ = 0;   // queued and in the group in flight
    std::deque<std::function<void()>> errands_;
    std::size_t errands_queued_ = 0, errands_done_ = 0;
    std::size_t last_group_ = 0;   // batches of the last group
    std::size_t wanted_ = 0;   // the thread is to be woken when so many are queued; 0: it is not
    bool stopping_ = false, ended_ = false;
    std::thread thread_;
};

}   // namespace grid::storage
