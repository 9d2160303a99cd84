// server/session/handed_over.hpp: a session on its way from one member of a cluster to another,
// where its client resumes it (XEP-0198 §5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controller/identity.hpp"
#include "pubsub/delivery/subscriber.hpp"
#include "server/session/transport.hpp"
#include "storage/batch.hpp"

namespace grid::server {

/// Why a session is not resumed: a condition of RFC 6120 §8.3.3, and the count of handled stanzas
/// where it is known. The client may bind a resource instead.
struct ResumeFailure {
    std::string condition;
    std::optional<std::uint32_t> handled;
};

/// A client at this member resumes a session of another one.
struct FetchRequest {
    std::uint64_t session = 0;
    std::string token;
    std::uint32_t handled = 0;   // of the stanzas that it was sent
    std::string address;
    TransportKind transport_kind = TransportKind::StartTls;
    controller::Identity identity;
};

/// How far a session was told of items, and how far these arrived (server/delivery/catch_up.hpp).
struct HandedPlace {
    bool is_active = false;   // the session is told of items, those after `after`
    pubsub::Position after;
    pubsub::EarlierStarts earlier;
    std::pair<storage::Revision, storage::Revision> had{0, 0};
    std::optional<pubsub::Position> paused;
    std::optional<storage::Revision> paused_bare;
    storage::Revision sent_to = 0, acked_to = 0, account_from = 0, backlog_from = 0;
};

/// Messages that waited for the account, and were sent to the session
/// (server/delivery/offline_delivery.hpp).
struct HandedMessages {
    storage::Revision sent_to = 0;   // 0: none were
    /// Which of its stanzas each is that was not acknowledged.
    std::vector<std::pair<std::uint64_t, storage::Revision>> counted;
};

/// The presence of a session (server/presence/presence.hpp).
struct HandedPresence {
    std::uint64_t words = 0;   // the number of its last words
    bool is_available = false;
    xml::Bytes rest;   // these words; null: none
    bool is_interested = false;
    std::vector<std::string> directed;     // addressees of directed presence
    std::vector<std::string> components;   // of these, components
    std::string hash, node, ver;           // what its client claims (XEP-0115); empty: nothing
    bool knows_wants = false;              // `wants` is known
    std::vector<std::string> wants;        // nodes that its client asks for
};

/// All that a session is, besides what each member knows of it.
struct HandedOver {
    std::uint64_t session = 0;
    bool is_active = false, is_present = false, takes_copies = false, knows_block_list = false;
    int priority = 0;
    std::uint8_t show = 0;
    storage::Millis shares_from = 0;   // Session::shares_from
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
    // Stream management.
    std::chrono::seconds resume_within{0};
    std::uint64_t received = 0, acknowledged = 0;   // of the client's stanzas, and by it
    std::vector<Outgoing> unacked;                  // those behind `acknowledged`
    /// The session was told all up to there: a member that is not as far waits.
    storage::Revision told_to = 0;
    HandedPlace place;
    HandedMessages messages;
    HandedPresence presence;
};
/// The client says that it handled more stanzas than it was sent: so many.
struct HandledTooHigh {
    std::uint32_t sent = 0;
};
using FetchAnswer = std::variant<HandedOver, ResumeFailure, HandledTooHigh>;

}   // namespace grid::server
