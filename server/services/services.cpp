// server/services/services.cpp: the tables of services.
#include "server/services/services.hpp"

#include "controller/incident.hpp"
#include "controller/messages/message.hpp"
#include "controller/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

using enum Discovery;
using enum UsedBy;
using enum Answered;
namespace ns = xml::ns;
constexpr auto get = xml::IqType::Get, set = xml::IqType::Set;

IqTable of_server(const Addresses& addresses, Announced announced) {
    IqTable table;
    table.list(ns::caps);       // of the stream features
    table.list(ns::commands);   // the controller's, like incidents
    table.list(controller::carbons_ns);
    table.list(controller::requests::blocking_ns);
    if (announced.keeps_messages) table.list(xml::Ns("msgoffline"));
    if (announced.takes_incidents) table.list(controller::incident_ns);
    if (announced.takes_passwords) table.list(ns::in_band_registration);
    table.add({get, ns::ping, answer_ping, Listed, EveryAccount, AtOnce});
    table.add({get, ns::version, answer_version, Listed, EnabledAccounts});
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    table.add({get, ns::disco_items, server_items(addresses), Listed, EveryAccount});
    // The last one: it tells of all others.
    table.list(ns::disco_info);
    table.add({get, ns::disco_info, server_info(table, addresses), Listed, EveryAccount});
    return table;
}

IqTable of_account(Announced announced) {
    IqTable table;
    table.add({get, ns::ping, answer_ping, Unlisted, EveryAccount, AtOnce});
    table.add({get, ns::disco_info, account_info(announced), Listed, EveryAccount});
    table.add({get, ns::disco_items, answer_account_items, Listed, EveryAccount});
    table.open(ns::roster);   // of an account that is not enabled: empty (controller/contacts/)
    table.add({set, ns::session, answer_legacy_session, Unlisted, EveryAccount});
    return table;
}

}   // namespace grid::server::services
