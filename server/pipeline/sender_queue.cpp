// server/pipeline/sender_queue.cpp: which request of a sender may go next.
#include "server/pipeline/sender_queue.hpp"

#include <algorithm>

namespace grid::server {

using pubsub::Order;

void SenderQueue::push(std::unique_ptr<Transaction> request) {
    if (request->is_followed) ++followed_;
    items_.push_back(std::move(request));
}

Transaction* SenderQueue::next_to_decide(std::size_t all_in_flight) {
    // Whichever bound it is, the queue goes on when one of its own batches comes back.
    const std::size_t most =
        all_in_flight >= many_batches ? sender_batches_share : sender_batches_max;
    if (in_flight_ >= most || in_flight_bytes_ >= sender_bytes_max) return nullptr;
    Transaction* candidate = nullptr;
    bool only_publishes_before = true;
    for (std::size_t i = head_; i < items_.size(); ++i) {
        Transaction& request = *items_[i];
        if (candidate) {
            // Decided before a conflict was known: it comes back as a conflict too, and until then
            // what stands before it may not overtake it.
            if (request.state == Transaction::State::InFlight) return nullptr;
            continue;
        }
        if (request.state == Transaction::State::Working)
            return nullptr;   // nor may it be overtaken
        if (request.state != Transaction::State::Waiting) {
            only_publishes_before =
                only_publishes_before &&
                (request.order != Order::Barrier || request.state == Transaction::State::Answered);
            continue;
        }
        bool is_first = i == head_;
        if (request.order == Order::Barrier ? !is_first : !only_publishes_before) return nullptr;
        candidate = &request;
    }
    return candidate;
}

void SenderQueue::answer_front() {
    while (head_ < items_.size() && items_[head_]->state == Transaction::State::Answered) {
        auto request = std::move(items_[head_++]);
        if (request->is_followed) --followed_;
        request->answer();
        if (on_each_answered) on_each_answered();
    }
    // A sender that always has something in flight never empties its queue.
    if (head_ == items_.size() || head_ >= 64) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    if (!empty()) return;
    for (const auto& call : std::exchange(on_answered, {})) call();
}

std::uint64_t SenderQueue::first_unanswered() const {
    for (std::size_t i = head_; i < items_.size(); ++i)
        if (items_[i]->stanza != 0) return items_[i]->stanza;
    return 0;
}

void SenderQueue::went_in_flight(Transaction& request, std::size_t bytes) {
    request.state = Transaction::State::InFlight;
    request.batch_bytes = bytes;
    ++in_flight_;
    in_flight_bytes_ += bytes;
}

void SenderQueue::came_back(Transaction& request) {
    --in_flight_;
    in_flight_bytes_ -= request.batch_bytes;
}

void SenderQueue::conflicted(Transaction& request) {
    for (std::size_t i = head_; i < items_.size() && items_[i].get() != &request; ++i) {
        if (items_[i]->state != Transaction::State::Waiting) continue;
        --request.rounds;
        break;
    }
    request.state = Transaction::State::Waiting;
    ++round_;
}

bool SenderQueue::all_decided() const {
    return std::none_of(
        items_.begin() + static_cast<std::ptrdiff_t>(head_), items_.end(),
        [](const auto& item) {
            return item->state == Transaction::State::Waiting ||
                   item->state == Transaction::State::Working;
        }
    );
}

}   // namespace grid::server
