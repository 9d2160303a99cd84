// tests/bench/load/main.cpp: gridload, the load generator.
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>

#include "load/modes.hpp"

int main(int argc, char** argv) {
    using namespace grid::bench;
    static const std::map<std::string, void (*)(Bench&)> modes{
        {"logins", run_logins}, {"idle", run_idle},
        {"ping", run_ping},     {"publish", run_publish},
        {"fanout", run_fanout}, {"fill", run_fill},
        {"mix", run_mix},       {"flood", run_flood},
        {"quiet", run_quiet},   {"resumptions", run_resumptions},
    };
    std::signal(SIGPIPE, SIG_IGN);
    try {
        Options options = parse_options(argc, argv);
        const auto mode = modes.find(options.mode);
        if (mode == modes.end()) throw std::invalid_argument("unknown mode " + options.mode);
        Bench bench(std::move(options));
        mode->second(bench);
        return 0;
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "gridload: %s\n\n%s", error.what(), usage().c_str());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gridload: %s\n", error.what());
        return 1;
    }
}
