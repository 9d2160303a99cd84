// server/services/ping.cpp: XMPP ping (XEP-0199 §4.1).
#include "server/services/services.hpp"

namespace grid::server::services {

IqAnswer answer_ping(const pubsub::IqRequest&) { return pubsub::Reply{}; }

}   // namespace grid::server::services
