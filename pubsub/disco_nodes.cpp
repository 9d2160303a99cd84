// pubsub/disco_nodes.cpp: lists of nodes and of items (XEP-0060 §5.2, §5.5; XEP-0248 §5.2).
#include "pubsub/access.hpp"
#include "pubsub/item_pages.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;

/// COMPAT(xmpp-grid-broker 2018): it wants the `<set/>` also where it did not ask for one.
void show_set(const Broker& broker, Page& page) {
    page.is_asked = page.is_asked || broker.settings.empty_set;
}

Decision list_nodes(
    const Broker& broker,
    const Context& context,
    const NodeList& list,
    const std::optional<xml::RsmRequest>& request,
    const TypeFilter& filter,
    Element query
) {
    const VisibleNodes nodes(broker, context.actor, list, filter);
    const auto find = [&](std::string_view cursor, bool is_after) {
        return std::optional<std::size_t>(nodes.rank_of(cursor, is_after));
    };
    auto page = find_page(request, nodes.total(), broker.settings.page_max, find);
    if (!page) return page.error();
    show_set(broker, *page);
    const auto shown = nodes.range(page->from, page->to);
    for (const Node* node : shown) {
        Element item("item", {{"jid", broker.settings.service.str()}, {"node", node->name()}});
        if (!node->config().title.empty()) item.set("name", node->config().title);
        query.add(std::move(item));
    }
    add_set(query, *page, [&](std::size_t rank) { return shown[rank - page->from]->name(); });
    return Reply(std::move(query));
}

}   // namespace

/// The root: nodes that are in no collection (XEP-0248 §5.2).
Decision decide(const Broker& broker, const Context& context, const DiscoverNodes& request) {
    return list_nodes(
        broker, context, broker.memory.tree().top(), request.page, request.filter,
        Element("query", xml::ns::disco_items)
    );
}

Decision decide(const Broker& broker, const Context& context, const DiscoverItems& request) {
    auto granted = grant(broker, context, Operation::Discover, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    Element query("query", xml::ns::disco_items, {{"node", request.node}});
    if (node.config().is_collection())
        return list_nodes(
            broker, context, broker.memory.tree().list_of(node.uid), request.page, request.filter,
            std::move(query)
        );
    // §5.5: names of items are for those who may read them; to others the node looks empty.
    // The policy's `retrieve` decides as it does for <items/>: ids may tell about content.
    const bool is_entitled =
        !check_retrieval(*granted) &&
        (granted->is_administrator ||
         broker.policy.allows(
             context.actor, Operation::Retrieve, node.governing_name(), node.rights().config().type
         ));
    const std::size_t first =
        is_entitled ? node.first_shown(broker.settings, context.now) : node.items.size();
    const Shown shown{first, node.first_kept(broker.settings, context.now)};
    auto page = page_of_items(broker, node, shown, request.page, std::nullopt, false);
    if (!page) return page.error();
    show_set(broker, *page);
    for (std::size_t i = page->from; i < page->to; ++i)
        query.add(Element(
            "item", {{"jid", broker.settings.service.str()},
                     {"name", std::string(node.items.at(first + i).id)}}
        ));
    if (auto set = set_of_items(broker, node, first, *page)) query.add(std::move(*set));
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
