// controller/rest/events.hpp: events for listeners: their kinds, and the wish of one listener.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "xml/result.hpp"

namespace grid::controller::rest {

/// Their names in a wish are "state", "accounts", "sessions", "transfers", "audit". State: figures
/// and rates, each second. Accounts: their number in each state, and which have changed. Sessions:
/// those that came and went. Transfers: how far they are, and their ends. Audit: records as they
/// are written.
enum class EventKind : std::uint8_t { State, Accounts, Sessions, Transfers, Audit };
inline constexpr std::size_t event_kind_count = 5;
using EventKinds = std::bitset<event_kind_count>;

struct EventWish {
    EventKinds kinds;
    std::string after;   // id of an audit record: those behind it come first; empty: none does
};
/// `kinds`: names with commas between them, all when it is empty. The error is for the client.
Result<EventWish, std::string> parse_event_wish(std::string_view kinds, std::string_view after);
/// Of a request that was admitted: its query, and its header Last-Event-ID, which a browser sends
/// when it comes back and which goes before `after`.
Result<EventWish, std::string> parse_event_query(
    std::string_view query, std::string_view last_event_id
);

/// Of an answer that goes on as long as the client listens (HTML, "Server-sent events").
inline constexpr std::string_view event_stream_type = "text/event-stream";

}   // namespace grid::controller::rest
