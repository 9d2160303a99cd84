// tests/bench/load/mode_idle.cpp: the memory of a connected, bound client that does nothing.
#include <algorithm>
#include <stdexcept>

#include "load/crowd.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"

namespace grid::bench {

namespace {
// The allocator of gridd gives what is free back to the system within ten seconds.
constexpr double decay_seconds = 12;
}   // namespace

void run_idle(Bench& bench) {
    const Options& options = bench.options;
    const Cost before = bench.server_cost();
    Crowd crowd(bench, options.common_role(), 0);
    crowd.connect(options.clients);
    bench.doing("letting the server settle");
    bench.wait(options.settle);
    const Cost settled = bench.server_cost();
    bench.wait(options.settle);
    const Cost after = bench.server_cost();

    const auto clients = static_cast<double>(options.clients);
    auto kib = [&](std::uint64_t from, std::uint64_t to) {
        return (static_cast<double>(to) - static_cast<double>(from)) / 1024 / clients;
    };
    Report report("idle", options.name);
    report.number("clients", clients)
        .number("kib_per_client", kib(before.rss_bytes, after.rss_bytes), 2)
        .number("anonymous_kib_per_client", kib(before.anonymous_bytes, after.anonymous_bytes), 2)
        .number("rss_before_mib", static_cast<double>(before.rss_bytes) / 1048576, 1)
        .number("rss_after_mib", static_cast<double>(after.rss_bytes) / 1048576, 1)
        .number("logins_per_second", clients / crowd.connect_seconds(), 1)
        .number("login_p99_ms", crowd.login_latency().percentile_ms(99), 2)
        .number(
            "idle_cpu_percent", (after.cpu_seconds - settled.cpu_seconds) / options.settle * 100, 2
        );
    if (options.hibernate) {
        bench.doing("waiting while the sessions hibernate");
        crowd.abandon();
        bench.wait(std::max(options.settle, decay_seconds));
        const Cost hibernating = bench.server_cost();
        report.number("hibernating_kib", kib(before.rss_bytes, hibernating.rss_bytes), 2);
        report.print();
        return;
    }
    report.print();
    crowd.close();
}

}   // namespace grid::bench
