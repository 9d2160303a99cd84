// server/services/server_disco.cpp: service discovery of the grid domain (XEP-0030, XEP-0115).
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "controller/queries/incident.hpp"
#include "server/services/services.hpp"
#include "server/stream/features.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {
namespace {

/// Everything here is answered by a handler in this folder, by the router (ping), or by the
/// controller (commands, incidents).
std::vector<std::string_view> features(bool takes_incidents) {
    std::vector<std::string_view> all{
        xml::ns::disco_info.uri(), xml::ns::disco_items.uri(), xml::ns::ping.uri(),
        xml::ns::version.uri(),    xml::ns::caps.uri(),        xml::ns::commands.uri(),
    };
    if (takes_incidents) all.push_back(controller::incident_ns.uri());
    std::ranges::sort(all);
    return all;
}

xml::Element info(const std::string* node, bool takes_incidents) {
    xml::Element query("query", xml::ns::disco_info);
    if (node) query.set("node", *node);
    query.add(xml::Element("identity", {{"category", "server"}, {"type", "im"}, {"name", "gridd"}})
    );
    for (auto feature : features(takes_incidents))
        query.add(xml::Element("feature", {{"var", std::string(feature)}}));
    return query;
}

xml::Element item(const xml::Jid& jid, std::string name) {
    return xml::Element("item", {{"jid", jid.str()}, {"name", std::move(name)}});
}

/// RFC 3921 §3: older libraries ask for a session; it means nothing any more.
IqAnswer legacy_session(const pubsub::IqRequest&) { return pubsub::Reply{}; }

xml::StanzaError no_node(const std::string& node) {
    return xml::item_not_found("this address has no disco node '" + node + "'");
}

}   // namespace

std::string caps_hash(bool takes_incidents) {
    std::string text = "server/im//gridd<";
    for (auto feature : features(takes_incidents)) {
        text += feature;
        text += '<';
    }
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

void register_server_disco(IqTable& server, const Addresses& addresses, bool takes_incidents) {
    server.on(xml::IqType::Set, xml::ns::session, legacy_session);
    server.on(
        xml::IqType::Get, xml::ns::disco_info,
        // XEP-0115 §6.2: the node that the stream features name is answered too.
        [own = stream::caps_node(addresses.server().str()) + "#" + caps_hash(takes_incidents),
         takes_incidents](const pubsub::IqRequest& request) -> IqAnswer {
            const auto* node = request.payload->attr("node");
            if (node && *node != own) return no_node(*node);
            return pubsub::Reply(info(node, takes_incidents));
        }
    );
    server.on(
        xml::IqType::Get, xml::ns::disco_items,
        [broker = addresses.broker(),
         controller = addresses.controller()](const pubsub::IqRequest& request) -> IqAnswer {
            if (const auto* node = request.payload->attr("node")) return no_node(*node);
            // The list has canonical addresses only, no aliases.
            return pubsub::Reply(xml::Element(
                "query", xml::ns::disco_items, {}, item(broker, "Broker"),
                item(controller, "Controller")
            ));
        }
    );
}

void register_account(IqTable& account) {
    account.on(
        xml::IqType::Get, xml::ns::disco_info,
        [](const pubsub::IqRequest& request) -> IqAnswer {
            if (const auto* node = request.payload->attr("node")) return no_node(*node);
            xml::Element query("query", xml::ns::disco_info);
            query.add(xml::Element("identity", {{"category", "account"}, {"type", "registered"}}));
            for (const auto& ns : {xml::ns::disco_info, xml::ns::disco_items})
                query.add(xml::Element("feature", {{"var", std::string(ns.uri())}}));
            return pubsub::Reply(std::move(query));
        }
    );
    account.on(
        xml::IqType::Get, xml::ns::disco_items,
        [](const pubsub::IqRequest& request) -> IqAnswer {
            if (const auto* node = request.payload->attr("node")) return no_node(*node);
            return pubsub::Reply(xml::Element("query", xml::ns::disco_items));
        }
    );
    // RFC 6121 §2.1: clients ask at login; accounts have no contacts here.
    account.on(xml::IqType::Get, xml::ns::roster, [](const pubsub::IqRequest&) -> IqAnswer {
        return pubsub::Reply(xml::Element("query", xml::ns::roster));
    });
    account.on(xml::IqType::Set, xml::ns::roster, [](const pubsub::IqRequest&) -> IqAnswer {
        return xml::not_allowed("this grid keeps no rosters");
    });
    account.on(xml::IqType::Set, xml::ns::session, legacy_session);
}

}   // namespace grid::server::services
