// tests/bench/load/modes.hpp: the modes of gridload; each runs to its end and prints its report.
#pragma once

#include "load/bench.hpp"

namespace grid::bench {

void run_logins(Bench& bench);
void run_resumptions(Bench& bench);
void run_idle(Bench& bench);
void run_ping(Bench& bench);
void run_publish(Bench& bench);
void run_fanout(Bench& bench);
void run_fill(Bench& bench);
void run_mix(Bench& bench);
void run_flood(Bench& bench);
void run_quiet(Bench& bench);

}   // namespace grid::bench
