// server/services/services.cpp: the tables of services.
#include "server/services/services.hpp"

#include "controller/incident.hpp"
#include "controller/profiles/vcard.hpp"
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
    if (configured.takes_incidents) table.list(controller::incident_ns);
    table.add({get, ns::ping, answer_ping, Listed, EveryAccount, AtOnce});
    table.add({get, ns::version, answer_version, Listed, EnabledAccounts});
    table.add({get, time_ns, answer_time, Listed, EnabledAccounts});
    if (!configured.external.services.empty())
        table.add({get, external_ns, external_services(configured.external)});
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    table.add({get, ns::disco_items, server_items(addresses), Listed, EveryAccount});
    // The last one: it tells of all others.
    table.list(ns::disco_info);
    const auto forms = contact_forms(configured.contact);
    table.add({get, ns::disco_info, server_info(table, addresses, forms), Listed, EveryAccount});
    return table;
}

IqTable of_account() {
    IqTable table;
    table.list(controller::vcard_ns);   // the controller's
    table.add({get, ns::ping, answer_ping, Unlisted, EveryAccount, AtOnce});
    table.add({get, ns::disco_info, answer_account_info, Listed, EveryAccount});
    table.add({get, ns::disco_items, answer_account_items, Listed, EveryAccount});
    table.add({get, ns::roster, answer_roster, Unlisted, EveryAccount});
    table.add({set, ns::roster, refuse_roster_change, Unlisted, EveryAccount});
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    return table;
}

}   // namespace grid::server::services
