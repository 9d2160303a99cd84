// server/live/listener.hpp: a client that listens to events, with their bounded queue.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "controller/rest/events.hpp"

namespace grid::server::live {

using controller::rest::EventKind;
using controller::rest::EventWish;

/// As it is on the wire: `event: …`, perhaps `id: …`, `data: …`, an empty line. Shared by all
/// listeners.
using Event = std::shared_ptr<const std::string>;
/// `data` is one line of JSON.
Event make_event(std::string_view name, std::string_view data, std::string_view id = {});

/// A listener that does not take its events is told how many it has lost, where it lost them.
class Listener {
public:
    static constexpr std::size_t events_max = 1'000;
    static constexpr std::size_t bytes_max = 1024 * 1024;

    /// `wake`: from any thread, when there is something to take, or the listener has ended.
    Listener(std::string account, EventWish wish, std::function<void()> wake)
        : account_(std::move(account)), wish_(std::move(wish)), wake_(std::move(wake)) {}

    const std::string& account() const { return account_; }
    const EventWish& wish() const { return wish_; }

    // Any thread.
    /// Of a kind that it did not wish for: not at all.
    void put(EventKind kind, const Event& event);
    /// Further events are dropped.
    void end();
    bool is_ended() const;
    /// Whole events, about so many bytes; empty: there are none now.
    std::string take(std::size_t bytes);

private:
    void push(const Event& event);
    void tell_loss();

    const std::string account_;
    const EventWish wish_;
    const std::function<void()> wake_;
    mutable std::mutex mutex_;   // held for a move in the queue
    std::deque<Event> queue_;
    std::size_t bytes_ = 0, lost_ = 0;
    bool is_ended_ = false;
};
using ListenerPtr = std::shared_ptr<Listener>;

}   // namespace grid::server::live
