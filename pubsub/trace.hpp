// pubsub/trace.hpp: an account's way to the items of a topic, as the broker decides it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// See Broker::trace. Every answer is that of the function by which items are delivered.
struct TopicTrace {
    bool is_there = false;   // of a topic that is not there the rest says nothing
    bool is_enabled = true;
    bool keeps_items = true;            // pubsub#persist_items
    bool sends_items = true;            // pubsub#deliver_notifications
    bool is_for_online_alone = false;   // headlines (§12.7) are not replayed
    std::string type;

    /// A subscription of the account, to the topic or to one of its subtopics.
    struct Way {
        std::string node, jid, subid, state, filter;
        bool takes_items = false;      // pubsub#deliver, pubsub#subscription_type
        storage::Revision from = 0;    // items after it are this subscription's
        storage::Millis expires = 0;   // 0: it does not
        bool is_recipient = false;     // of the next item of its node
    };
    std::vector<Way> ways;
    /// Addresses of the account that get the next item of the topic itself, also by a collection.
    std::vector<std::string> recipients;

    struct Item {
        storage::Revision revision = 0;
        storage::Millis time = 0;
        std::string publisher;
        std::size_t payload_bytes = 0;
        bool is_shown = true;   // else it is beyond max_items, or expired
        /// The account's addresses to which replay brings it, by which nodes; `test` is the filter
        /// that its payload has to pass.
        std::vector<std::pair<std::string, OwedItem>> owed;
        ItemAt at;
    };
    std::optional<Item> item;           // there is one of that id
    storage::Revision lost_up_to = 0;   // items up to it were erased by retention
};

TopicTrace trace_topic(
    const BrokerState& broker,
    std::string_view topic,
    std::string_view bare,
    std::string_view item,
    storage::Millis now
);

}   // namespace grid::pubsub
