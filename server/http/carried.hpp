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

}   // namespace grid::server::http
