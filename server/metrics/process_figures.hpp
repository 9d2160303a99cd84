// server/metrics/process_figures.hpp: CPU, memory and files of the process.
#pragma once

#include <cstdint>

namespace grid::server::metrics {

struct ProcessFigures {
    double cpu_seconds = 0;   // of user and kernel, since the start
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_files = 0, open_files_max = 0;   // open_files 0: the kernel does not tell
};

/// Reads /proc, which is memory. Any thread.
ProcessFigures process_figures();

}   // namespace grid::server::metrics
