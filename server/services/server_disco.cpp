// server/services/server_disco.cpp: service discovery of the grid domain (XEP-0030, XEP-0115).
#include <openssl/sha.h>

#include <array>

#include "server/services/disco_node.hpp"
#include "server/services/services.hpp"
#include "server/stream/features.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {
namespace {

xml::Element domain_info(const std::string* node, const std::set<std::string>& features) {
    xml::Element query("query", xml::ns::disco_info);
    if (node) query.set("node", *node);
    query.add(xml::Element("identity", {{"category", "server"}, {"type", "im"}, {"name", "gridd"}})
    );
    for (const auto& feature : features) query.add(xml::Element("feature", {{"var", feature}}));
    return query;
}

xml::Element disco_item(const xml::Jid& jid, std::string name) {
    return xml::Element("item", {{"jid", jid.str()}, {"name", std::move(name)}});
}

}   // namespace

std::string caps_hash(const IqTable& table) {
    std::string text = "server/im//gridd<";
    for (const auto& feature : table.features()) text += feature + '<';
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

IqHandler server_info(const IqTable& table, const Addresses& addresses) {
    // XEP-0115 §6.2: the node that the stream features name is answered too.
    return [own = stream::caps_node(addresses.server().str()) + "#" + caps_hash(table),
            features = table.features()](const pubsub::IqRequest& request) -> IqAnswer {
        const auto* node = request.payload->attr("node");
        if (node && *node != own) return no_disco_node(*node);
        return pubsub::Reply(domain_info(node, features));
    };
}

/// Canonical names only: a client that finds a service here hears of it by the same name.
IqHandler server_items(const Addresses& addresses) {
    return [broker = addresses.broker(),
            controller = addresses.controller()](const pubsub::IqRequest& request) -> IqAnswer {
        if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
        return pubsub::Reply(xml::Element(
            "query", xml::ns::disco_items, {}, disco_item(broker, "Broker"),
            disco_item(controller, "Controller")
        ));
    };
}

}   // namespace grid::server::services
