// server/services/services.hpp: the services at the server's own address and at a client's own
// account. A new service is a file in this folder, and a row in services.cpp.
#pragma once

#include <string>
#include <vector>

#include "server/config/contact.hpp"
#include "server/config/external.hpp"
#include "server/router/addresses.hpp"
#include "server/router/iq_table.hpp"
#include "xml/form.hpp"

namespace grid::server::services {

inline const xml::Ns time_ns{"urn:xmpp:time"};   // XEP-0202

/// The configured part of the services of the domain and of accounts.
struct ServerServices {
    bool takes_incidents = false;   // XEP-0268
    bool keeps_messages = false;    // XEP-0160
    bool has_archives = false;      // XEP-0313, of accounts
    bool has_nodes = false;         // XEP-0163, of accounts
    bool takes_passwords = false;   // XEP-0077, answered by the controller
    Contact contact = {};
    External external = {};
};
/// Of the grid domain.
IqTable of_server(const Addresses& addresses, const ServerServices& configured);
/// Of an account, asked by its own clients.
IqTable of_account(const ServerServices& configured);

/// XEP-0115 §5.1: the `ver` of an address with these features and forms.
std::string caps_hash(const IqTable& table, const std::vector<xml::Form>& forms);

IqAnswer answer_ping(const pubsub::IqRequest& request);             // XEP-0199
IqAnswer answer_time(const pubsub::IqRequest& request);             // XEP-0202
IqAnswer answer_version(const pubsub::IqRequest& request);          // XEP-0092
IqAnswer answer_legacy_session(const pubsub::IqRequest& request);   // RFC 3921 §3
IqHandler account_info(const ServerServices& configured);           // XEP-0030
IqAnswer answer_account_items(const pubsub::IqRequest& request);
/// XEP-0030 of the domain, with all features that the table has by now.
IqHandler server_info(
    const IqTable& table, const Addresses& addresses, const std::vector<xml::Form>& forms
);
IqHandler server_items(const Addresses& addresses);

}   // namespace grid::server::services
