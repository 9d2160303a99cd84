// server/delivery/arrivals.hpp: numbers for Transport::mark, of which a session has one series:
// those of items are revisions, and between two of them there is room for those of messages.
#pragma once

#include <algorithm>
#include <cstdint>

#include "server/session/session.hpp"

namespace grid::server {

inline constexpr unsigned mark_bits = 16;

/// Everything that was handed over to the session's transport, items up to this revision.
inline std::uint64_t mark_items(Session& session, storage::Revision revision) {
    session.last_mark = std::max(session.last_mark, revision << mark_bits);
    return session.last_mark;
}
/// The items of a mark that was reached.
inline storage::Revision items_of(std::uint64_t mark) { return mark >> mark_bits; }
/// Everything that was handed over up to now.
inline std::uint64_t mark_now(Session& session) { return ++session.last_mark; }

}   // namespace grid::server
