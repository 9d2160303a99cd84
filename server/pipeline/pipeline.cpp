// server/pipeline/pipeline.cpp: the turn of the core strand.
#include "server/pipeline/pipeline.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/pipeline/storage_error.hpp"
#include "storage/errors.hpp"

namespace grid::server {

using std::chrono::steady_clock;

namespace {
/// A fan-out pauses after this long, so that other work gets its turn.
constexpr auto pipeline_slice = std::chrono::milliseconds(1);
/// The part of one account in a round: where many always have requests, the round of another is not
/// far.
constexpr auto account_slice = std::chrono::microseconds(250);
/// A round begins with no further account after this long; the last one takes its own part.
constexpr auto round_slice = pipeline_slice - account_slice;
/// Queues that waited for room go on at the end of a fan-out, and so for less.
constexpr auto resume_slice = account_slice;
}   // namespace

Pipeline::Decided Pipeline::decide_all(
    const std::shared_ptr<SenderQueue>& queue, TimePoint deadline
) {
    while (Transaction* request = queue->next_to_decide(in_flight_.size())) {
        // One sender's long read must not keep the others waiting, nor outrun its own reading.
        if (queue->has_room && !queue->has_room()) {
            if (exclusive_ == request) exclusive_ = nullptr;
            return Decided::NoRoom;
        }
        if (!may_decide(*request)) return Decided::NoRoom;
        if (steady_clock::now() >= deadline) return Decided::TurnOver;
        if (++request->rounds > decide_rounds_max) {
            if (exclusive_ == request) exclusive_ = nullptr;
            request->refuse(storage::Errc::Conflict);
            request->state = Transaction::State::Answered;
            queue->answer_front();   // an answer may put more into the queue
            continue;
        }
        const auto next = decide(*request);
        if (exclusive_ == request && next != Transaction::Next::Commit) exclusive_ = nullptr;
        switch (next) {
            case Transaction::Next::Answer:
                request->state = Transaction::State::Answered;
                break;
            case Transaction::Next::Read:
                start_read(queue, *request);
                break;
            case Transaction::Next::Work:
                start_work(queue, *request);
                break;
            case Transaction::Next::Commit: {
                storage::Batch batch = request->take_batch();
                const std::size_t bytes = batch.bytes();
                observer_.before_change(batch);
                const storage::Ticket ticket = ++last_ticket_;
                if (!store_.submit(ticket, {queue->id(), queue->round()}, std::move(batch))) {
                    --request->rounds;   // not counted as a round: decided again when there is room
                    return Decided::NoRoom;
                }
                in_flight_.emplace(ticket, InFlight{queue, request});
                queue->went_in_flight(*request, bytes);
                break;
            }
        }
        queue->answer_front();
    }
    return Decided::All;
}

Transaction::Next Pipeline::decide(Transaction& request) {
    try {
        return request.decide();
    } catch (const std::exception& fault) {
        failed(request, fault);
        return Transaction::Next::Answer;
    }
}

void Pipeline::failed(Transaction& request, const std::exception& fault) {
    log_.error("request_failed", {{"reason", fault.what()}});
    request.refuse(internal_fault());
}

bool Pipeline::may_decide(const Transaction& request) {
    if (!exclusive_ && request.rounds >= shared_rounds_max) exclusive_ = &request;
    if (!exclusive_) return true;
    return exclusive_ == &request && in_flight_.empty();
}

void Pipeline::advance(const std::shared_ptr<SenderQueue>& queue) {
    queue->answer_front();
    auto decided = Decided::All;
    if (!queue->empty() && !queue->all_decided()) decided = take_turn(queue);
    queue->answer_front();
    if (queue->on_taken && queue->all_decided()) std::exchange(queue->on_taken, nullptr)();
    if (decided == Decided::All || std::exchange(queue->is_stalled, true)) return;
    if (decided == Decided::NoRoom) return stalled_.push_back(queue);
    wait_for_turn(queue);
}

Pipeline::Decided Pipeline::take_turn(const std::shared_ptr<SenderQueue>& queue) {
    const auto begin = steady_clock::now();
    // While no account waits no round is planned, and one ends by itself. Those that wait are in
    // turns_, or about to have their turn.
    if (begin - round_began_ >= pipeline_slice) {
        round_began_ = begin;
        std::erase_if(accounts_, [](const auto& entry) { return entry.second.waiting.empty(); });
    }
    // A request is never cut short, so an account may overdraw its turn; then all its queues wait.
    auto& used = accounts_[queue->account()].used;
    if (used >= account_slice) return Decided::TurnOver;
    const auto decided = decide_all(queue, begin + account_slice - used);
    accounts_[queue->account()].used += steady_clock::now() - begin;
    return decided;
}

void Pipeline::wait_for_turn(const std::shared_ptr<SenderQueue>& queue) {
    auto& waiting = accounts_[queue->account()].waiting;
    waiting.push_back(queue);
    if (waiting.size() == 1) turns_.push_back(queue->account());
    plan_round();
}

/// Behind what the strand has to do already: others come in between.
void Pipeline::plan_round() {
    if (std::exchange(is_round_planned_, true)) return;
    post_([self = shared_from_this()] { self->take_turns(); });
}

void Pipeline::take_turns() {
    is_round_planned_ = false;
    round_began_ = steady_clock::now();
    auto accounts = std::exchange(accounts_, {});
    auto turns = std::exchange(turns_, {});
    for (const std::string& account : turns)
        accounts_[account].waiting = std::move(accounts[account].waiting);
    // Each once; those for which the slice was too short keep their place.
    const auto deadline = steady_clock::now() + round_slice;
    while (!turns.empty() && steady_clock::now() < deadline) {
        const std::string account = std::move(turns.front());
        turns.pop_front();
        auto& waiting = accounts_[account].waiting;
        assert(!waiting.empty());
        const auto queue = std::move(waiting.front());
        waiting.pop_front();
        if (!waiting.empty()) turns_.push_back(account);
        queue->is_stalled = false;
        advance(queue);
    }
    turns_.insert(turns_.begin(), turns.begin(), turns.end());
    if (!turns_.empty()) plan_round();
    observer_.flush();
}

void Pipeline::resume_stalled() {
    if (is_resume_planned_) return;
    to_resume_ = stalled_.size();
    resume_some();
}

/// Each in its turn, and only those that were waiting at the beginning, a slice at a time.
void Pipeline::resume_some() {
    is_resume_planned_ = false;
    const auto deadline = steady_clock::now() + resume_slice;
    while (to_resume_ != 0 && steady_clock::now() < deadline) {
        --to_resume_;
        const auto queue = std::move(stalled_.front());
        stalled_.pop_front();
        queue->is_stalled = false;
        advance(queue);
    }
    if (to_resume_ == 0) return;
    is_resume_planned_ = true;
    post_([self = shared_from_this()] {
        self->resume_some();
        self->observer_.flush();
    });
}

void Pipeline::start_read(const std::shared_ptr<SenderQueue>& queue, Transaction& request) {
    request.state = Transaction::State::Reading;
    store_.read([self = shared_from_this(), queue, &request](const storage::Snapshot& snapshot) {
        try {
            request.read(snapshot);
        } catch (const std::exception& fault) {
            self->failed(request, fault);
        }
        self->post_([self, queue, &request] {
            request.state = Transaction::State::Answered;
            self->advance(queue);
            self->observer_.flush();
        });
    });
}

void Pipeline::start_work(const std::shared_ptr<SenderQueue>& queue, Transaction& request) {
    request.state = Transaction::State::Working;
    store_.read([self = shared_from_this(), queue, &request](const storage::Snapshot& snapshot) {
        bool is_done = true;
        try {
            request.work(snapshot);
        } catch (const std::exception& fault) {
            self->failed(request, fault);
            is_done = false;
        }
        self->post_([self, queue, &request, is_done] {
            request.state = is_done ? Transaction::State::Waiting : Transaction::State::Answered;
            self->advance(queue);
            self->observer_.flush();
        });
    });
}

bool Pipeline::submit_background(storage::Batch batch) {
    const storage::Ticket ticket = ++last_ticket_;
    if (!store_.submit(ticket, {}, std::move(batch))) return false;
    in_flight_.emplace(ticket, InFlight{});
    ++background_;
    return true;
}

void Pipeline::on_feed(std::vector<storage::FeedEntry> entries) {
    post_([self = shared_from_this(), entries = std::move(entries)]() mutable {
        for (auto& entry : entries) self->feed_.push_back(std::move(entry));
        if (!self->is_working_) self->work();
    });
}

void Pipeline::work() {
    is_working_ = true;
    try {
        work_until(steady_clock::now() + pipeline_slice);
    } catch (const std::exception& fault) {
        log_.fold(Level::Error, "delivery_failed", {{"reason", fault.what()}});
    }
    if (is_working_) post_([self = shared_from_this()] { self->work(); });
}

void Pipeline::work_until(TimePoint deadline) {
    // Per revision: apply, events, answer, then the next, so that no client sees an event of a node
    // after the result of leaving it.
    while (observer_.deliver(deadline)) {
        if (const auto since = std::exchange(followed_at_, {}); since != TimePoint{})
            counts_.fan_out.observe(steady_clock::now() - since);
        if (auto done = std::exchange(unanswered_, {}); done.queue) answer(std::move(done));
        if (feed_.empty()) {
            is_working_ = false;
            break;
        }
        auto entry = std::move(feed_.front());
        feed_.pop_front();
        handle(std::move(entry));
    }
    if (!is_working_) resume_stalled();
    ask_for_all();
    observer_.flush();
}

void Pipeline::answer(InFlight done) {
    if (done.for_all == 0) return finish(done);
    const auto queue = done.queue;
    for_all_.push_back(std::move(done));
    advance(queue);   // others behind it may be decided
}

void Pipeline::finish(const InFlight& done) {
    if (done.request->state == Transaction::State::Delivering)
        done.request->state = Transaction::State::Answered;
    advance(done.queue);
}

void Pipeline::ask_for_all() {
    if (for_all_.empty() || for_all_.back().for_all <= asked_for_) return;
    asked_for_ = for_all_.back().for_all;
    const auto done = [self = shared_from_this(), revision = asked_for_](bool is_known) {
        self->post_([self, revision, is_known] { self->known_to_all(revision, is_known); });
    };
    observer_.when_everywhere(asked_for_, done);
}

void Pipeline::known_to_all(storage::Revision revision, bool is_known) {
    for (const InFlight& waiting : for_all_)
        if (!is_known && waiting.for_all > known_to_all_ && waiting.for_all <= revision)
            waiting.request->refuse(make_error_code(storage::Errc::UnknownOutcome));
    known_to_all_ = std::max(known_to_all_, revision);
    if (!is_answering_) answer_known();
}

void Pipeline::answer_known() {
    const auto deadline = steady_clock::now() + pipeline_slice;
    const auto is_known = [this] {
        return !for_all_.empty() && for_all_.front().for_all <= known_to_all_;
    };
    while (is_known() && steady_clock::now() < deadline) {
        const InFlight done = std::move(for_all_.front());
        for_all_.pop_front();
        done.queue->came_back(*done.request);
        finish(done);
    }
    if ((is_answering_ = is_known())) post_([self = shared_from_this()] { self->answer_known(); });
    observer_.flush();
}

void Pipeline::handle(storage::FeedEntry entry) {
    if (auto* committed = std::get_if<storage::Committed>(&entry))
        on_committed(std::move(*committed));
    else if (auto* refused = std::get_if<storage::Refused>(&entry))
        on_refused(*refused);
    else
        rebuild();
}

void Pipeline::follow(const storage::Committed& committed) {
    // Batches that a rebuild found already are reported to subscribers, but not applied again.
    const bool is_new = committed.revision > scanned_;
    for (const auto& operation : committed.batch.operations) {
        if (!is_new) break;
        storage::KeyChange change{operation.family, operation.key, std::nullopt};
        if (!operation.erase)
            change.record = storage::Record{committed.revision, committed.time, operation.value};
        observer_.apply(change);
    }
    observer_.notify(committed);
}

void Pipeline::on_committed(storage::Committed committed) {
    try {
        follow(committed);
    } catch (const std::exception& fault) {
        // Memory may have taken half of the batch: the store counts.
        log_.error("apply_failed", {{"reason", fault.what()}});
        rebuild();
    }
    followed_at_ = steady_clock::now();
    auto found = in_flight_.find(committed.ticket);
    if (found == in_flight_.end()) return;
    auto [queue, request, since, none] = std::move(found->second);
    in_flight_.erase(found);
    counts_.commit.observe(followed_at_ - since);
    const bool is_for_all = observer_.is_for_all(committed) || (request && request->is_for_all);
    if (!queue) {
        --background_;
        return;
    }
    if (exclusive_ == request) exclusive_ = nullptr;
    if (!is_for_all) queue->came_back(*request);
    request->state = Transaction::State::Delivering;
    request->applied();
    unanswered_ = {std::move(queue), request, since, is_for_all ? committed.revision : 0};
}

void Pipeline::log_refused(const storage::Refused& refused) {
    const auto time = steady_clock::now();
    if (refused.error == last_refused_ && time < quiet_until_) {
        ++unlogged_;
        return;
    }
    log_.error(
        "commit_refused", {{"reason", refused.error.message()},
                           {"detail", refused.detail},
                           {"more_before", std::to_string(std::exchange(unlogged_, 0))}}
    );
    last_refused_ = refused.error;
    quiet_until_ = time + std::chrono::seconds(1);
}

void Pipeline::on_refused(const storage::Refused& refused) {
    auto found = in_flight_.find(refused.ticket);
    if (found == in_flight_.end()) return;
    auto [queue, request, since, none] = std::move(found->second);
    in_flight_.erase(found);
    const bool is_conflict = refused.error == storage::Errc::Conflict;
    (is_conflict ? counts_.conflicts : counts_.refused).add();
    // A conflict is worth a word only when it is the last one.
    if (!is_conflict || (request && request->rounds >= decide_rounds_max)) log_refused(refused);
    if (!queue) {
        --background_;   // the background work is still due, and will be proposed again
        return;
    }
    if (exclusive_ == request) exclusive_ = nullptr;
    queue->came_back(*request);
    if (is_conflict) {
        queue->conflicted(*request);
    } else {
        request->refuse(refused.error);
        request->state = Transaction::State::Answered;
    }
    unanswered_ = {std::move(queue), request};
}

}   // namespace grid::server
