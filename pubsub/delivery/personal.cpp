// pubsub/delivery/personal.cpp: see pubsub/delivery/personal.hpp.
#include "pubsub/delivery/personal.hpp"

#include <string>

#include "pubsub/delivery/messages.hpp"
#include "pubsub/model/rights.hpp"
#include "pubsub/pages/account_nodes.hpp"

namespace grid::pubsub {

namespace {

/// The account itself, or one that the policy, the block lists and the node let in. (That it is
/// subscribed to the owner's presence was looked at.)
bool may_hear_of_account(const BrokerState& broker, const Node& node, std::string_view bare) {
    if (node.has_subscribed(bare)) return false;
    if (bare == owner_in(node.name())) return true;
    return admits_subscriber(broker, node, bare) &&
           broker.policy.may_receive(
               xml::Jid::from_canonical(std::string(bare)), node.name(), node.config().type
           );
}

bool has_last_item(const BrokerState& broker, const Node& node) {
    const NodeConfig& config = node.config();
    return config.send_last_published_item == SendLast::OnSubAndPresence && config.persist_items &&
           config.deliver_notifications && node.items.size() > node.hidden(broker.settings);
}

}   // namespace

void add_interested(
    const BrokerState& broker,
    const Node& node,
    std::vector<Subscriber>& audience,
    std::string_view account
) {
    if (!is_personal(node.name())) return;
    const auto owner = xml::Jid::from_canonical(std::string(owner_in(node.name())));
    std::string asked;   // the sessions of an account come together
    bool is_told = false;
    broker.contacts.each_interested(
        owner, shown_name(node.name()), account,
        [&](const xml::Jid& full) {
            if (asked != full.bare_view()) {
                asked = full.bare_view();
                is_told = may_hear_of_account(broker, node, asked);
            }
            if (is_told) audience.push_back({full, {}, every_show, 0});
        }
    );
}

std::vector<OwedItem> last_items(
    const BrokerState& broker, const xml::Jid& owner, const xml::Jid& full, const Wants& wants
) {
    std::vector<OwedItem> items;
    for (const Node* node : nodes_of_account(broker, owner.str())) {
        if (!has_last_item(broker, *node) || !wants(shown_name(node->name()))) continue;
        if (!may_hear_of_account(broker, *node, full.bare_view())) continue;
        const ItemView last = node->items.at(node->items.size() - 1);
        OwedItem item;
        item.node = item.shelf = node->uid;
        item.id = last.id;
        item.revision = last.revision;
        item.epoch = node->epoch();
        item.has_payload = last.payload_bytes > 0;
        items.push_back(std::move(item));
    }
    return items;
}

std::optional<Notification> last_item_message(
    const BrokerState& broker, const OwedItem& item, const xml::Jid& full, std::string_view payload
) {
    const Node* node = broker.memory.find(item.node);
    if (!node || node->record.is_deleted || !may_hear_of_account(broker, *node, full.bare_view()))
        return std::nullopt;
    const auto now = node->items.find(item.id);
    if (!now || now->revision != item.revision) return std::nullopt;
    const PublishedItem published{true, item.id, broker.memory.publisher(*now), payload};
    return item_notification(broker, *node, published, item.revision, 0, now->time);
}

}   // namespace grid::pubsub
