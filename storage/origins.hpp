// storage/origins.hpp: the leader's side of what other members forward to it, for one term.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>

#include "storage/log.hpp"
#include "storage/store_messages.hpp"

namespace grid::storage {

/// Takes each batch once, in the order of its member, whatever is sent again, and keeps refusals
/// until the member has them. Used by one thread.
class Origins {
public:
    struct Forwarded {
        MemberId origin = 0;
        ForwardedBatch batch;
        std::size_t bytes = 0;
    };

    void begin_term(std::uint64_t term);
    /// False: something before this message was lost, or it is for another term.
    bool take(MemberId from, BatchesMessage message);
    /// Batches to be decided, in order.
    std::deque<Forwarded>& queue() { return queue_; }
    /// The outcome of one that was in the queue.
    void refused(MemberId origin, Refusal refusal);
    /// Sends what is due. False: some could not be sent, try again.
    bool send_refusals(Peers& peers);
    /// An id for that member's sender which no other sender has.
    static Sender sender_of(MemberId origin, Sender sender);

private:
    struct Origin {
        std::uint64_t stream = 0, sequence = 0;      // of the next message
        std::uint64_t next = 0;                      // numbers before it were taken
        std::map<std::uint64_t, Refusal> refusals;   // that it may not have heard of
        std::set<std::uint64_t> unsent;              // of those
    };

    std::uint64_t term_ = 0;
    std::map<MemberId, Origin> origins_;
    std::set<MemberId> unsent_;   // those to whom something is due
    std::deque<Forwarded> queue_;
};

}   // namespace grid::storage
