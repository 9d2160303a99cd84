// server/pipeline/sender_queue.hpp: the requests of one sender, in the order in which they came.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/pipeline/transaction.hpp"

namespace grid::server {

/// Bounds of what one sender may have in the commit queue, or waiting for other members of a
/// cluster. Where all senders together have many
/// batches there, a sender that has its share waits: the next batch of another one is not behind
/// hundreds of its own.
inline constexpr std::size_t sender_batches_max = 64, sender_batches_share = 8;
inline constexpr std::size_t many_batches = 128;
inline constexpr std::size_t sender_bytes_max = 1024 * 1024;
/// The number of conflicts after which a request is refused with `wait`.
inline constexpr int decide_rounds_max = 8;
/// After this many conflicts the request is decided alone, with nothing else in flight.
inline constexpr int shared_rounds_max = 4;

/// Gives the ids of sender queues, each once: the store remembers the rounds in which a sender
/// conflicted, and a new queue begins at the first (storage::Sender). One for all senders of a
/// pipeline. Core strand.
class SenderIds {
public:
    std::uint64_t next() { return ++last_; }

private:
    std::uint64_t last_ = 0;
};

/// Publishes overlap; every other request waits for those before it, and those behind it wait for
/// it. Core strand.
class SenderQueue {
public:
    /// The id is one of SenderIds. Queues of one account share its turns; without an account, a
    /// queue has turns of its own.
    explicit SenderQueue(std::uint64_t id, std::string account = {})
        : id_(id), account_(account.empty() ? std::to_string(id) : std::move(account)) {}

    std::uint64_t id() const { return id_; }
    const std::string& account() const { return account_; }
    std::uint64_t round() const { return round_; }
    bool empty() const { return head_ == items_.size(); }
    /// A request in it is followed by what the sender sends to others (Transaction::is_followed).
    bool is_followed() const { return followed_ != 0; }
    void push(std::unique_ptr<Transaction> request);
    /// The request that may be decided now; null when none may, or a bound is reached.
    /// `all_in_flight`: batches of all senders in the commit queue.
    Transaction* next_to_decide(std::size_t all_in_flight);
    /// Asked before each: is there room for more answers? Empty: always.
    std::function<bool()> has_room;
    /// Sends the answers that are due, in order.
    void answer_front();
    void went_in_flight(Transaction& request, std::size_t bytes);
    void came_back(Transaction& request);
    /// True when no request that was taken over waits to be decided: more may be read.
    bool all_decided() const;
    /// The request is decided again, behind those that the store refuses with it. A request behind
    /// a conflict is refused because of that one: only its own conflicts count against it.
    void conflicted(Transaction& request);

    /// Called after each answer. Empty: not at all.
    std::function<void()> on_each_answered;
    /// Called once when all_decided becomes true.
    std::function<void()> on_taken;
    /// Each is called once when the queue is empty: all requests that were in it are answered.
    std::vector<std::function<void()>> on_answered;
    /// Transaction::stanza of the first request that is counted and not answered; 0: there is none.
    std::uint64_t first_unanswered() const;
    bool is_stalled = false;   // waits for its next turn

private:
    std::uint64_t id_, round_ = 1;
    std::string account_;
    std::vector<std::unique_ptr<Transaction>> items_;
    std::size_t head_ = 0, in_flight_ = 0, in_flight_bytes_ = 0;
    std::size_t followed_ = 0;   // requests that are followed
};

}   // namespace grid::server
