// pubsub/pages/account_nodes.cpp: see pubsub/pages/account_nodes.hpp.
#include "pubsub/pages/account_nodes.hpp"

#include <algorithm>

#include "pubsub/model/rights.hpp"
#include "pubsub/pages/page.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

bool knows_account(const BrokerState& broker, const Principal& actor, std::string_view owner) {
    if (actor.jid.bare_view() == owner) return true;
    const xml::Jid account = xml::Jid::from_canonical(std::string(owner));
    return broker.contacts.has_presence_subscription(account, actor.jid.bare()) &&
           broker.contacts.may_reach(account, actor.jid.bare());
}

bool is_visible_at_account(const BrokerState& broker, const Principal& actor, const Node& node) {
    const std::string_view owner = owner_in(node.name());
    if (actor.jid.bare_view() == owner) return true;
    if (!broker.policy.allows(actor, Right::Discover, node.name(), node.config().type))
        return false;
    if (node.config().access_model == AccessModel::Authorize)
        return knows_account(broker, actor, owner);
    return admits_subscriber(broker, node, actor.jid.bare_view());
}

std::vector<const Node*> nodes_of_account(const BrokerState& broker, std::string_view owner) {
    const std::string prefix = personal_prefix(owner);
    std::vector<const Node*> nodes;
    const auto& all = broker.memory.by_name();
    for (auto at = all.lower_bound(prefix); at != all.end() && at->first.starts_with(prefix); ++at)
        nodes.push_back(at->second);
    return nodes;
}

Checked<xml::Element> list_nodes_of_account(
    const BrokerState& broker,
    const Principal& actor,
    const std::string& owner,
    const std::optional<xml::RsmRequest>& request
) {
    std::vector<const Node*> shown;
    for (const Node* node : nodes_of_account(broker, owner))
        if (is_visible_at_account(broker, actor, *node)) shown.push_back(node);
    const auto find = [&](std::string_view cursor, bool is_after) {
        const auto at = std::ranges::partition_point(shown, [&](const Node* node) {
            const std::string_view name = shown_name(node->name());
            return is_after ? name <= cursor : name < cursor;
        });
        return std::optional<std::size_t>(static_cast<std::size_t>(at - shown.begin()));
    };
    auto page = find_page(request, shown.size(), broker.settings.page_max, find);
    if (!page) return page.error();
    xml::Element query("query", xml::ns::disco_items);
    for (std::size_t rank = page->from; rank < page->to; ++rank) {
        const Node& node = *shown[rank];
        xml::Element item("item", {{"jid", owner}, {"node", std::string(shown_name(node.name()))}});
        if (!node.config().title.empty()) item.set("name", node.config().title);
        query.add(std::move(item));
    }
    add_set(query, *page, [&](std::size_t rank) {
        return std::string(shown_name(shown[rank]->name()));
    });
    return query;
}

std::optional<xml::StanzaError> check_account_room(
    const BrokerState& broker, std::string_view node, std::string_view id, std::size_t bytes
) {
    if (!is_personal(node)) return std::nullopt;
    std::uint64_t kept = bytes;
    for (const Node* one : nodes_of_account(broker, owner_in(node))) {
        kept += one->items.payload_bytes();
        // Items that are out of sight are about to be erased.
        for (std::size_t rank = 0; rank < one->hidden(broker.settings); ++rank)
            kept -= one->items.at(rank).payload_bytes;
        const auto old = one->items.find(id);
        if (one->name() == node && old) kept -= old->payload_bytes;
    }
    const std::size_t most = broker.settings.personal.bytes_per_account_max;
    if (kept <= most) return std::nullopt;
    return refuse(
        Errc::ResourceConstraint,
        "The items of an account's own nodes have at most " + std::to_string(most) +
            " bytes together (pubsub.personal.bytes_per_account_max): retract some."
    );
}

std::optional<xml::StanzaError> check_account_nodes(
    const BrokerState& broker, std::string_view node
) {
    if (!is_personal(node)) return std::nullopt;
    const std::size_t most = broker.settings.personal.nodes_per_account_max;
    if (nodes_of_account(broker, owner_in(node)).size() < most) return std::nullopt;
    return refuse(
        Errc::ResourceConstraint, "An account has at most " + std::to_string(most) +
                                      " nodes of its own "
                                      "(pubsub.personal.nodes_per_account_max): delete some."
    );
}

}   // namespace grid::pubsub
