// server/session/session.hpp: a bound resource: identity, requests in flight, delivery position.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "pubsub/broker.hpp"
#include "pubsub/principal.hpp"
#include "server/pipeline/sender_queue.hpp"
#include "server/session/allowance.hpp"
#include "server/session/budget.hpp"
#include "server/session/held_presence.hpp"
#include "server/session/management.hpp"
#include "server/session/other_member.hpp"
#include "server/session/transport.hpp"
#include "xml/jid.hpp"

namespace grid::server {

struct ReplayState;

/// A bound resource. It outlives its transport: requests that were read are completed after the
/// connection is lost, and with stream management it can be resumed on another transport. Fields
/// under "Constant" never change after bind; everything else belongs to the core strand.
class Session {
public:
    /// Hibernating: without a transport, and it may be resumed; what it is sent is kept. Ended: as
    /// far as its account's other sessions see.
    enum class State : std::uint8_t { Connected, Hibernating, Ended };
    /// A resumption that waits until the session's requests are answered.
    struct Resuming;

    // Constant.
    std::uint64_t id = 0;
    xml::Jid jid, bare;
    storage::Millis since = 0;
    std::shared_ptr<Budget> budget;
    std::shared_ptr<RateBuckets> account_rate;   // null: there is no bound
    std::string component;                       // its domain (XEP-0114); empty: a client

    // Of its present transport: a resumption replaces these. Core strand.
    controller::IdentityPtr identity = controller::no_identity();
    pubsub::Principal principal;
    TransportKind transport_kind = TransportKind::StartTls;
    std::shared_ptr<Transport> transport;   // null when it is gone
    std::uint64_t attachment = 1;           // the number of that transport, of all it had
    std::uint32_t moves = 0;                // from one member of a cluster to another
    std::shared_ptr<Allowance> allowance;   // null: there is no bound. Used on its strand

    // Core strand.
    /// The other member of the cluster that it is on; null: it is here. Constant. It is looked at
    /// with each delivery, and so are its neighbours.
    std::shared_ptr<OtherMember> other_member;
    State state = State::Connected;
    std::unique_ptr<Management> management;   // null: the client did not ask for it (XEP-0198)
    std::shared_ptr<Resuming> resuming;
    /// The session is on its way to another member of the cluster, and may be there already.
    bool is_moving = false;
    bool is_sent_away = false;            // this member is being drained, and ends its stream
    bool is_active = false;               // logged in
    bool is_present = false;              // sent presence, and is available
    storage::Millis heard = 0;            // when its last stanza came
    int priority = 0;                     // of its presence; negative: no messages to the bare JID
    std::shared_ptr<SenderQueue> queue;   // exists while there are requests
    // Handed over at the end of the turn, or soon (server/delivery/flush_limiter.hpp).
    std::vector<Outgoing> pending;
    std::size_t pending_bytes = 0;
    bool is_dirty = false;
    bool is_urgent = false;   // `pending` is handed over at the end of the turn in any case
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
    std::unique_ptr<HeldPresence> held;              // null: the client is active (XEP-0352)
    bool takes_copies = false;                       // of its account's messages (XEP-0280)
    bool knows_block_list = false;                   // hears of its changes (XEP-0191 §3.2)
    std::uint64_t last_mark = 0;                     // the newest number given to Transport::mark
    std::uint8_t show = pubsub::Show::Unannounced;   // of its presence
    /// Messages to the account have gone to it, too, from then on, and it took them; `never`: they
    /// do not.
    storage::Millis shares_from = never;
    static constexpr storage::Millis never = std::numeric_limits<storage::Millis>::max();

    // Delivery position, as revisions (server/delivery/catch_up.hpp).
    std::shared_ptr<ReplayState> replay;   // the session is replaying: items come from the store
    storage::Revision queued_to = 0;       // the last item that went into `pending`
    storage::Revision sent_to = 0;         // the last item that went from there to the transport
    storage::Revision replayed_to = 0;     // the last item that the replay has sent
    storage::Revision acked_to = 0;        // everything up to here has arrived
    storage::Revision account_from = 0;    // items to the bare JID are delivered from here on
    storage::Revision own_from = 0;        // and those to the full one
    /// The position sent, when the transport ended.
    std::optional<pubsub::Position> position_at_logout;
    /// Logged out while its stream goes on: the position sent, whose items still reach it by that
    /// stream.
    std::optional<pubsub::Position> paused;
    /// The same of items to its bare JID, since its priority is negative.
    std::optional<storage::Revision> paused_bare;
    bool is_marking = false;   // waits to be asked which items have reached it
    /// Items to the bare JID behind that one, which another resource left unread, may not have
    /// arrived; 0: all have. They have when `backlog_mark` is reached, if that is not 0.
    storage::Revision backlog_from = 0;
    std::uint64_t backlog_mark = 0;
    /// True when the session's rights ended, or begin anew with its next login: its requests are
    /// dropped.
    bool is_ended = false;
    std::size_t answers_due = 0;   // to requests of it that are committed

    /// The stanzas of the client that are handled, of those counted: answered, and none before them
    /// waits (XEP-0198 §4). With stream management only.
    std::uint64_t handled() const {
        const std::uint64_t waits = queue ? queue->first_unanswered() : 0;
        return waits == 0 ? management->received : waits - 1;
    }
    /// The session has logged in or out, or changed its priority or its wish for copies.
    void note_sharing(storage::Millis time) {
        const bool is_sharing = (is_active && priority >= 0) || takes_copies;
        if (!is_sharing) shares_from = never;
        if (is_sharing && shares_from == never) shares_from = time;
    }
    /// The session takes stanzas: to send, or to keep.
    bool is_open() const { return transport || (state == State::Hibernating && !other_member); }
    const xml::Jid& address(Address which) const { return which == Address::Bare ? bare : jid; }
};
using SessionPtr = std::shared_ptr<Session>;

}   // namespace grid::server
