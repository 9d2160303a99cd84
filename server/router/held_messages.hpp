// server/router/held_messages.hpp: messages that several sessions of an account were sent, as far
// as their clients have not acknowledged them.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "server/router/shared_messages.hpp"
#include "server/session/session.hpp"

namespace grid::server {

/// Of the sessions here with stream management, all but that one: each hands on at its end what it
/// holds, the message or a copy of it, whatever became of its presence meanwhile.
inline std::set<SharedMessage> held_by(
    const std::vector<SessionPtr>& sessions, std::uint64_t except
) {
    std::set<SharedMessage> names;
    const auto add = [&](const Outgoing& one) {
        if (one.is_shared) names.insert(SharedMessages::named(one));
    };
    for (const SessionPtr& session : sessions) {
        if (session->id == except || session->other_member || session->is_ended) continue;
        if (!session->management) continue;
        for (const Outgoing& one : session->management->unacked.kept()) add(one);
        for (const Outgoing& one : session->pending) add(one);
    }
    return names;
}

}   // namespace grid::server
