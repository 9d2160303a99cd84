// tests/bench/load/mode_ping.cpp: XEP-0199 pings, or NATS's own, to the server, so many under way
// for each client.
#include <charconv>
#include <deque>
#include <stdexcept>
#include <vector>

#include "load/crowd.hpp"
#include "load/modes.hpp"
#include "load/nats.hpp"
#include "load/report.hpp"

namespace grid::bench {

namespace {

std::string ping(const Options& options, std::uint64_t time_ns) {
    return "<iq type='get' id='" + std::to_string(time_ns) + "' to='" + options.domain +
           "'><ping xmlns='urn:xmpp:ping'/></iq>" + (options.raw ? "\n" : "");
}

// The id is the time it was sent.
std::uint64_t sent_at(std::string_view iq, bool is_echo) {
    const auto id = attribute(iq, "id");
    std::uint64_t time_ns = 0;
    const auto read = std::from_chars(id.data(), id.data() + id.size(), time_ns);
    if (attribute(iq, "type") != (is_echo ? "get" : "result") || read.ec != std::errc())
        throw std::runtime_error("a ping was refused: " + condition(iq));
    return time_ns;
}

bool is_answer(std::string_view stanza, bool is_echo) {
    const std::string_view type = attribute(stanza, "type");
    return stanza.starts_with("<iq") && (is_echo || (type != "get" && type != "set"));
}

// The pings of a client that are under way, where an answer does not say which it answers: NATS
// answers in order.
using InOrder = std::deque<std::uint64_t>;

std::uint64_t sent_first(InOrder& pings) {
    if (pings.empty()) throw std::runtime_error("an answer without a ping");
    const std::uint64_t time_ns = pings.front();
    pings.pop_front();
    return time_ns;
}

}   // namespace

void run_ping(Bench& bench) {
    const Options& options = bench.options;
    // The floor's echo.
    Crowd crowd(bench, options.raw ? "E" : options.common_role(), 0);
    crowd.connect(options.clients);
    Histogram latency;
    bool measuring = false, stopping = false;
    std::uint64_t under_way = 0;
    std::vector<InOrder> in_order(crowd.size());
    auto send = [&](std::size_t number, std::uint64_t now) {
        if (options.nats) in_order[number].push_back(now);
        crowd[number].send(options.nats ? std::string(nats::ping) : ping(options, now));
        ++under_way;
    };
    crowd.on_other_stanza = [&](std::size_t number, Client&, std::string_view stanza) {
        if (!options.nats && !is_answer(stanza, options.raw)) return;
        const std::uint64_t now = now_ns();
        const std::uint64_t sent =
            options.nats ? sent_first(in_order[number]) : sent_at(stanza, options.raw);
        --under_way;
        if (measuring) latency.record(now - sent);
        if (!stopping) send(number, now);
    };
    for (std::size_t i = 0; i < crowd.size(); ++i)
        for (std::size_t k = 0; k < options.outstanding; ++k) send(i, now_ns());

    bench.doing("pinging");
    bench.wait(options.warmup);
    measuring = true;
    Meter meter(options.server_pid);
    meter.start();
    bench.wait(options.seconds);
    meter.stop();
    measuring = false;
    stopping = true;
    const std::uint64_t end = now_ns() + to_ns(options.drain);
    while (under_way > 0 && now_ns() < end) bench.turn();
    if (under_way > 0) throw std::runtime_error(std::to_string(under_way) + " pings unanswered");

    const auto count = static_cast<double>(latency.count());
    if (count == 0) throw std::runtime_error("no answer within the measured time");
    Report report("ping", options.name);
    report.number("clients", static_cast<double>(options.clients))
        .number("outstanding", static_cast<double>(options.outstanding))
        .number("per_second", count / meter.seconds())
        .number("p50_ms", latency.percentile_ms(50), 3)
        .number("p99_ms", latency.percentile_ms(99), 3)
        .number("max_ms", latency.max_ms(), 3)
        .number("server_cpu_us", meter.server_cpu() / count * 1e6, 2)
        .number("others_cpu_percent", meter.others_percent(), 1)
        .print();
    crowd.close();
}

}   // namespace grid::bench
