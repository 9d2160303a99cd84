// server/c2s/outbox.hpp: the stanzas queued for one connection, gathered into as few TLS records
// as possible.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/c2s/delivery_marks.hpp"
#include "server/net/byte_sink.hpp"
#include "server/session/budget.hpp"
#include "server/session/transport.hpp"
#include "server/stream/framer.hpp"

namespace grid::server::c2s {

/// On the connection's strand. `flush` never waits: where the socket is full it says so, and the
/// owner calls again when it is writable; after a turn's worth (Turn::write_bytes_max) it says so
/// as well, and the owner calls again when others have had theirs.
/// An empty queue holds next to no memory.
class Outbox {
public:
    Outbox(net::ByteSink& sink, stream::Framer& framer) : sink_(sink), framer_(framer) {}
    ~Outbox();

    /// `bytes` were taken from the budget and are given back as the stanzas leave; 0: they stay
    /// there until the client acknowledges them.
    void push(std::vector<Outgoing> stanzas, std::size_t bytes);
    /// The connection's own words. Those that a flush leaves draw on the budget as everything else;
    /// where it is full they are queued all the same, and is_over() says that no more should be
    /// asked for.
    void push_own(Outgoing stanza);
    /// For a flush that cannot be made now.
    void charge();
    /// The same of bytes that the framer has written.
    void push_framed(std::string bytes);
    /// Half of the budget is in use: for a peer that does not read its answers no more of its
    /// stanzas are read. The other half is kept for events.
    bool is_over() const {
        if (!budget_) return own_bytes_ + uncharged_ > 0;
        const std::size_t held = keeps_unacked_ ? unsent_bytes() : budget_->used() + uncharged_;
        return own_bytes_ > 0 || held >= budget_->bytes_max() / 2;
    }
    /// Bytes that are not in the socket yet.
    std::size_t unsent_bytes() const { return queued_ - gathered_ + unsent_.size(); }
    void set_budget(std::shared_ptr<Budget> budget) { budget_ = std::move(budget); }

    enum class Flushed { All, SocketFull, TurnOver, Broken };
    Flushed flush();

    /// See Transport::mark.
    void mark(std::uint64_t number) { marks_.add(number, queued_); }
    /// The newest marks that reached the peer.
    DeliveryMarks::Acked acked();

    bool empty() const { return next_ == queue_.size() && unsent_.empty(); }
    void drop();

private:
    struct Entry {
        Outgoing stanza;
        /// Own: the connection's, not charged yet.
        enum class From : std::uint8_t { Budget, Beyond, Unacked, Own } from = From::Budget;
    };
    Flushed write();
    void gather(std::string& into);
    void empty_queue();

    net::ByteSink& sink_;
    stream::Framer& framer_;
    std::shared_ptr<Budget> budget_;
    std::vector<Entry> queue_;
    std::size_t next_ = 0, charged_to_ = 0;       // in queue_
    std::string unsent_;                          // gathered, and the socket was full
    std::size_t budgeted_ = 0;                    // taken and not yet given back
    std::size_t own_bytes_ = 0, uncharged_ = 0;   // of own words: beyond the budget, or not asked
    bool keeps_unacked_ = false;   // the budget holds what was sent and not acknowledged
    std::uint64_t queued_ = 0, gathered_ = 0;   // as charged, since the beginning
    DeliveryMarks marks_;
};

}   // namespace grid::server::c2s
