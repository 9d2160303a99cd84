// server/services/services.hpp: the services of the server itself. A new XEP is a file here and a
// line there.
#pragma once

#include <string>

#include "server/router/addresses.hpp"
#include "server/router/iq_table.hpp"

namespace grid::server::services {

void register_version(IqTable& server);   // XEP-0092
/// XEP-0030 of the domain: its identity, features and the services of the grid.
/// `takes_incidents`: XEP-0268 is announced.
void register_server_disco(IqTable& server, const Addresses& addresses, bool takes_incidents);
/// XEP-0030 of one's own account, the empty roster (RFC 6121 §2), the legacy session.
void register_account(IqTable& account);

/// XEP-0115 §5.1: the `ver` of the server's disco#info.
std::string caps_hash(bool takes_incidents);

}   // namespace grid::server::services
