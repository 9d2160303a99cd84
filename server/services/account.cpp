// server/services/account.cpp: the services of an account, asked by its own clients.
#include "controller/profiles/vcard.hpp"
#include "server/services/disco_node.hpp"
#include "server/services/services.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

IqAnswer answer_account_info(const pubsub::IqRequest& request) {
    if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
    xml::Element query("query", xml::ns::disco_info);
    query.add(xml::Element("identity", {{"category", "account"}, {"type", "registered"}}));
    for (const auto& ns : {xml::ns::disco_info, xml::ns::disco_items, controller::vcard_ns})
        query.add(xml::Element("feature", {{"var", std::string(ns.uri())}}));
    return pubsub::Reply(std::move(query));
}

IqAnswer answer_account_items(const pubsub::IqRequest& request) {
    if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
    return pubsub::Reply(xml::Element("query", xml::ns::disco_items));
}

/// Clients ask at login (RFC 6121 §2.1); accounts have no contacts here.
IqAnswer answer_roster(const pubsub::IqRequest&) {
    return pubsub::Reply(xml::Element("query", xml::ns::roster));
}

IqAnswer refuse_roster_change(const pubsub::IqRequest&) {
    return xml::not_allowed("this grid keeps no rosters");
}

/// Older libraries ask for a session (RFC 3921 §3); the request means nothing any more.
IqAnswer answer_legacy_session(const pubsub::IqRequest&) { return pubsub::Reply{}; }

}   // namespace grid::server::services
