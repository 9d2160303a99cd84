// controller/administration/store_acts.hpp: the administrators' acts on the store.
#pragma once

#include <functional>
#include <string>

#include "controller/administration/act_context.hpp"
#include "controller/ports.hpp"

namespace grid::controller::administration {

struct StoreReopened {
    storage::Revision revision = 0;
    std::string problem;   // with advice; empty: the store takes writes
};
/// Opens the store again after a failed write. The returned work takes seconds: on the reader pool.
/// The act is on record at once, by the queue of audit records that waits for the store, since the
/// matter is that nothing can be written.
std::function<StoreReopened()> reopen_store(const ActContext& call, const ServerInfo& server);

}   // namespace grid::controller::administration
