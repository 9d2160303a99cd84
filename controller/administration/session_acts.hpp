// controller/administration/session_acts.hpp: the administrators' acts on live sessions.
#pragma once

#include <string>
#include <vector>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// Of the subject and the body together.
inline constexpr std::size_t announcement_bytes_max = 16 * 1024;

/// Streams end with <policy-violation/>. Full JIDs, or bare ones for all of an account's.
Outcome<storage::Batch> end_sessions(const ActContext& call, const std::vector<xml::Jid>& jids);
/// A headline to all accounts that are online.
storage::Batch announce(
    const ActContext& call, const std::string& subject, const std::string& body
);

}   // namespace grid::controller::administration
