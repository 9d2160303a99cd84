// server/session/unacked_queue.cpp: see server/session/unacked_queue.hpp.
#include "server/session/unacked_queue.hpp"

#include <algorithm>

namespace grid::server {

namespace {

/// An empty queue keeps the room for so many.
constexpr std::size_t kept_stanzas_max = 16;

/// 0 stands for none.
storage::Revision first_of(storage::Revision a, storage::Revision b) {
    return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

}   // namespace

UnackedQueue::~UnackedQueue() {
    if (bytes_ != 0) budget_->give(bytes_);
}

void UnackedQueue::push(Outgoing stanza) {
    ++sent_;
    bytes_ += stanza.bytes();
    queue_.push_back(std::move(stanza));
}

/// Numbers are modulo 2^32: of two that are less than half of that apart, it is known which comes
/// first. Behind is none before the first that was sent.
UnackedQueue::Place UnackedQueue::place_of(std::uint32_t number) const {
    constexpr std::uint32_t half = 1U << 31;
    const auto last = static_cast<std::uint32_t>(acknowledged_);
    const std::uint32_t ahead = number - last;
    if (ahead <= sent_ - acknowledged_) return Place::Ahead;
    const bool was_acknowledged = std::uint64_t{last - number} <= acknowledged_;
    return ahead >= half && was_acknowledged ? Place::Behind : Place::TooHigh;
}

UnackedQueue::Place UnackedQueue::acknowledge(std::uint32_t number) {
    const Place place = place_of(number);
    if (place != Place::Ahead) return place;
    acknowledged_ += number - static_cast<std::uint32_t>(acknowledged_);
    if (acknowledged_ > gone()) drop(acknowledged_ - gone());
    if (acknowledged_ >= forgotten_to_) forgotten_from_ = 0;
    return place;
}

std::span<const Outgoing> UnackedQueue::acknowledged_by(std::uint32_t number) const {
    if (place_of(number) != Place::Ahead) return {};
    const std::uint64_t last = acknowledged_ + (number - static_cast<std::uint32_t>(acknowledged_));
    return kept().first(last > gone() ? last - gone() : 0);
}

bool UnackedQueue::has_all_after(std::uint32_t number) const {
    if (place_of(number) != Place::Ahead) return false;
    return acknowledged_ + (number - static_cast<std::uint32_t>(acknowledged_)) >= gone();
}

bool UnackedQueue::forget(std::size_t bytes) {
    std::size_t count = 0, freed = 0;
    for (const Outgoing& stanza : kept()) {
        if (freed >= bytes || stanza.is_relayed) break;
        ++count;
        freed += stanza.bytes();
        forgotten_from_ = first_of(forgotten_from_, stanza.owed_from());
    }
    if (count == 0) return bytes == 0;
    drop(count);
    forgotten_to_ = gone();
    return freed >= bytes;
}

storage::Revision UnackedQueue::owed_from() const {
    storage::Revision first = forgotten_from_;
    for (const Outgoing& stanza : kept()) first = first_of(first, stanza.owed_from());
    return first;
}

void UnackedQueue::drop(std::size_t count) {
    std::size_t freed = 0;
    for (; count != 0; --count) {
        Outgoing& stanza = queue_[first_++];
        freed += stanza.bytes();
        stanza.text.reset();
    }
    // Not at each call: what stays would be moved for every few that go.
    if (2 * first_ >= queue_.size()) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
    if (queue_.empty() && queue_.capacity() > kept_stanzas_max) queue_.shrink_to_fit();
    bytes_ -= freed;
    if (freed != 0) budget_->give(freed);
}

}   // namespace grid::server
