// pubsub/broker.hpp: what every use case works with: settings, the questions to others, memory.
#pragma once

#include "pubsub/engine.hpp"
#include "pubsub/memory.hpp"
#include "pubsub/ports.hpp"

namespace grid::pubsub {

struct Broker {
    Broker(Settings s, const AccessPolicy& p, const Contacts& c)
        : settings(std::move(s)), policy(p), contacts(c), memory(settings) {}
    Broker(const Broker&) = delete;

    const Settings settings;
    const AccessPolicy& policy;
    const Contacts& contacts;
    Memory memory;
};

}   // namespace grid::pubsub
