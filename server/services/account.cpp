// server/services/account.cpp: the services of an account, asked by its own clients.
#include "controller/profiles/vcard.hpp"
#include "server/services/disco_node.hpp"
#include "server/services/services.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

IqHandler account_info(const ServerServices& configured) {
    std::vector<std::string> features{
        std::string(xml::ns::disco_info.uri()), std::string(xml::ns::disco_items.uri()),
        std::string(controller::vcard_ns.uri())
    };
    if (configured.has_archives)
        features.insert(
            features.end(), {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0"}
        );
    return [features](const pubsub::IqRequest& request) -> IqAnswer {
        if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
        xml::Element query("query", xml::ns::disco_info);
        query.add(xml::Element("identity", {{"category", "account"}, {"type", "registered"}}));
        for (const auto& feature : features) query.add(xml::Element("feature", {{"var", feature}}));
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
