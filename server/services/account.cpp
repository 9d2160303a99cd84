// server/services/account.cpp: the services of an account, asked by its own clients and, of what it
// is, by its contacts.
#include <array>

#include "controller/profiles/vcard.hpp"
#include "server/services/disco_node.hpp"
#include "server/services/services.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

namespace {

/// XEP-0163 §6, XEP-0060 §10: each is proved by a test in tests/xep or tests/integration.
constexpr std::array pubsub_features{
    "access-authorize",
    "access-open",
    "access-presence",
    "access-roster",
    "access-whitelist",
    "auto-create",
    "auto-subscribe",
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "filtered-notifications",
    "instant-nodes",
    "item-ids",
    "last-published",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-items",
    "outcast-affiliation",
    "persistent-items",
    "presence-notifications",
    "presence-subscribe",
    "publish",
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
};

}   // namespace

IqHandler account_info(const ServerServices& configured) {
    std::vector<std::string> features{
        std::string(xml::ns::disco_info.uri()), std::string(xml::ns::disco_items.uri()),
        std::string(controller::vcard_ns.uri())
    };
    if (configured.has_archives)
        features.insert(
            features.end(), {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0"}
        );
    if (configured.has_nodes)
        for (const char* name : pubsub_features)
            features.push_back(std::string(xml::ns::pubsub.uri()) + '#' + name);
    return
        [features, has_nodes = configured.has_nodes](const pubsub::IqRequest& request) -> IqAnswer {
            if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
            xml::Element query("query", xml::ns::disco_info);
            query.add(xml::Element("identity", {{"category", "account"}, {"type", "registered"}}));
            if (has_nodes)
                query.add(xml::Element("identity", {{"category", "pubsub"}, {"type", "pep"}}));
            for (const auto& feature : features)
                query.add(xml::Element("feature", {{"var", feature}}));
            return pubsub::Reply(std::move(query));
        };
}

IqAnswer answer_account_items(const pubsub::IqRequest& request) {
    if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
    return pubsub::Reply(xml::Element("query", xml::ns::disco_items));
}

/// Older libraries ask for a session (RFC 3921 §3); the request means nothing any more.
IqAnswer answer_legacy_session(const pubsub::IqRequest&) { return pubsub::Reply{}; }

}   // namespace grid::server::services
