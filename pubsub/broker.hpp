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

struct Engine::State {
    State(Settings s, const AccessPolicy& p, const Contacts& c) : broker(std::move(s), p, c) {}

    Broker broker;
    // Where the sweep after a change of policy stands.
    std::uint64_t sweep_policy = 0, sweep_node = 0;
    bool is_sweep_done = false;
    SubscriptionKey sweep_after;
};

}   // namespace grid::pubsub
