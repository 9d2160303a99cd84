// server/services/services.hpp: the services at the server's own address and at a client's own
// account. A new service is a file in this folder, and a row in services.cpp.
#pragma once

#include <string>

#include "server/router/addresses.hpp"
#include "server/router/iq_table.hpp"

namespace grid::server::services {

/// Features that are announced besides the services of the table.
struct Announced {
    bool takes_incidents = false;   // XEP-0268
    bool keeps_messages = false;    // XEP-0160
    bool has_archives = false;      // XEP-0313, of accounts
    bool takes_passwords = false;   // XEP-0077, answered by the controller
};
/// Of the grid domain.
IqTable of_server(const Addresses& addresses, Announced announced);
/// Of an account, asked by its own clients.
IqTable of_account(Announced announced);

/// XEP-0115 §5.1: the `ver` of an address with these features.
std::string caps_hash(const IqTable& table);

IqAnswer answer_ping(const pubsub::IqRequest& request);             // XEP-0199
IqAnswer answer_version(const pubsub::IqRequest& request);          // XEP-0092
IqAnswer answer_legacy_session(const pubsub::IqRequest& request);   // RFC 3921 §3
IqHandler account_info(Announced announced);                        // XEP-0030
IqAnswer answer_account_items(const pubsub::IqRequest& request);
/// XEP-0030 of the domain, with all features that the table has by now.
IqHandler server_info(const IqTable& table, const Addresses& addresses);
IqHandler server_items(const Addresses& addresses);

}   // namespace grid::server::services
