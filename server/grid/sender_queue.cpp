// server/grid/sender_queue.cpp: which request of a sender may go next.
#include "server/grid/sender_queue.hpp"

#include <algorithm>

namespace grid::server {

using pubsub::Order;

void SenderQueue::push(std::unique_ptr<Pending> request) { items_.push_back(std::move(request)); }

Pending* SenderQueue::next_to_decide() {
    if (in_flight_ >= sender_batches_max || in_flight_bytes_ >= sender_bytes_max) return nullptr;
    Pending* candidate = nullptr;
    bool only_publishes_before = true;
    for (std::size_t i = head_; i < items_.size(); ++i) {
        Pending& request = *items_[i];
        if (candidate) {
            // Decided before a conflict was known: it comes back as a conflict too, and until then
            // what stands before it may not overtake it.
            if (request.state == Pending::State::InFlight) return nullptr;
            continue;
        }
        if (request.state == Pending::State::Working) return nullptr;   // nor may it be overtaken
        if (request.state != Pending::State::Waiting) {
            only_publishes_before =
                only_publishes_before &&
                (request.order != Order::Barrier || request.state == Pending::State::Answered);
            continue;
        }
        bool is_first = i == head_;
        if (request.order == Order::Barrier ? !is_first : !only_publishes_before) return nullptr;
        candidate = &request;
    }
    return candidate;
}

void SenderQueue::answer_front() {
    while (head_ < items_.size() && items_[head_]->state == Pending::State::Answered) {
        auto request = std::move(items_[head_++]);
        request->answer();
    }
    // A sender that always has something in flight never empties its queue.
    if (head_ == items_.size() || head_ >= 64) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
}

void SenderQueue::went_in_flight(Pending& request, std::size_t bytes) {
    request.state = Pending::State::InFlight;
    request.batch_bytes = bytes;
    ++in_flight_;
    in_flight_bytes_ += bytes;
}

void SenderQueue::came_back(Pending& request) {
    --in_flight_;
    in_flight_bytes_ -= request.batch_bytes;
}

void SenderQueue::conflicted(Pending& request) {
    for (std::size_t i = head_; i < items_.size() && items_[i].get() != &request; ++i) {
        if (items_[i]->state != Pending::State::Waiting) continue;
        --request.rounds;
        break;
    }
    request.state = Pending::State::Waiting;
    ++round_;
}

bool SenderQueue::all_decided() const {
    return std::none_of(
        items_.begin() + static_cast<std::ptrdiff_t>(head_), items_.end(),
        [](const auto& item) {
            return item->state == Pending::State::Waiting || item->state == Pending::State::Working;
        }
    );
}

}   // namespace grid::server
