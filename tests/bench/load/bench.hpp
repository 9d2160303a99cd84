// tests/bench/load/bench.hpp: the common parts of every mode: options, loop, certificates, a
// deadline.
#pragma once

#include <netinet/in.h>

#include <string>

#include "load/identities.hpp"
#include "load/loop.hpp"
#include "load/options.hpp"
#include "load/process.hpp"

namespace grid::bench {

class Bench {
public:
    explicit Bench(Options chosen);

    const Options options;
    Loop loop;
    const Identities identities;
    const SslContext context;
    sockaddr_in address;   // of the server: where those clients connect that are made from now on

    // One turn of the loop; throws when the deadline of the run has passed.
    void turn(std::chrono::nanoseconds wait_max = std::chrono::milliseconds(50));
    // Turns for so long.
    void wait(double seconds);
    // Names the run's present work, for the message when the deadline passes.
    void doing(std::string what) { doing_ = std::move(what); }
    Cost server_cost() const { return cost_of(options.server_pid); }

private:
    std::string doing_ = "starting";
    Clock::time_point end_;
};

inline double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
    return static_cast<double>(to_ns - from_ns) / 1e9;
}

inline std::uint64_t to_ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

// A listening or connecting address from "127.0.0.1:5222".
sockaddr_in parse_address(const std::string& text);

// As many file descriptors as the hard limit allows.
void raise_file_limit();

}   // namespace grid::bench
