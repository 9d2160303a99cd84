// tests/bench/load/mode_logins.cpp: logins per second, each with a full TLS handshake.
#include <memory>
#include <vector>

#include "load/client.hpp"
#include "load/histogram.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"

namespace grid::bench {

namespace {

constexpr double close_seconds_max = 5;

// Keeps `concurrency` connections under way: connect, log in, say goodbye, and the next.
class Logins : public ClientEvents {
public:
    explicit Logins(Bench& bench) : bench_(bench) {}

    void run() {
        Meter meter(bench_.options.server_pid);
        meter.start();
        const std::uint64_t begin = now_ns();
        while (ready_ < bench_.options.clients || !live_.empty()) {
            start_some();
            bench_.doing("logging in, " + std::to_string(ready_) + " done");
            bench_.turn();
            sweep();
            if (ready_ == bench_.options.clients && end_ == 0) end_ = now_ns();
        }
        meter.stop();
        const double seconds = seconds_between(begin, end_);
        const auto logins = static_cast<double>(ready_);
        Report report("logins", bench_.options.name);
        report.number("logins", logins)
            .number("concurrency", static_cast<double>(bench_.options.concurrency))
            .number("per_second", logins / seconds, 1)
            .number("p50_ms", latency_.percentile_ms(50), 2)
            .number("p99_ms", latency_.percentile_ms(99), 2)
            .number("server_cpu_us", meter.server_cpu() / logins * 1e6, 1)
            .number("own_cpu_us", meter.own_cpu() / logins * 1e6, 1)
            .number("others_cpu_percent", meter.others_percent(), 1)
            .number("unclean_ends", static_cast<double>(abandoned_))
            .print();
    }

    void on_ready(Client& client) override {
        latency_.record(now_ns() - client.started_ns());
        ++ready_;
        client.close();
    }
    void on_stanza(Client&, std::string_view) override {}
    void on_closed(Client&) override {}

private:
    void start_some() {
        while (started_ < bench_.options.clients && live_.size() < bench_.options.concurrency)
            live_.push_back(
                std::make_unique<Client>(bench_, *this, started_++, bench_.options.common_role())
            );
    }

    // Not inside the turn: the loop may still hold a client that has just closed.
    void sweep() {
        std::erase_if(live_, [](const auto& client) { return client->is_closed(); });
        const std::uint64_t now = now_ns();
        for (auto& client : live_) {
            if (client->closing_ns() == 0 || now - client->closing_ns() < to_ns(close_seconds_max))
                continue;
            client->abandon();
            ++abandoned_;
        }
    }

    Bench& bench_;
    std::vector<std::unique_ptr<Client>> live_;
    std::size_t started_ = 0;
    std::size_t ready_ = 0;
    std::size_t abandoned_ = 0;
    std::uint64_t end_ = 0;
    Histogram latency_;
};

}   // namespace

void run_logins(Bench& bench) { Logins(bench).run(); }

}   // namespace grid::bench
