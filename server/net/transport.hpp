// server/net/transport.hpp: what carries a session's stanzas: a C2S stream today, a WebSocket
// later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "xml/stream_error.hpp"
#include "xml/writer.hpp"

namespace grid::server {

/// A stanza on its way out: `head` (may be null; the session owns it) and then `body`, shared by
/// all who get it.
struct Outgoing {
    const std::string* head = nullptr;
    xml::Bytes body;

    std::size_t bytes() const { return (head ? head->size() : 0) + body->size(); }
};

/// Every member may be called from any thread, and acts on the transport's own strand.
class Transport {
public:
    virtual ~Transport() = default;
    /// Queues in order; what is queued together leaves together. `bytes` were taken from the
    /// session's budget and are given back as they leave.
    virtual void send(std::vector<Outgoing> stanzas, std::size_t bytes) = 0;
    /// What is queued goes out, then the error if there is one, then the end of the stream.
    virtual void close(std::optional<xml::StreamError> error) = 0;
};

}   // namespace grid::server
