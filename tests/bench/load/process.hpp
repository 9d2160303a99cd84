// tests/bench/load/process.hpp: the cost of the server, with its children, to the machine.
#pragma once

#include <cstdint>

namespace grid::bench {

struct Cost {
    double cpu_seconds = 0;        // user and system, all threads, and children that have ended
    std::uint64_t rss_bytes = 0;   // VmRSS, summed over the process and its descendants
    std::uint64_t anonymous_bytes = 0;
};

// All zero for pid 0. Throws if the process is not there.
Cost cost_of(int pid);

// User and system seconds of this process.
double own_cpu_seconds();

// Processor time between start and stop, per user of it.
class Meter {
public:
    explicit Meter(int server_pid) : server_pid_(server_pid) {}
    void start();
    void stop();
    double seconds() const { return now_.seconds; }
    double server_cpu() const { return now_.server; }
    double own_cpu() const { return now_.own; }
    // Processor time of everything else on the machine, in percent of one processor: how noisy the
    // figures are.
    double others_percent() const;

private:
    struct Reading {
        double seconds = 0, server = 0, own = 0, machine = 0;
    };
    Reading read() const;

    int server_pid_;
    Reading begin_;
    Reading now_;   // after stop: the differences
};

}   // namespace grid::bench
