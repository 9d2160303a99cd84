// server/app.hpp: the program: its parts in the order of their lives, and how it starts and
// stops.
#pragma once

#include "server/process/options.hpp"

namespace grid::server {

/// Runs until a signal; the exit status. A failure before the first connection is one clear line on
/// standard error and status 1.
int run_app(AppOptions options);

}   // namespace grid::server
