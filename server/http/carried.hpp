// server/http/carried.hpp: a transfer of a file as the connection that carries it has it.
#pragma once

#include <string>

#include "server/bulk/transfers.hpp"
#include "server/http/connection.hpp"

namespace grid::server::http {

struct Connection::Carried {
    bulk::RunningPtr running;
    bool is_over = false;   // the connection goes on with something else: a cut comes too late
    bool is_cut = false;
    bulk::State why = bulk::State::Running;   // of the cut
    std::string text;
};

/// The refusal of a transfer, in HTTP's terms.
controller::bulk::FileRefusal to_file_refusal(const bulk::Refusal& refusal);

}   // namespace grid::server::http
