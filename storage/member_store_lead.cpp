// storage/member_store_lead.cpp: a term: batches of all members are decided in groups, one after
// the other, and are committed when the log has them.
#include <algorithm>
#include <utility>

#include "storage/member_store.hpp"

namespace grid::storage {
namespace {

/// Between two tries to begin a term while the log does not answer.
constexpr auto begin_pause = std::chrono::milliseconds(200);
/// A leader that another one has fenced may not have heard yet that it was replaced: so long it
/// does not fence the other in turn. More than a lease.
constexpr auto fenced_pause = std::chrono::milliseconds(4'000);
constexpr auto append_pause_least = std::chrono::milliseconds(10);
constexpr auto append_pause_most = std::chrono::milliseconds(500);
/// Of the entries of a group; what the group has beside them takes the rest.
constexpr std::size_t group_bytes_most = log_group_bytes_max - 32UL * 1024;

std::chrono::milliseconds pause_after(unsigned attempts) {
    return std::min(append_pause_least * (1U << std::min(attempts, 6U)), append_pause_most);
}

}   // namespace

void MemberStore::begin_leading() {
    if (const auto now = Clock::now(); now < begin_at_) {
        look_again_in(std::chrono::duration_cast<std::chrono::milliseconds>(begin_at_ - now));
        return;
    }
    begin_at_ = Clock::now() + begin_pause;   // of the next try, if this one fails
    look_again_in(begin_pause);
    const auto asked = Clock::now();
    const auto head = log_.head();
    if (!head || !may_apply()) return;
    // Of an earlier time than this store: not heard of it.
    if (head->groups < applied_.groups) return;
    hear_log(head->groups, asked);
    // Meanwhile another member may write.
    if (!has_caught_up_to(head->groups) || applied_.groups != head->groups) return;
    if (head->groups < role_.groups_least) return;
    // Another one has begun the term that this member was about to begin.
    if (tried_term_ != 0 && head->term >= tried_term_ && head->leader != self_) {
        tried_term_ = 0;
        return begin_in(fenced_pause);
    }
    LogGroup group;
    group.term = tried_term_ = head->term + 1;
    group.leader = self_;
    group.before = group.head = applied_.revision;
    group.time = time_;
    group.link = link_;
    group.steps = steps_;
    {
        const std::lock_guard lock(mutex_);
        group.store_id = identity_.store_id;
        group.epoch = identity_.epoch;
    }
    in_flight_ = InFlight{*head, std::move(group), {}, 0, Clock::now()};
    try_append();
}

std::vector<Submission> MemberStore::draw(std::vector<Candidate>& candidates) {
    std::vector<Submission> group;
    std::size_t bytes = 0;
    const std::size_t batches_most = files_.settings().group_batches_max;
    const std::size_t bytes_most = std::min(files_.settings().group_bytes_max, group_bytes_most);
    const auto fits = [&](const Batch& batch) {
        const std::size_t more = bytes_in_log(batch);
        if (group.size() >= batches_most || (!group.empty() && bytes + more > bytes_most))
            return false;
        bytes += more;
        return true;
    };
    const auto draw_forwarded = [&] {
        auto& queue = origins_.queue();
        if (queue.empty() || !fits(queue.front().batch.batch)) return false;
        Origins::Forwarded one = std::move(queue.front());
        queue.pop_front();
        candidates.push_back({one.origin, one.batch.number, one.batch.ticket, std::nullopt});
        group.push_back(
            {one.batch.ticket, Origins::sender_of(one.origin, one.batch.sender),
             std::move(one.batch.batch)}
        );
        return true;
    };
    // In turn, so that neither the leader's clients wait behind the others' nor these behind them.
    std::uint64_t last = 0;
    own_.visit_unsent([&](std::uint64_t number, const OwnBatches::Own& own) {
        if (!fits(own.batch)) return false;
        candidates.push_back({self_, number, own.ticket, std::nullopt});
        group.push_back({own.ticket, Origins::sender_of(self_, own.sender), own.batch});
        last = number;
        draw_forwarded();
        return true;
    });
    if (last != 0) own_.sent_up_to(last);
    while (draw_forwarded()) {
    }
    return group;
}

void MemberStore::decide_group() {
    std::vector<Candidate> candidates;
    std::vector<Submission> drawn = draw(candidates);
    if (drawn.empty()) return;
    look_again_in(std::chrono::milliseconds(0));   // there may be more
    if (const std::string why = files_.look_for_failure(); !why.empty())
        return refuse_all_of(std::move(candidates), Errc::WritesStopped, why);
    if (const std::string why = files_.reason_without_space(); !why.empty())
        return refuse_all_of(std::move(candidates), Errc::NoSpace, why);
    const Millis before = sequencer_->time();
    // By this member's clock alone: those of others may differ from it.
    std::vector<FeedEntry> entries =
        sequencer_->decide(std::move(drawn), files_.settings().clock());
    if (sequencer_->time() < before) files_.tell_set_back(before - sequencer_->time());
    InFlight next;
    next.expected = applied_;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Candidate& one = candidates[i];
        if (auto* done = std::get_if<Committed>(&entries[i])) {
            next.group.entries.push_back(
                {one.origin, one.number, one.ticket, done->revision, done->time,
                 std::move(done->batch)}
            );
            continue;
        }
        auto& refused = std::get<Refused>(entries[i]);
        one.refusal = Refusal{
            one.number, static_cast<Errc>(refused.error.value()), std::move(refused.detail), 0
        };
        next.refused.push_back(std::move(one));
    }
    if (next.group.entries.empty()) {
        sequencer_->end_group();
        return pass_on_refusals(std::move(next.refused), applied_.revision);
    }
    next.group.term = applied_.term;
    next.group.leader = self_;
    next.group.before = applied_.revision;
    next.group.head = sequencer_->head();
    next.group.time = sequencer_->time();
    next.group.link = sequencer_->link();
    next.group.steps = sequencer_->steps();
    in_flight_ = std::move(next);
    try_append();
}

void MemberStore::refuse_all_of(
    std::vector<Candidate> candidates, Errc error, const std::string& detail
) {
    for (Candidate& one : candidates) one.refusal = Refusal{one.number, error, detail, 0};
    pass_on_refusals(std::move(candidates), applied_.revision);
}

void MemberStore::pass_on_refusals(std::vector<Candidate> refused, Revision head) {
    for (Candidate& one : refused) {
        one.refusal->head = head;
        if (one.origin == self_)
            own_.refused(own_.term(), std::move(*one.refusal));
        else if (standing_ == Standing::Leading)
            origins_.refused(one.origin, std::move(*one.refusal));
    }
}

void MemberStore::try_append() {
    InFlight& now = *in_flight_;
    if (const auto pause = now.next - Clock::now(); pause.count() > 0) {
        look_again_in(std::chrono::ceil<std::chrono::milliseconds>(pause));
        return;
    }
    const auto asked = Clock::now();
    const auto head = log_.append(now.expected, now.group);
    if (head) {
        hear_log(head->groups, asked);
        return landed(*head);
    }
    if (head.error() == Errc::Fenced) return fenced();
    if (head.error() == Errc::NoSpace || head.error() == Errc::TooLarge)
        return give_up_group(static_cast<Errc>(head.error().value()));
    if (head.error() == Errc::Trimmed) {
        in_flight_.reset();
        return lose(Lost::Trimmed, "the log does not have the group that was appended any more");
    }
    note_append_failed(asked);
    // The same call again finds out.
    const auto pause = pause_after(now.attempts++);
    now.next = Clock::now() + pause;
    look_again_in(pause);
}

void MemberStore::note_append_failed(Clock::time_point asked) {
    std::string why = log_.append_failure();
    const std::lock_guard lock(mutex_);
    if (!failing_since_) failing_since_ = asked;
    append_failure_ = std::move(why);
}

bool MemberStore::is_in_flight(const Logged& logged) const {
    const LogGroup &mine = in_flight_->group, &theirs = logged.group;
    return theirs.leader == self_ && theirs.term == mine.term && theirs.head == mine.head &&
           theirs.entries.size() == mine.entries.size();
}

/// The group in flight is in the log.
void MemberStore::landed(const LogHead& head) {
    InFlight done = std::move(*in_flight_);
    in_flight_.reset();
    if (head.groups !=
        applied_.groups + 1) {   // the files were opened again without the last groups
        seen_ = std::max(seen_, head.groups);
        return;
    }
    const bool begins = done.group.entries.empty();
    pass_on_refusals(std::move(done.refused), head.revision);
    if (!write(head, std::move(done.group))) return;
    if (sequencer_) sequencer_->end_group();
    look_again_in(std::chrono::milliseconds(0));
    if (!begins || standing_ != Standing::Beginning) return;
    standing_ = Standing::Leading;
    origins_.begin_term(head.term);
    const auto known = [this](Family family, std::string_view key) {
        return files_.database()->revision_of(family, key);
    };
    sequencer_.emplace(known);
    sequencer_->resume(applied_.revision, time_, link_, steps_);
    publish();
}

/// The log has refused the group in flight, so that nothing of it was decided.
void MemberStore::give_up_group(Errc error) {
    InFlight refused = std::move(*in_flight_);
    in_flight_.reset();
    if (standing_ != Standing::Leading) return;
    std::vector<Candidate> candidates = std::move(refused.refused);
    for (const LogEntry& entry : refused.group.entries)
        candidates.push_back({entry.origin, entry.number, entry.ticket, std::nullopt});
    sequencer_->go_back(applied_.revision, time_, link_, steps_);
    if (error == Errc::NoSpace) note_full();
    refuse_all_of(
        std::move(candidates), error,
        error == Errc::NoSpace ? log_full_reason : "the log of the cluster refused the group"
    );
}

/// The group in flight is not in the log and never will be: another member has written.
void MemberStore::fenced() {
    in_flight_.reset();
    const bool has_led = standing_ == Standing::Leading;
    step_down();
    if (has_led) tried_term_ = 0;
    if (role_.leads) begin_in(has_led ? fenced_pause : std::chrono::milliseconds(0));
}

void MemberStore::begin_in(std::chrono::milliseconds pause) {
    standing_ = Standing::Beginning;
    begin_at_ = Clock::now() + pause;
    look_again_in(pause);
}

/// Batches that others forwarded come again when they see the next term; so do the own ones.
void MemberStore::step_down() {
    standing_ = Standing::Following;
    sequencer_.reset();
    origins_.begin_term(0);
}

}   // namespace grid::storage
