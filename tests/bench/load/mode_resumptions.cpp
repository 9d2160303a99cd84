// tests/bench/load/mode_resumptions.cpp: sessions resumed per second after their connections were
// cut off, with TLS resumed by tickets or by full handshakes.
#include <memory>
#include <vector>

#include "load/client.hpp"
#include "load/crowd.hpp"
#include "load/histogram.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"

namespace grid::bench {

namespace {

// Keeps `concurrency` connections under way: connect, resume, and the next. Those that resumed
// stay.
class Resumptions : public ClientEvents {
public:
    Resumptions(Bench& bench, std::vector<SessionToken> tokens)
        : bench_(bench), tokens_(std::move(tokens)) {}

    void run() {
        Meter meter(bench_.options.server_pid);
        meter.start();
        const std::uint64_t begin = now_ns();
        while (ready_ < tokens_.size()) {
            while (clients_.size() < tokens_.size() &&
                   clients_.size() - ready_ < bench_.options.concurrency)
                start_one();
            bench_.doing("resuming, " + std::to_string(ready_) + " done");
            bench_.turn();
        }
        const double seconds = seconds_between(begin, now_ns());
        meter.stop();
        const auto done = static_cast<double>(ready_);
        Report report("resumptions", bench_.options.name);
        report.number("resumptions", done)
            .number("tls_resumed", static_cast<double>(tls_resumed_))
            .number("concurrency", static_cast<double>(bench_.options.concurrency))
            .number("per_second", done / seconds, 1)
            .number("p50_ms", latency_.percentile_ms(50), 2)
            .number("p99_ms", latency_.percentile_ms(99), 2)
            .number("server_cpu_us", meter.server_cpu() / done * 1e6, 1)
            .number("own_cpu_us", meter.own_cpu() / done * 1e6, 1)
            .number("others_cpu_percent", meter.others_percent(), 1)
            .print();
    }

    void on_ready(Client& client) override {
        latency_.record(now_ns() - client.started_ns());
        ++ready_;
        if (client.has_resumed_tls()) ++tls_resumed_;
    }
    void on_stanza(Client&, std::string_view) override {}
    void on_closed(Client&) override {}

private:
    void start_one() {
        const std::size_t index = clients_.size();
        clients_.push_back(std::make_unique<Client>(
            bench_, *this, index, bench_.options.common_role(), tokens_[index]
        ));
    }

    Bench& bench_;
    std::vector<SessionToken> tokens_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t ready_ = 0, tls_resumed_ = 0;
    Histogram latency_;
};

}   // namespace

void run_resumptions(Bench& bench) {
    std::vector<SessionToken> tokens;
    {
        Crowd crowd(bench, bench.options.common_role(), 0);
        crowd.connect(bench.options.clients);
        for (std::size_t i = 0; i < crowd.size(); ++i) {
            tokens.push_back(crowd[i].token());
            if (!bench.options.full_tls) tokens.back().tls = crowd[i].tls_session();
        }
        crowd.abandon();
    }
    bench.doing("letting the server see that they are gone");
    bench.wait(bench.options.settle);
    Resumptions(bench, std::move(tokens)).run();
}

}   // namespace grid::bench
