// server/services/services.cpp: the tables of services.
#include "server/services/services.hpp"

#include "controller/incident.hpp"
#include "controller/messages/message.hpp"
#include "controller/profiles/vcard.hpp"
#include "controller/requests/requests.hpp"
#include "server/services/contact.hpp"
#include "server/services/external.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

using enum Discovery;
using enum UsedBy;
using enum Answered;
namespace ns = xml::ns;
constexpr auto get = xml::IqType::Get, set = xml::IqType::Set;

IqTable of_server(const Addresses& addresses, const ServerServices& configured) {
    IqTable table;
    table.list(ns::caps);       // of the stream features
    table.list(ns::commands);   // the controller's, like incidents
    table.list(controller::carbons_ns);
    table.list(xml::Ns("urn:xmpp:carbons:rules:0"));   // XEP-0280 §6.1
    table.list(controller::requests::blocking_ns);
    if (configured.keeps_messages) table.list(xml::Ns("msgoffline"));
    if (configured.takes_incidents) table.list(controller::incident_ns);
    if (configured.takes_passwords) table.list(ns::in_band_registration);
    table.add({get, ns::ping, answer_ping, Listed, EveryAccount, AtOnce});
    table.add({get, ns::version, answer_version, Listed, EnabledAccounts});
    table.add({get, time_ns, answer_time, Listed, EnabledAccounts});
    if (!configured.external.services.empty())
        table.add({get, external_ns, external_services(configured.external)});
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    table.add({get, ns::disco_items, server_items(addresses, configured), Listed, EveryAccount});
    // The last one: it tells of all others.
    table.list(ns::disco_info);
    const auto forms = contact_forms(configured.contact);
    table.add({get, ns::disco_info, server_info(table, addresses, forms), Listed, EveryAccount});
    return table;
}

IqTable of_account(const ServerServices& configured) {
    IqTable table;
    table.list(controller::vcard_ns);   // the controller's
    table.add({get, ns::ping, answer_ping, Unlisted, EveryAccount, AtOnce});
    table.add({get, ns::disco_info, account_info(configured), Listed, EveryAccount});
    table.add({get, ns::disco_items, answer_account_items, Listed, EveryAccount});
    table.open(ns::roster);   // of an account that is not enabled: empty (controller/contacts/)
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    return table;
}

}   // namespace grid::server::services
