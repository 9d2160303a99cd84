// server/session/transport.hpp: the carrier of a session's stanzas: a C2S stream today, a
// WebSocket later.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/batch.hpp"
#include "xml/stream_error.hpp"
#include "xml/writer.hpp"

namespace grid::server {

/// The end of a transport, from which the session's delivery position follows.
struct Delivered {
    /// The peer said goodbye: it has everything that was handed over.
    bool is_all = false;
    /// Otherwise: the last mark that reached it; 0: none.
    std::uint64_t mark = 0;
    /// The first item that was handed over and never sent, since the stream had ended; 0: none.
    storage::Revision lost_from = 0;
};

/// A stanza to be sent: `head` (may be null; the session owns it) and then `body`, shared by all
/// recipients.
struct Outgoing {
    const std::string* head = nullptr;
    xml::Bytes body;
    storage::Revision owed_from : 63 = 0;   // the first item that it tells of; 0: of none
    bool is_item : 1 = false;   // an event with an item: may be left out, the store has it

    std::size_t bytes() const { return (head ? head->size() : 0) + body->size(); }
};

/// Every member may be called from any thread, and acts on the transport's own strand.
class Transport {
public:
    virtual ~Transport() = default;
    /// Queues in order; stanzas that are queued together leave together. `bytes` were taken from
    /// the session's budget and are given back as they leave.
    virtual void send(std::vector<Outgoing> stanzas, std::size_t bytes) = 0;
    /// DeliveryMarks the stanzas so far with a number of the caller's, which only grows, and tells
    /// the newest such number whose stanzas the peer has read, as far as TCP tells.
    virtual void mark(std::uint64_t number, std::function<void(std::uint64_t reached)> done) = 0;
    /// Sends the queued stanzas, then the error if there is one, then the end of the stream.
    virtual void close(std::optional<xml::StreamError> error) = 0;
};

}   // namespace grid::server
