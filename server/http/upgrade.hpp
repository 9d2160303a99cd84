// server/http/upgrade.hpp: a request that becomes a WebSocket of XMPP (RFC 6455 §4.2, RFC 7395
// §3.1). No I/O.
#pragma once

#include <string>

#include "server/http/guard.hpp"
#include "xml/result.hpp"

namespace grid::server::http {

/// The bytes of the answer 101, or why there is none. The guard has admitted the request.
Result<std::string, Refusal> accept_websocket(const Head& head);

}   // namespace grid::server::http
