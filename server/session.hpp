// server/session.hpp: a bound resource: who, its requests in flight, what is owed to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "pubsub/principal.hpp"
#include "server/grid/sender_queue.hpp"
#include "server/net/budget.hpp"
#include "server/net/transport.hpp"
#include "xml/jid.hpp"

namespace grid::server {

/// Not a connection: the transport may go, and requests that were read outlive it. What stands
/// under "constant" never changes after bind; everything else belongs to the grid strand.
class Session {
public:
    // Constant.
    std::uint64_t id = 0;
    xml::Jid jid, bare;
    controller::Identity identity;
    pubsub::Principal principal;
    std::string transport_name;
    storage::Millis since = 0;
    std::string head_bare, head_full;   // `<message to='…'` of the two addresses that events go to
    std::shared_ptr<net::Budget> budget;

    // Grid strand.
    bool is_active = false;               // logged in (B.3)
    int priority = 0;                     // of its presence; negative: no messages to the bare JID
    std::shared_ptr<SenderQueue> queue;   // exists while there are requests
    std::shared_ptr<Transport> transport;   // null when it is gone
    std::vector<Outgoing> pending;          // handed over at the end of the turn
    std::size_t pending_bytes = 0;
    bool is_dirty = false;
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
};
using SessionPtr = std::shared_ptr<Session>;

}   // namespace grid::server
