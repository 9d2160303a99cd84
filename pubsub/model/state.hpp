// pubsub/model/state.hpp: the state that every use case works with: settings, ports, memory.
#pragma once

#include "pubsub/model/extracts.hpp"
#include "pubsub/model/filter_indexes.hpp"
#include "pubsub/model/memory.hpp"
#include "pubsub/model/node_list.hpp"
#include "pubsub/ports/content_filter.hpp"
#include "pubsub/ports/personal.hpp"
#include "pubsub/ports/personal_policy.hpp"
#include "pubsub/ports/ports.hpp"
#include "pubsub/settings.hpp"

namespace grid::pubsub {

class PayloadSchemas;

struct BrokerState {
    BrokerState(Settings s, const AccessPolicy& p, const Contacts& c)
        : settings(with_contacts(std::move(s), c)),
          of_accounts(personal_settings(settings)),
          personal_policy(p, c),
          policy(personal_policy),
          contacts(c),
          memory(settings) {}
    BrokerState(const BrokerState&) = delete;

    static Settings with_contacts(Settings settings, const Contacts& contacts) {
        settings.has_contacts = contacts.is_available();
        return settings;
    }

    /// The settings that hold for a node of that name.
    const Settings& settings_of(std::string_view node) const {
        return is_personal(node) ? of_accounts : settings;
    }

    const Settings settings;
    const Settings of_accounts;
    const PersonalPolicy personal_policy;
    const AccessPolicy& policy;   // with that of nodes of accounts in front
    const Contacts& contacts;
    Memory memory;
    const ContentFilter* filter = nullptr;     // null: nothing is filtered
    const PayloadSchemas* schemas = nullptr;   // null: payloads have none
    PayloadFaults faults;                      // any thread
    mutable VisibleCounts visible_counts;      // answers remembered, no state
    mutable FilterIndexes filter_indexes;      // the same
    mutable Extracts extracts;                 // the same
};

/// The broker filters for that topic: its subtopics have no items, they show the topic's.
bool is_filtered_by_broker(const BrokerState& broker, const Node& topic);
/// The node whose items this node shows: itself, or its topic.
const Node& items_node_of(const BrokerState& broker, const Node& node);
/// Whether there are subtopics to tell of what goes from that node.
bool needs_extracts(const BrokerState& broker, const Node& node);

}   // namespace grid::pubsub
