// pubsub/trace.cpp: see pubsub/trace.hpp.
#include "pubsub/trace.hpp"

#include <set>

#include "pubsub/delivery/audience.hpp"
#include "pubsub/delivery/replay.hpp"

namespace grid::pubsub {

namespace {

constexpr std::size_t traced_bytes_max = 1;   // find_owed gives one item at the least

void add_ways(
    const BrokerState& broker, const Node& node, std::string_view bare, TopicTrace& trace
) {
    std::set<std::string, std::less<>> told;
    for (const Subscriber& one : audience_of_account(broker, node, AudienceKind::Items, bare))
        told.insert(one.jid.str());
    // A subtopic's recipients by a filter are subscribed to the topic.
    const auto gets_by_filter = [&](const SubscriptionKey& key, const Subscription& subscription) {
        if (!subscription.wants_filtered()) return false;
        const auto subtopic = node.subtopics.find(subscription.options->filter);
        if (subtopic == node.subtopics.end()) return false;
        const auto jid = xml::Jid::from_canonical(key.jid);
        return find_filtered(broker, *subtopic->second, jid).has_value();
    };
    node.each_subscription_of_account(bare, [&](const auto& entry) {
        const auto& [key, subscription] = entry;
        TopicTrace::Way way;
        way.node = node.name();
        way.jid = key.jid;
        way.subid = key.subid;
        way.state = to_string(subscription.state);
        if (subscription.options) way.filter = subscription.options->filter;
        way.takes_items = subscription.wants_items() || subscription.wants_filtered();
        way.from = owed_from(subscription);
        way.expires = subscription.expire();
        way.is_recipient =
            subscription.wants_items() ? told.contains(key.jid) : gets_by_filter(key, subscription);
        trace.ways.push_back(std::move(way));
    });
}

/// As if each address had been told everything before the item.
void add_owed(const BrokerState& broker, TopicTrace& trace, std::string_view bare) {
    TopicTrace::Item& item = *trace.item;
    std::set<std::string> addresses{std::string(bare)};
    for (const TopicTrace::Way& way : trace.ways) addresses.insert(way.jid);
    const Position before{item.revision - 1, item.revision - 1};
    for (const std::string& address : addresses) {
        const auto jid = xml::Jid::from_canonical(address);
        for (const OwedItem& owed : find_owed(broker, jid, before, {}, 1, traced_bytes_max).items) {
            const bool is_its = jid.is_bare() ? owed.is_for_bare : owed.is_for_full;
            if (owed.revision == item.revision && owed.shelf == item.at.node && is_its)
                item.owed.emplace_back(address, owed);
        }
    }
}

}   // namespace

TopicTrace trace_topic(
    const BrokerState& broker,
    std::string_view topic,
    std::string_view bare,
    std::string_view item,
    storage::Millis now
) {
    TopicTrace trace;
    const Node* node = broker.memory.find(topic);
    if (node == nullptr || node->record.is_deleted) return trace;
    const Node& shelf = items_node_of(broker, *node);
    const NodeConfig& config = node->config();
    trace.is_there = true;
    trace.is_enabled = !node->rights().record.is_switched_off;
    trace.keeps_items = config.persist_items;
    trace.sends_items = config.deliver_notifications;
    trace.is_for_online_alone =
        node->rights().config().notification_type == NotificationType::Headline;
    trace.type = node->rights().config().type;
    trace.lost_up_to = shelf.lost_up_to;
    add_ways(broker, *node, bare, trace);
    for (const auto& [filter, subtopic] : node->subtopics) add_ways(broker, *subtopic, bare, trace);
    for (const Subscriber& one : audience_of_account(broker, *node, AudienceKind::Items, bare))
        trace.recipients.push_back(one.jid.str());
    const auto found = item.empty() ? std::nullopt : shelf.items.find(item);
    if (!found) return trace;
    trace.item = TopicTrace::Item();
    trace.item->revision = found->revision;
    trace.item->time = found->time;
    trace.item->publisher = broker.memory.publisher(*found);
    trace.item->payload_bytes = found->payload_bytes;
    trace.item->at = {shelf.uid, shelf.epoch(), std::string(item), found->revision};
    const auto rank = shelf.items.rank_of(item);
    trace.item->is_shown = rank && *rank >= shelf.first_visible(broker.settings_of(topic), now);
    add_owed(broker, trace, bare);
    return trace;
}

}   // namespace grid::pubsub
