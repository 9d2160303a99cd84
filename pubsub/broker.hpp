// pubsub/broker.hpp: the state that every use case works with: settings, ports, memory.
#pragma once

#include "pubsub/engine.hpp"
#include "pubsub/extracts.hpp"
#include "pubsub/filter_indexes.hpp"
#include "pubsub/memory.hpp"
#include "pubsub/ports.hpp"
#include "pubsub/visible_nodes.hpp"

namespace grid::pubsub {

struct Broker {
    Broker(Settings s, const AccessPolicy& p, const Contacts& c)
        : settings(with_contacts(std::move(s), c)), policy(p), contacts(c), memory(settings) {}
    Broker(const Broker&) = delete;

    static Settings with_contacts(Settings settings, const Contacts& contacts) {
        settings.has_contacts = contacts.is_available();
        return settings;
    }

    const Settings settings;
    const AccessPolicy& policy;
    const Contacts& contacts;
    Memory memory;
    const ContentFilter* filter = nullptr;     // null: nothing is filtered
    const PayloadSchemas* schemas = nullptr;   // null: payloads have none
    PayloadFaults faults;                      // any thread
    mutable VisibleCounts visible_counts;      // answers remembered, no state
    mutable FilterIndexes filter_indexes;      // the same
    mutable Extracts extracts;                 // the same
};

}   // namespace grid::pubsub
