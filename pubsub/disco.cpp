// pubsub/disco.cpp: disco#info and disco#items of nodes (XEP-0060 §5.3, §5.4).
#include "pubsub/access.hpp"
#include "pubsub/archive.hpp"
#include "pubsub/graph_change.hpp"
#include "pubsub/node_config_form.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;

Element feature(std::string var) { return Element("feature", {{"var", std::move(var)}}); }

Element identity(const char* type, const std::string& name) {
    Element element("identity", {{"category", "pubsub"}, {"type", type}});
    if (!name.empty()) element.set("name", name);
    return element;
}

/// §5.4, all fields of §16.4.3. `pubsub#type` is always there (RFC 8600 §5), empty until known.
Element meta_data(const Broker& broker, const Context& context, const Node& node) {
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
    form.fields.push_back(parents_field(broker, context, node));
    broker.policy.describe(node.name(), form);
    // Names of nodes say nothing (§12.15): what belongs together is said here.
    if (node.record.topic != 0)
        form.add("x-grid#parent", "text-single", std::string(node.governing_name()), "Topic");
    if (node.is_subtopic()) form.add("x-grid#filter", "text-single", node.record.filter, "Filter");
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

Decision decide(const Broker& broker, const Context& context, const DiscoverNode& request) {
    auto node = visible(broker, context, request.node);
    if (!node) return node.error();
    Element query("query", xml::ns::disco_info, {{"node", request.node}});
    const NodeConfig& config = (*node)->config();
    query.add(identity(config.is_collection() ? "collection" : "leaf", config.title));
    query.add(feature(std::string(xml::ns::pubsub.uri())));
    query.add(feature(std::string(xml::ns::disco_info.uri())));
    query.add(feature(std::string(xml::ns::disco_items.uri())));
    if (has_archive(**node)) {   // XEP-0313 §8
        query.add(feature(std::string(archive_ns.uri())));
        query.add(feature(archive_extended));
    }
    query.add(meta_data(broker, context, **node));
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
