// server/session/unacked_queue.hpp: the stanzas that a client was sent and has not acknowledged.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "server/session/budget.hpp"
#include "server/session/transport.hpp"

namespace grid::server {

/// Counts the stanzas of one session as they are sent, and keeps them until the client has
/// acknowledged them (XEP-0198 §4). Their bytes stay in the session's budget meanwhile. Core
/// strand.
class UnackedQueue {
public:
    /// As if `count` stanzas had been sent and acknowledged.
    explicit UnackedQueue(std::shared_ptr<Budget> budget, std::uint64_t count = 0)
        : budget_(std::move(budget)), sent_(count), acknowledged_(count) {}
    UnackedQueue(const UnackedQueue&) = delete;
    UnackedQueue& operator=(const UnackedQueue&) = delete;
    ~UnackedQueue();

    /// The next stanza; its bytes were taken from the budget.
    void push(Outgoing stanza);

    /// Where a number stands: among those that were sent and not acknowledged, or acknowledged
    /// last; behind these; or none of that number was sent.
    enum class Place { Ahead, Behind, TooHigh };
    /// The client has handled all up to the stanza of that number, which is modulo 2^32. A number
    /// that is not Ahead changes nothing.
    Place acknowledge(std::uint32_t number);
    Place place_of(std::uint32_t number) const;
    /// Of those that are kept: what it would acknowledge.
    std::span<const Outgoing> acknowledged_by(std::uint32_t number) const;
    /// Whether a client that has handled so many can be sent all that it lacks.
    bool has_all_after(std::uint32_t number) const;

    /// Lets go of the oldest stanzas until so many bytes were given back to the budget. Items are
    /// in the store, and an answer is for its asker alone; a message of another client is kept, and
    /// so is all behind it. False: it was less.
    bool forget(std::size_t bytes);
    /// All that are kept, in order.
    std::span<const Outgoing> kept() const { return std::span(queue_).subspan(first_); }
    /// The first item among those that were not acknowledged; 0: there is none.
    storage::Revision owed_from() const;

    std::uint64_t sent() const { return sent_; }
    std::uint64_t acknowledged() const { return acknowledged_; }
    bool is_all_acknowledged() const { return acknowledged_ == sent_; }
    /// As they stand in an element.
    std::uint32_t sent_count() const { return static_cast<std::uint32_t>(sent_); }
    std::size_t bytes() const { return bytes_; }
    /// Of the session's budget.
    std::size_t bytes_max() const { return budget_->bytes_max(); }

private:
    /// The number of the last stanza that is not kept any more.
    std::uint64_t gone() const { return sent_ - kept().size(); }
    /// Takes out the first ones.
    void drop(std::size_t count);

    std::shared_ptr<Budget> budget_;
    std::vector<Outgoing> queue_;   // an empty one holds little memory
    std::size_t first_ = 0;         // in queue_, that is kept
    std::uint64_t sent_, acknowledged_;
    std::size_t bytes_ = 0;
    /// The first item of those that were forgotten and not acknowledged, the last such stanza.
    storage::Revision forgotten_from_ = 0;
    std::uint64_t forgotten_to_ = 0;
};

}   // namespace grid::server
