// server/audit/sink.hpp: where exported audit records go: a file, or a syslog receiver.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "controller/audit/query.hpp"
#include "xml/result.hpp"

namespace grid::server::audit {

/// Blocks, for a bounded time: used by the exporter's own thread only.
class Sink {
public:
    virtual ~Sink() = default;
    struct Sent {
        std::size_t count = 0;   // how many were taken, from the first on
        std::size_t lost = 0;    // of them, or of earlier ones: known not to have arrived
        std::string trouble;     // why not all; empty: all were
    };
    virtual Sent send(std::span<const controller::audit::Entry> entries) = 0;
};

/// `file:PATH`, `udp:HOST:PORT`, `tcp:HOST:PORT`, `unix:PATH`. The error is for the operator.
Result<std::unique_ptr<Sink>, std::string> make_sink(std::string_view where, std::string host);

}   // namespace grid::server::audit
