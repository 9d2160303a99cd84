// storage/member_inbox.cpp: see member_inbox.hpp.
#include "storage/member_inbox.hpp"

namespace grid::storage {
namespace {

constexpr std::size_t group_bytes_max = 16UL * 1024 * 1024;

std::size_t bytes_of(const std::vector<Logged>& groups) {
    std::size_t bytes = 0;
    for (const Logged& logged : groups) {
        bytes += sizeof(Logged);
        for (const LogEntry& entry : logged.group.entries)
            bytes += sizeof(LogEntry) + entry.batch.bytes();
    }
    return bytes;
}

}   // namespace

bool MemberInbox::submit(Submission submission) {
    const std::size_t bytes = submission.batch.bytes();
    {
        const std::lock_guard lock(mutex_);
        // A batch that is alone always fits, or it could never be committed.
        if (closed_ || (bytes_ > 0 && bytes_ + bytes > queue_bytes_max_)) return false;
        bytes_ += bytes;
        content_.submissions.push_back(std::move(submission));
    }
    ready_.notify_one();
    return true;
}

void MemberInbox::release(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
}

std::size_t MemberInbox::queued_bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

void MemberInbox::push_groups(std::vector<Logged> groups) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || group_bytes_ < group_bytes_max; });
    if (closed_) return;
    group_bytes_ += bytes_of(groups);
    for (Logged& logged : groups) content_.groups.push_back(std::move(logged));
    ready_.notify_one();
}

void MemberInbox::push_message(MemberId from, std::string message) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    content_.messages.emplace_back(from, std::move(message));
    ready_.notify_one();
}

void MemberInbox::push_connected(MemberId member) {
    const std::lock_guard lock(mutex_);
    content_.connected.push_back(member);
    ready_.notify_one();
}

void MemberInbox::set_role(Role role) {
    const std::lock_guard lock(mutex_);
    content_.role = role;
    ready_.notify_one();
}

void MemberInbox::set_trimmed() {
    const std::lock_guard lock(mutex_);
    content_.is_trimmed = true;
    ready_.notify_one();
}

bool MemberInbox::between_groups(std::function<void()> work) {
    std::unique_lock lock(mutex_);
    if (closed_) return false;
    errands_.push_back(std::move(work));
    const std::size_t mine = ++errands_queued_;
    ready_.notify_one();
    // The work uses the caller's variables.
    done_.wait(lock, [&] { return errands_done_ >= mine || (closed_ && !is_running_); });
    return errands_done_ >= mine;
}

bool MemberInbox::has_content(bool wants_groups) const {
    return !content_.submissions.empty() || !content_.messages.empty() ||
           !content_.connected.empty() || content_.role || content_.is_trimmed ||
           (wants_groups && !content_.groups.empty());
}

std::optional<MemberInbox::Content> MemberInbox::take(Clock::time_point due, bool wants_groups) {
    std::unique_lock lock(mutex_);
    ready_.wait_until(lock, due, [&] {
        return closed_ || !errands_.empty() || has_content(wants_groups);
    });
    run_errands(lock);
    if (closed_) return std::nullopt;
    Content taken = std::exchange(content_, {});
    if (wants_groups) {
        group_bytes_ = 0;
        room_.notify_all();
    } else {
        content_.groups = std::exchange(taken.groups, {});
    }
    return taken;
}

void MemberInbox::run_errands(std::unique_lock<std::mutex>& lock) {
    while (!closed_ && !errands_.empty()) {
        const auto work = std::move(errands_.front());
        errands_.pop_front();
        is_running_ = true;
        lock.unlock();
        work();
        lock.lock();
        is_running_ = false;
        ++errands_done_;
        done_.notify_all();
    }
}

void MemberInbox::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
    room_.notify_all();
    done_.notify_all();
}

std::vector<Submission> MemberInbox::take_rest() {
    const std::lock_guard lock(mutex_);
    return std::exchange(content_.submissions, {});
}

}   // namespace grid::storage
