// pubsub/disco_features.cpp: the features that the running service offers, no more and no less
// (XEP-0060 §5.1, §10).
#include <array>
#include <set>

#include "pubsub/access.hpp"
#include "pubsub/archive.hpp"
#include "pubsub/node_config_form.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

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

}   // namespace

Decision decide(const Broker& broker, const Context&, const DiscoverFeatures&) {
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
    if (settings.auto_create) offered.insert("auto-create");
    offered.insert(settings.advertise.begin(), settings.advertise.end());
    for (const std::string& name : offered) add(std::string(xml::ns::pubsub.uri()) + '#' + name);
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
