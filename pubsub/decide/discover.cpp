// pubsub/decide/discover.cpp: service discovery: what the service offers, its nodes and their
// items (XEP-0060 §5).
#include <array>
#include <set>

#include "pubsub/decide/archive.hpp"
#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/pages/account_nodes.hpp"
#include "pubsub/pages/item_pages.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using xml::Element;

namespace {

Element feature(std::string var) { return Element("feature", {{"var", std::move(var)}}); }

Element identity(const char* type, const std::string& name) {
    Element element("identity", {{"category", "pubsub"}, {"type", type}});
    if (!name.empty()) element.set("name", name);
    return element;
}

/// §5.4, all fields of §16.4.3. `pubsub#type` is always there (RFC 8600 §5), empty until known.
Element meta_data(const BrokerState& broker, const Context& context, const Node& node) {
    const NodeConfig& config = node.config();
    xml::Form form;
    form.type = "result";
    form.set_form_type(xml::meta_data_form);
    form.add("pubsub#type", "text-single", config.type, "Payload type");
    form.add("pubsub#title", "text-single", config.title, "A short name for the node");
    form.add("pubsub#description", "text-single", config.description, "A description of the node");
    form.add("pubsub#language", "list-single", config.language, "Default language");
    // The one who filters is told to the topic's owners alone, as a subscriber. An address is never
    // empty (XEP-0004 §3.3).
    if (!node.record.creator.empty() && !node.is_subtopic())
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
    const bool keeps = config.persist_items && !config.is_collection();
    form.add(
        "pubsub#max_items", "text-single",
        std::to_string(keeps ? node.max_items(broker.settings) : 0), "Max # of items to persist"
    );
    form.add(
        "pubsub#num_subscribers", "text-single", std::to_string(node.subscribed()),
        "Number of subscribers to this node"
    );
    form.add("pubsub#contact", "jid-multi", "", "People to contact with questions").values =
        config.contact;
    xml::FormField owners{"pubsub#owner", "jid-multi", "Node owners", {}, {}};
    xml::FormField publishers{"pubsub#publisher", "jid-multi", "Publishers to this node", {}, {}};
    for (const auto& [bare, entry] : node.rights().affiliations) {
        const bool fits =
            owners.values.size() + publishers.values.size() < broker.settings.page_max;
        if (entry.record.affiliation == Affiliation::Owner && fits) owners.values.push_back(bare);
        if (is_publishing(entry.record.affiliation) && fits) publishers.values.push_back(bare);
    }
    form.fields.push_back(std::move(owners));
    form.fields.push_back(std::move(publishers));
    if (!is_personal(node.name())) form.fields.push_back(parents_field(broker, context, node));
    broker.policy.describe(node.name(), form);
    // Names of nodes say nothing (§12.15): what belongs together is said here.
    if (node.record.topic != 0)
        form.add("x-grid#parent", "text-single", std::string(node.governing_name()), "Topic");
    if (node.is_subtopic()) form.add("x-grid#filter", "text-single", node.record.filter, "Filter");
    return form.to_element();
}

/// The node, as far as this actor may know of it.
Checked<const Node*> visible(
    const BrokerState& broker, const Context& context, const std::string& name
) {
    auto granted = grant(broker, context, Right::Discover, name);
    if (!granted) return granted.error();
    return granted->node;
}

/// Each is proved by a test in tests/xep; none is there because others have it.
constexpr std::array features{
    "collections",
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "get-pending",
    "instant-nodes",
    "item-ids",
    "leased-subscription",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-collection",    // the name in the table of XEP-0248 §9
    "multi-collections",   // the name in its text
    "multi-items",
    "multi-subscribe",
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
    "retrieve-default-sub",
    "retrieve-items",
    "retrieve-subscriptions",
    "rsm",
    "subscribe",
    "subscription-notifications",
    "subscription-options",
};

/// COMPAT(xmpp-grid-broker 2018): it wants the `<set/>` also where it did not ask for one.
void show_set(const BrokerState& broker, Page& page) {
    page.is_asked = page.is_asked || broker.settings.empty_set;
}

Decision list_nodes(
    const BrokerState& broker,
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

Decision decide(const BrokerState& broker, const Context& context, const DiscoverNode& request) {
    auto node = visible(broker, context, request.node);
    if (!node) return node.error();
    Element query("query", xml::ns::disco_info, {{"node", request.node}});
    const NodeConfig& config = (*node)->config();
    query.add(identity(config.is_collection() ? "collection" : "leaf", config.title));
    query.add(feature(std::string(xml::ns::pubsub.uri())));
    query.add(feature(std::string(xml::ns::disco_info.uri())));
    query.add(feature(std::string(xml::ns::disco_items.uri())));
    if (has_archive(**node) && !is_personal(request.node)) {   // XEP-0313 §8
        query.add(feature(std::string(archive_ns.uri())));
        query.add(feature(archive_extended));
    }
    query.add(meta_data(broker, context, **node));
    return Reply(std::move(query));
}

// The features that the running service offers, no more and no less (XEP-0060 §5.1, §10).

Decision decide(const BrokerState& broker, const Context&, const DiscoverFeatures&) {
    const Settings& settings = broker.settings;
    xml::Element query("query", xml::ns::disco_info);
    query.add(xml::Element(
        "identity", {{"category", "pubsub"}, {"type", "service"}, {"name", "Grid broker"}}
    ));
    const auto add = [&](std::string var) {
        query.add(xml::Element("feature", {{"var", std::move(var)}}));
    };
    for (const xml::Ns& ns :
         {xml::ns::disco_info, xml::ns::disco_items, xml::ns::rsm, xml::ns::commands,
          xml::ns::pubsub, pubsub_filter})
        add(std::string(ns.uri()));
    add(std::string(archive_ns.uri()));
    add(archive_extended);
    add(std::string(order_by_ns.uri()));
    add(std::string(order_by_ns.uri()) + '@' + std::string(xml::ns::pubsub.uri()));
    std::set<std::string> offered(features.begin(), features.end());
    const AccessModel model = default_config(settings, {}).access_model;
    offered.insert("access-" + std::string(to_string(model)));   // the default one
    if (settings.has_contacts) offered.insert("presence-notifications");
    if (settings.auto_create) offered.insert("auto-create");
    if (settings.last_published) offered.insert("last-published");
    offered.insert(settings.advertise.begin(), settings.advertise.end());
    for (const std::string& name : offered) add(std::string(xml::ns::pubsub.uri()) + '#' + name);
    return Reply(std::move(query));
}

// Lists of nodes and of items (XEP-0060 §5.2, §5.5; XEP-0248 §5.2).

/// The root: nodes that are in no collection (XEP-0248 §5.2).
Decision decide(const BrokerState& broker, const Context& context, const DiscoverNodes& request) {
    if (!request.account.empty()) {
        auto query = list_nodes_of_account(broker, context.actor, request.account, request.page);
        if (!query) return query.error();
        return Reply(std::move(*query));
    }
    return list_nodes(
        broker, context, broker.memory.tree().top(), request.page, request.filter,
        Element("query", xml::ns::disco_items)
    );
}

Decision decide(const BrokerState& broker, const Context& context, const DiscoverItems& request) {
    auto granted = grant(broker, context, Right::Discover, request.node);
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
    // Nor are there items of a node that keeps none any more, as for <items/>.
    const bool is_entitled =
        node.config().persist_items && !check_retrieval(*granted) &&
        (granted->is_administrator ||
         broker.policy.allows(
             context.actor, Right::Retrieve, node.governing_name(), node.rights().config().type
         ));
    const std::size_t first =
        is_entitled ? node.first_visible(broker.settings, context.now) : node.items.size();
    const Shown shown{first, node.first_retained(broker.settings, context.now)};
    auto page = page_of_items(broker, node, shown, request.page, std::nullopt, false);
    if (!page) return page.error();
    show_set(broker, *page);
    for (std::size_t i = page->from; i < page->to; ++i)
        query.add(Element(
            "item", {{"jid", address_of(broker.settings, request.node)},
                     {"name", std::string(node.items.at(first + i).id)}}
        ));
    if (auto set = set_of_items(broker, node, first, *page)) query.add(std::move(*set));
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
