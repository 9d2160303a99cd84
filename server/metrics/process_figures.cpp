// server/metrics/process_figures.cpp: see process_figures.hpp.
#include "server/metrics/process_figures.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace grid::server::metrics {

namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1'000'000;
}

}   // namespace

ProcessFigures process_figures() {
    ProcessFigures figures;
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0)
        figures.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    std::uint64_t pages = 0, resident = 0;
    if (std::ifstream("/proc/self/statm") >> pages >> resident)
        figures.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // Since Linux 6.2 the size of this directory is the number of its entries.
    struct stat files{};
    if (::stat("/proc/self/fd", &files) == 0 && files.st_size > 0)
        figures.open_files = static_cast<std::uint64_t>(files.st_size);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.open_files_max = limit.rlim_cur;
    return figures;
}

}   // namespace grid::server::metrics
