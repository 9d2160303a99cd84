// storage/member_store_apply.cpp: groups of the log, in order, into RocksDB and to the feed.
#include <algorithm>
#include <utility>

#include "storage/member_store.hpp"

namespace grid::storage {
namespace {

constexpr auto log_pause = std::chrono::milliseconds(100);
constexpr auto space_pause = std::chrono::milliseconds(200);

LogHead head_after(const Logged& logged) {
    const LogGroup& group = logged.group;
    return {logged.version, group.term, group.leader, group.head, logged.number};
}

std::size_t count_committed(const std::vector<FeedEntry>& entries) {
    return static_cast<std::size_t>(std::ranges::count_if(entries, [](const FeedEntry& entry) {
        return std::holds_alternative<Committed>(entry);
    }));
}

/// Of another member's batches there is nothing to tell.
std::vector<FeedEntry> unknown_outcomes(
    const std::vector<FeedEntry>& entries, const std::string& why
) {
    std::vector<FeedEntry> told;
    for (const FeedEntry& entry : entries)
        if (const auto* done = std::get_if<Committed>(&entry); done != nullptr && done->ticket != 0)
            told.emplace_back(Refused{done->ticket, make_error_code(Errc::UnknownOutcome), why});
    return told;
}

}   // namespace

boost::system::error_code MemberStore::join_log() {
    const auto database = files_.database();
    const auto applied = database->applied_group();
    if (!applied) return applied.error();
    is_new_ = applied->number == 0 && database->head() == 0;
    adopt(database, *applied);
    {
        const std::lock_guard lock(mutex_);
        status_.flushed_group = applied_.groups;   // opening has synced what it replayed
    }
    publish();
    const auto asked = Clock::now();
    const auto head = log_.head();
    if (!head) return head.error();
    hear_log(head->groups, asked);
    const bool is_behind = head->groups < applied_.groups;
    const bool is_other =
        head->groups == applied_.groups && head->groups > 0 && head->revision != applied_.revision;
    if (is_behind || is_other) {
        lose(
            Lost::OtherHistory,
            is_behind ? "the log has fewer groups than this store has from it: it was emptied, or "
                        "is another one; started once without a cluster, the store can begin a log "
                        "again"
                      : "the log ends at another revision than this store"
        );
        return make_error_code(Errc::OtherHistory);
    }
    const bool has_own_data = applied_.groups == 0 && !is_new_;
    const auto error = catch_up_to(head->groups);
    {
        const std::lock_guard lock(mutex_);
        status_.leader_changes = 0;   // so far they were read
    }
    if (error != Errc::Trimmed || !has_own_data) return error;
    lose(Lost::OtherHistory, "the store has data, and the log's first groups are trimmed away");
    return make_error_code(Errc::OtherHistory);
}

/// The state is that of the files.
void MemberStore::adopt(std::shared_ptr<RocksDatabase> database, const AppliedGroup& applied) {
    if (applied.number != applied_.groups || applied_.groups == 0)
        applied_ = {0, applied.term, applied.leader, database->head(), applied.number};
    time_ = database->time();
    link_ = database->link();
    steps_ = database->steps();
    encoder_.resume(database->head(), link_, steps_);
    {
        const std::lock_guard lock(mutex_);
        identity_ = database->header();
    }
    own_.begin_term(applied_.term, applied_.revision);
    sequence_ = 0;
    files_.adopt(std::move(database));
}

bool MemberStore::may_apply() {
    if (is_lost()) return false;
    if (!files_.look_for_failure().empty()) return false;
    if (files_.reason_without_space().empty()) return true;
    look_again_in(space_pause);
    return false;
}

void MemberStore::apply_backlog() {
    while (!backlog_.empty()) {
        const std::uint64_t number = backlog_.front().number;
        if (number > applied_.groups && !may_apply()) return;
        if (number > applied_.groups + 1 && !has_caught_up_to(number - 1)) return;
        Logged logged = std::move(backlog_.front());
        backlog_.pop_front();
        if (apply(std::move(logged))) return;
    }
    // Groups that could not be written when the log told them.
    if (seen_ > applied_.groups && may_apply()) has_caught_up_to(seen_);
}

bool MemberStore::has_caught_up_to(std::uint64_t number) {
    const auto error = catch_up_to(number);
    if (error == Errc::Trimmed) lose(Lost::Trimmed, "the log goes on behind what it still has");
    if (error) look_again_in(log_pause);
    return !error;
}

boost::system::error_code MemberStore::catch_up_to(std::uint64_t number) {
    while (applied_.groups < number) {
        auto read = log_.read(applied_.groups);
        if (read && read->empty()) return make_error_code(Errc::Unreachable);
        if (!read) return read.error();
        for (Logged& logged : *read) {
            if (!may_apply()) return make_error_code(Errc::WritesStopped);
            if (auto error = apply(std::move(logged))) return error;
        }
    }
    return {};
}

boost::system::error_code MemberStore::apply(Logged logged) {
    if (logged.number <= applied_.groups) return {};
    if (in_flight_ && logged.number == in_flight_->expected.groups + 1) {
        if (is_in_flight(logged)) {
            landed(head_after(logged));
            return applied_.groups >= logged.number ? boost::system::error_code()
                                                    : make_error_code(Errc::WritesStopped);
        }
        fenced();
    }
    if (auto error = check_goes_on(logged)) return error;
    // Another one writes: whatever the roster says, this member does not lead any more.
    if (standing_ == Standing::Leading && logged.group.leader != self_) fenced();
    const LogHead head = head_after(logged);
    if (!write(head, std::move(logged.group))) return make_error_code(Errc::WritesStopped);
    return {};
}

boost::system::error_code MemberStore::check_goes_on(const Logged& logged) {
    const LogGroup& group = logged.group;
    if (is_new_ && logged.number == 1) {
        if (group.before == 0) return {};
        lose(Lost::Trimmed, "the log began with a store that had data already");
        return make_error_code(Errc::Trimmed);
    }
    const bool is_same_store = group.store_id.empty() || group.store_id == identity_.store_id;
    if (is_same_store && group.before == applied_.revision) return {};
    lose(
        Lost::OtherHistory,
        is_same_store
            ? "group " + std::to_string(logged.number) +
                  " of the log goes on from "
                  "revision " +
                  std::to_string(group.before) + ", the store is at " +
                  std::to_string(applied_.revision)
            : "the log is of the store " + group.store_id + ", this one is " + identity_.store_id
    );
    return make_error_code(Errc::OtherHistory);
}

/// False: writes are stopped, and the group is to be applied again after reopening.
bool MemberStore::write(const LogHead& head, LogGroup group) {
    std::vector<FeedEntry> entries;
    entries.reserve(group.entries.size());
    std::uint64_t bytes = 0;
    for (LogEntry& entry : group.entries) {
        bytes += bytes_in_log(entry.batch);
        const Ticket ticket = entry.origin == self_ ? own_.committed(entry.number) : 0;
        entries.emplace_back(Committed{ticket, entry.revision, entry.time, std::move(entry.batch)});
    }
    std::optional<Header> header;
    if (is_new_ && !group.store_id.empty()) {
        header = identity_;
        header->store_id = group.store_id;
        header->epoch = group.epoch;
    }
    const auto open = files_.database();
    const AppliedGroup applied{head.groups, head.term, head.leader};
    auto* batch =
        encoder_.encode_logged(entries, *open, group, applied, header ? &*header : nullptr);
    if (const auto status = open->write(*batch); !status.ok()) {
        files_.stop_writes("a write failed: " + status.ToString());
        if (standing_ != Standing::Following) step_down();
        publish();
        tell(unknown_outcomes(entries, files_.stopped_reason()));
        return false;
    }
    if (group.steps != steps_) open->set_steps(group.steps);
    is_new_ = false;
    const bool is_new_term = head.term != applied_.term;
    applied_ = head;
    note_size(head.groups, bytes);
    time_ = group.time;
    link_ = group.link;
    steps_ = group.steps;
    ++groups_;
    commits_ += count_committed(entries);
    if (header) {
        const std::lock_guard lock(mutex_);
        identity_ = *header;
    }
    if (is_new_term) begin_term(head);
    publish();   // before the feed: who hears of a change finds it in the status
    for (Refused& refused : own_.take_refused(head.revision))
        entries.emplace_back(std::move(refused));
    tell(std::move(entries));
    return true;
}

void MemberStore::begin_term(const LogHead& head) {
    own_.begin_term(head.term, head.revision);
    sequence_ = 0;
    wants_stream_ = false;
    const std::lock_guard lock(mutex_);
    ++status_.leader_changes;
}

/// The groups that the log has told may end before those that this member has appended itself: only
/// if the log begins behind these, too, a copy is needed.
void MemberStore::follow_again() {
    const std::uint64_t last =
        backlog_.empty() ? applied_.groups : std::max(applied_.groups, backlog_.back().number);
    const auto rest = log_.read(last);
    if (!rest && rest.error() != Errc::Trimmed) return look_again_in(log_pause);
    is_unfollowed_ = false;
    if (!rest) return lose(Lost::Trimmed, "the log goes on behind what it still has");
    log_.stop_following();
    log_.follow(last, *this);
}

void MemberStore::lose(Lost why, const std::string& text) {
    {
        const std::lock_guard lock(mutex_);
        if (lost_ != Lost::No) return;
        lost_ = why;
        status_.needs_copy = why == Lost::Trimmed;
    }
    files_.settings().log(
        LogLevel::Error,
        "store " + files_.settings().path + ": " + text + "; nothing more is applied (" +
            make_error_code(why == Lost::Trimmed ? Errc::Trimmed : Errc::OtherHistory).message() +
            ")"
    );
    if (standing_ != Standing::Following) step_down();
    // The outcome of the batches under way will never be known here.
    in_flight_.reset();
    tell_all(own_.close(Errc::WritesStopped, text));
}

bool MemberStore::is_lost() const {
    const std::lock_guard lock(mutex_);
    return lost_ != Lost::No;
}

}   // namespace grid::storage
