// server/cluster/link/outbox.cpp: see outbox.hpp.
#include "server/cluster/link/outbox.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace grid::server::cluster {

Outbox::Pushed Outbox::push(std::uint8_t channel, std::string payload) {
    const std::lock_guard lock(mutex_);
    const auto bytes = frame_head_bytes + payload.size();
    if (!is_open_ || bytes > bytes_max_ - queued_bytes_) return Pushed::No;
    const auto head = frame_head(channel, payload.size());
    items_.push_back({head, std::move(payload)});
    queued_bytes_ += bytes;
    return std::exchange(is_awake_, true) ? Pushed::Yes : Pushed::Wake;
}

void Outbox::open() {
    const std::lock_guard lock(mutex_);
    is_open_ = is_awake_ = true;
}

void Outbox::close() {
    std::deque<Item> dropped;   // freed after the lock
    const std::lock_guard lock(mutex_);
    items_.swap(dropped);
    front_taken_ = queued_bytes_ = 0;
    is_open_ = is_awake_ = false;
}

void Outbox::take(std::string& out, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    while (!items_.empty() && out.size() < bytes) {
        const Item& front = items_.front();
        const std::size_t before = out.size();
        if (front_taken_ < frame_head_bytes) {   // a head is taken whole
            out.append(front.head.data(), front.head.size());
            front_taken_ = frame_head_bytes;
        }
        const auto rest = std::string_view(front.payload).substr(front_taken_ - frame_head_bytes);
        const auto room = out.size() < bytes ? bytes - out.size() : 0;
        out.append(rest.substr(0, room));
        front_taken_ += std::min(room, rest.size());
        queued_bytes_ -= out.size() - before;
        if (front_taken_ < frame_head_bytes + front.payload.size()) return;
        items_.pop_front();
        front_taken_ = 0;
    }
    if (out.empty()) is_awake_ = false;
}

bool Outbox::is_open() const {
    const std::lock_guard lock(mutex_);
    return is_open_;
}

bool Outbox::is_empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
}

std::size_t Outbox::queued_bytes() const {
    const std::lock_guard lock(mutex_);
    return queued_bytes_;
}

}   // namespace grid::server::cluster
