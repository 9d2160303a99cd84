// server/gridctl/light/signals.hpp: Ctrl-C once: an orderly end; twice: the end.
#pragma once

namespace grid::gridctl::light {

/// SIGINT, SIGTERM and SIGHUP are noted, and a second one ends the program with 130; calls that
/// wait are interrupted. SIGPIPE is ignored: writing says what happened.
void watch_signals();
bool is_interrupted();

}   // namespace grid::gridctl::light
