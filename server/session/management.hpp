// server/session/management.hpp: the counts and the queue of a session with stream management
// (XEP-0198).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "server/session/unacked_queue.hpp"

namespace grid::server {

/// The stream management of one session, from `<enable/>` to its end; it goes on through each
/// resumption. No I/O. Core strand.
class Management {
public:
    using Clock = std::chrono::steady_clock;

    /// As if `sent` stanzas had been sent and acknowledged.
    explicit Management(std::shared_ptr<Budget> budget, std::uint64_t sent = 0)
        : unacked(std::move(budget), sent) {}

    UnackedQueue unacked;
    /// Stanzas of the client that were taken over since `<enable/>`. Of these those are handled
    /// (§4) that were answered, and before which none waits.
    std::uint64_t received = 0;
    /// `<r/>` was answered when so many had been received and not all of these were handled: once
    /// they are, the client is told without being asked. 0: it was told all.
    std::uint64_t owes_ack_of = 0;
    /// With which the session is resumed; empty: it cannot be.
    std::string token;
    std::chrono::seconds resume_within{0};

    /// Whether an `<r/>` should follow what is being sent: none is unanswered, and enough was sent
    /// since the last.
    bool should_ask() const;
    void asked(Clock::time_point now);
    /// The client said `<a/>`, or resumed.
    void heard() { is_asked_ = false; }
    /// When the `<r/>` was sent that is not answered yet.
    bool is_asked() const { return is_asked_; }
    Clock::time_point asked_at() const { return asked_at_; }

    bool is_watched = false;   // by AckRequests

private:
    bool is_asked_ = false;
    std::uint64_t sent_when_asked_ = 0;
    Clock::time_point asked_at_;
};

}   // namespace grid::server
