// server/metrics/collector.hpp: the state of the server as metrics.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controller/ports.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "server/metrics/exposition.hpp"
#include "storage/store.hpp"

namespace grid::server::metrics {

/// Until when a certificate of the server is valid; by what it is used for ("xmpp", "http").
using Expiry = std::pair<std::string, storage::Millis>;

/// The parts that are asked. They outlive the collector.
struct Sources {
    Core& core;
    storage::Store& store;
    const controller::ServerInfo& info;
    const c2s::Acceptor& acceptor;
    const Log& log;
    std::function<std::vector<Expiry>()> certificates;   // any thread
};

/// A scrape costs the core strand well below a millisecond, and its size does not grow with
/// accounts, topics or sessions: no label has a name that a client chose.
class Collector {
public:
    explicit Collector(Sources sources) : sources_(std::move(sources)) {}

    /// `done` gets the text on the core strand. Any thread.
    void collect(std::function<void(std::string)> done) const;
    /// The same at once. Core strand.
    std::string text() const;

private:
    void write_process(Exposition& out) const;
    void write_streams(Exposition& out, const Load& load) const;
    void write_broker(Exposition& out) const;
    void write_delivery(Exposition& out, const Load& load) const;
    void write_controller(Exposition& out) const;
    void write_export(Exposition& out) const;
    void write_transfers(Exposition& out) const;
    void write_store(Exposition& out) const;
    void write_cluster(Exposition& out) const;
    void write_limits(Exposition& out, const Load& load) const;
    void write_log(Exposition& out) const;

    Sources sources_;
};

}   // namespace grid::server::metrics
