// controller/administration/process_acts.hpp: the administrators' acts on the process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

struct Stop {
    bool restarts = false;
    std::uint32_t delay_seconds = 0;
    std::string announcement;   // a headline to all accounts that are online; empty: none
};
inline constexpr std::uint32_t stop_delay_seconds_max = 24 * 3600;

/// Ends the server in good order (XEP-0133 §4.31), or starts it anew (§4.30), once the act is
/// durable and the delay is over. A later act replaces an earlier one.
Outcome<storage::Batch> stop_server(const ActContext& call, const Stop& stop);

/// Reads configuration, certificates, revocation lists and policy anew, all of it or nothing. The
/// returned work waits for files and for the store: on the reader pool. The process puts the act on
/// record, with what came of it.
std::function<ReloadReport()> reload_server(const ActContext& call);

}   // namespace grid::controller::administration
