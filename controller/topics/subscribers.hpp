// controller/topics/subscribers.hpp: the subscribers of a topic and its subtopics, page by page.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::controller {

struct SubscriberPage {
    std::vector<pubsub::Broker::SubscriberView> subscribers;
    std::string next;   // empty: this is the last page
};

/// nullopt: `after` is not the cursor of an earlier page.
std::optional<SubscriberPage> subscribers_of(
    const pubsub::Broker& broker, std::string_view topic, std::string_view after, std::size_t max
);
std::string subscriber_cursor(const pubsub::Broker::SubscriberView& view);

}   // namespace grid::controller
