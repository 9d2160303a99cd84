// pubsub/disco.cpp: what the service and its nodes say of themselves (XEP-0030; XEP-0060
// §5.1–§5.5).
#include <algorithm>
#include <array>

#include "pubsub/access.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/item_pages.hpp"
#include "pubsub/node_config_form.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;

/// Each is proved by a test in tests/xep; none is there because others have it.
constexpr std::array features{
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "instant-nodes",
    "item-ids",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-items",
    "outcast-affiliation",
    "persistent-items",
    "publish",
    "publish-node-full",
    "publish-only-affiliation",
    "publish-options",
    "publisher-affiliation",
    "purge-nodes",
    "retract-items",
    "retrieve-affiliations",
    "retrieve-default",
    "retrieve-items",
    "retrieve-subscriptions",
    "rsm",
    "subscribe",
    "subscription-notifications",
};

Element feature(std::string var) { return Element("feature", {{"var", std::move(var)}}); }

Element identity(const char* type, const std::string& name) {
    Element element("identity", {{"category", "pubsub"}, {"type", type}});
    if (!name.empty()) element.set("name", name);
    return element;
}

/// §5.4, all fields of §16.4.3. `pubsub#type` is always there (RFC 8600 §5), empty until known.
Element meta_data(const Broker& broker, const Node& node) {
    const NodeConfig& config = node.config();
    xml::Form form;
    form.type = "result";
    form.set_form_type(xml::meta_data_form);
    form.add("pubsub#type", "text-single", config.type, "Payload type");
    form.add("pubsub#title", "text-single", config.title, "A short name for the node");
    form.add("pubsub#description", "text-single", config.description, "A description of the node");
    form.add("pubsub#language", "list-single", config.language, "Default language");
    form.add("pubsub#creator", "jid-single", node.record.creator, "Node creator");
    form.add(
        "pubsub#creation_date", "text-single", xml::to_datetime(node.record.created),
        "Creation date"
    );
    form.add(
        "pubsub#access_model", "list-single", std::string(to_string(config.access_model)),
        "Access model"
    );
    form.add(
        "pubsub#publish_model", "list-single", std::string(to_string(config.publish_model)),
        "Publish model"
    );
    form.add(
        "pubsub#max_items", "text-single",
        std::to_string(config.persist_items ? node.max_items(broker.settings) : 0),
        "Max # of items to persist"
    );
    form.add(
        "pubsub#num_subscribers", "text-single", std::to_string(node.subscribed()),
        "Number of subscribers to this node"
    );
    form.add("pubsub#contact", "jid-multi", "", "People to contact with questions").values =
        config.contact;
    xml::FormField owners{"pubsub#owner", "jid-multi", "Node owners", {}, {}};
    xml::FormField publishers{"pubsub#publisher", "jid-multi", "Publishers to this node", {}, {}};
    for (const auto& [bare, entry] : node.affiliations) {
        const bool fits =
            owners.values.size() + publishers.values.size() < broker.settings.page_max;
        if (entry.record.affiliation == Affiliation::Owner && fits) owners.values.push_back(bare);
        if (is_publishing(entry.record.affiliation) && fits) publishers.values.push_back(bare);
    }
    form.fields.push_back(std::move(owners));
    form.fields.push_back(std::move(publishers));
    return form.to_element();
}

/// The node, as far as this actor may know of it.
Checked<const Node*> visible(
    const Broker& broker, const Context& context, const std::string& name
) {
    auto granted = grant(broker, context, Operation::Discover, name);
    if (!granted) return granted.error();
    return granted->node;
}

}   // namespace

Decision decide(const Broker& broker, const Context&, const DiscoverFeatures&) {
    Element query("query", xml::ns::disco_info);
    query.add(identity("service", "Grid broker"));
    for (const xml::Ns& ns :
         {xml::ns::disco_info, xml::ns::disco_items, xml::ns::rsm, xml::ns::pubsub})
        query.add(feature(std::string(ns.uri())));
    const std::string prefix = std::string(xml::ns::pubsub.uri()) + '#';
    const AccessModel model = default_config(broker.settings, {}).access_model;
    query.add(feature(prefix + "access-" + std::string(to_string(model))));   // the default one
    for (const char* name : features) query.add(feature(prefix + name));
    for (const std::string& name : broker.settings.advertise) query.add(feature(prefix + name));
    return Reply(std::move(query));
}

Decision decide(const Broker& broker, const Context& context, const DiscoverNode& request) {
    auto node = visible(broker, context, request.node);
    if (!node) return node.error();
    Element query("query", xml::ns::disco_info, {{"node", request.node}});
    query.add(identity("leaf", (*node)->config().title));
    query.add(feature(std::string(xml::ns::pubsub.uri())));
    query.add(feature(std::string(xml::ns::disco_info.uri())));
    query.add(feature(std::string(xml::ns::disco_items.uri())));
    query.add(meta_data(broker, **node));
    return Reply(std::move(query));
}

Decision decide(const Broker& broker, const Context& context, const DiscoverNodes& request) {
    std::vector<const Node*> nodes;
    for (const auto& [name, node] : broker.memory.by_name())
        if (may_discover(broker, context.actor, *node)) nodes.push_back(node);
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto at = std::partition_point(nodes.begin(), nodes.end(), [&](const Node* node) {
            return is_after ? node->name() <= cursor : node->name() < cursor;
        });
        return static_cast<std::size_t>(at - nodes.begin());
    };
    auto page = find_page(request.page, nodes.size(), broker.settings.page_max, find);
    if (!page) return page.error();
    Element query("query", xml::ns::disco_items);
    for (std::size_t i = page->from; i < page->to; ++i) {
        Element item("item", {{"jid", broker.settings.service.str()}, {"node", nodes[i]->name()}});
        if (!nodes[i]->config().title.empty()) item.set("name", nodes[i]->config().title);
        query.add(std::move(item));
    }
    add_set(query, *page, [&](std::size_t rank) { return nodes[rank]->name(); });
    return Reply(std::move(query));
}

Decision decide(const Broker& broker, const Context& context, const DiscoverItems& request) {
    auto granted = grant(broker, context, Operation::Discover, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    // §5.5: names of items are for those who may read them; to others the node looks empty.
    const bool is_entitled = !check_retrieval(*granted);
    const std::size_t first =
        is_entitled ? node.first_shown(broker.settings, context.now) : node.items.size();
    auto page = page_of_items(broker, node, first, request.page, std::nullopt, false);
    if (!page) return page.error();
    Element query("query", xml::ns::disco_items, {{"node", request.node}});
    for (std::size_t i = page->from; i < page->to; ++i)
        query.add(Element(
            "item", {{"jid", broker.settings.service.str()},
                     {"name", std::string(node.items.at(first + i).id)}}
        ));
    if (auto set = set_of_items(node, first, *page)) query.add(std::move(*set));
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
