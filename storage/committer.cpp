// storage/committer.cpp: see committer.hpp.
#include "storage/committer.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace grid::storage {
namespace {

/// Groups of fewer batches are not waited for.
constexpr std::size_t few_batches = 4;
/// About the time of a sync.
constexpr auto patience = std::chrono::microseconds(150);

}   // namespace

void Committer::start(Commit commit, Commit refuse) {
    assert(!thread_.joinable());
    commit_ = std::move(commit);
    refuse_ = std::move(refuse);
    thread_ = std::thread([this] { run(); });
}

void Committer::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Committer::submit(Submission submission) {
    const std::size_t bytes = submission.batch.bytes();
    bool is_awaited = false;
    {
        std::lock_guard lock(mutex_);
        if (stopping_) return false;
        // A batch that is alone always fits, or it could never be committed.
        if (bytes_ > 0 && bytes_ + bytes > limits_.queue_bytes_max) return false;
        bytes_ += bytes;
        queue_.push_back({std::move(submission), bytes});
        // Otherwise the thread looks again by itself.
        is_awaited = wanted_ == 0 ? queue_.size() == 1 : queue_.size() == wanted_;
    }
    if (is_awaited) ready_.notify_all();
    return true;
}

bool Committer::between_groups(std::function<void()> work) {
    assert(std::this_thread::get_id() != thread_.get_id());   // the thread would wait for itself
    std::unique_lock lock(mutex_);
    if (stopping_ || !thread_.joinable()) return false;
    errands_.push_back(std::move(work));
    const std::size_t mine = ++errands_queued_;
    ready_.notify_all();
    done_.wait(lock, [&] { return errands_done_ >= mine || ended_; });
    return errands_done_ >= mine;
}

std::size_t Committer::queued_bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
}

std::vector<Submission> Committer::take_group(std::size_t* bytes) {
    std::vector<Submission> group;
    group.reserve(std::min(queue_.size(), limits_.group_batches_max));
    while (!queue_.empty() && group.size() < limits_.group_batches_max &&
           *bytes < limits_.group_bytes_max) {
        *bytes += queue_.front().bytes;
        group.push_back(std::move(queue_.front().submission));
        queue_.pop_front();
    }
    return group;
}

void Committer::wait_for_more(std::unique_lock<std::mutex>& lock) {
    if (last_group_ < few_batches || queue_.size() >= last_group_) return;
    wanted_ = last_group_;
    ready_.wait_for(lock, patience, [this] {
        return stopping_ || !errands_.empty() || queue_.size() >= wanted_;
    });
    wanted_ = 0;
}

void Committer::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty() || !errands_.empty(); });
        if (stopping_) break;
        if (!errands_.empty()) {
            const auto work = std::move(errands_.front());
            errands_.pop_front();
            lock.unlock();
            work();
            lock.lock();
            ++errands_done_;
            done_.notify_all();
            continue;
        }
        wait_for_more(lock);
        std::size_t bytes = 0;
        std::vector<Submission> group = take_group(&bytes);
        last_group_ = group.size();
        lock.unlock();
        commit_(std::move(group));
        lock.lock();
        bytes_ -= bytes;
    }
    std::vector<Submission> rest;
    for (Queued& queued : queue_) rest.push_back(std::move(queued.submission));
    queue_.clear();
    bytes_ = 0;
    lock.unlock();
    if (!rest.empty()) refuse_(std::move(rest));
    lock.lock();
    ended_ = true;
    done_.notify_all();
}

}   // namespace grid::storage
