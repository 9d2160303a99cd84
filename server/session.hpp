// server/session.hpp: a bound resource: who, its requests in flight, what is owed to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "pubsub/engine.hpp"
#include "pubsub/principal.hpp"
#include "server/grid/sender_queue.hpp"
#include "server/net/budget.hpp"
#include "server/net/transport.hpp"
#include "xml/jid.hpp"

namespace grid::server {

struct Lag;

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
    bool is_present = false;              // sent presence, and is available
    storage::Millis heard = 0;            // when its last stanza came
    int priority = 0;                     // of its presence; negative: no messages to the bare JID
    std::shared_ptr<SenderQueue> queue;   // exists while there are requests
    std::shared_ptr<Transport> transport;   // null when it is gone
    std::vector<Outgoing> pending;   // handed over at the end of the turn, or soon (wave.hpp)
    std::size_t pending_bytes = 0;
    bool is_dirty = false;
    bool is_urgent = false;   // `pending` is handed over at the end of the turn, come what may
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
    std::uint8_t show = pubsub::Show::Online;   // of its presence

    // What it was told of, as revisions (catch_up.hpp).
    std::shared_ptr<Lag> lag;               // it is behind: items come from the store
    storage::Revision told = 0;             // the last item that went into `pending`
    storage::Revision handed = 0;           // and out of it
    storage::Revision joined = 0;           // up to here it was told from the store
    storage::Revision reached = 0;          // up to here it surely has everything
    storage::Revision began_bare = 0;       // its account's items after this one were for it, too
    std::optional<pubsub::Position> left;   // what it had been handed when that ended
    /// Logged out while its stream goes on: what it had been handed, which reaches it by that
    /// stream.
    std::optional<pubsub::Position> paused;
    /// The same of its account's items, since its priority is negative.
    std::optional<storage::Revision> paused_bare;
    bool is_marking = false;   // waits to be asked what has reached it
    /// Its rights ended, or begin anew with its next login: nothing that it sent is done any more.
    bool is_ended = false;
};
using SessionPtr = std::shared_ptr<Session>;

}   // namespace grid::server
