// tests/bench/load/mode_publish.cpp: acknowledged publishes per second, with nobody subscribed.
#include <stdexcept>
#include <vector>

#include "load/crowd.hpp"
#include "load/modes.hpp"
#include "load/nats.hpp"
#include "load/report.hpp"
#include "load/workload.hpp"

namespace grid::bench {

namespace {

// More than is ever outstanding, also when answers come out of order.
constexpr std::size_t sent_ring = 4096;

class Publishing {
public:
    explicit Publishing(Bench& bench)
        : bench_(bench),
          options_(bench.options),
          crowd_(bench, role(bench.options), 0),
          meter_(bench.options.server_pid) {}

    void run() {
        set_up();
        publish();
        report();
        tear_down();
    }

private:
    static std::string role(const Options& options) {
        if (options.raw) return "D";   // the floor acknowledges what is on the disk
        return options.nats ? std::string(nats::own_inbox) : options.common_role();
    }

    std::string node_of(std::size_t publisher) const {
        return options_.shared_node ? node_ : node_ + "-" + std::to_string(publisher);
    }

    std::size_t nodes() const {
        if (options_.raw) return 0;
        return options_.shared_node ? 1 : options_.publishers;
    }

    void set_up() {
        crowd_.connect(options_.publishers);
        crowd_.ask_one_by_one(nodes(), [&](const Client& client) {
            const std::size_t index = client.index();
            return options_.nats ? nats::create_stream(index, node_of(index), options_.items_max)
                                 : create_node(options_, node_of(index));
        });
        for (std::size_t i = 0; i < options_.publishers; ++i)
            requests_.emplace_back(options_, static_cast<std::uint32_t>(i), node_of(i));
        sent_.assign(options_.publishers, 0);
        sent_at_.assign(options_.publishers, std::vector<std::uint64_t>(sent_ring));
        acknowledged_.assign(options_.publishers, 0);
        crowd_.on_other_stanza =
            [this](std::size_t publisher, Client& client, std::string_view stanza) {
                if (stanza.starts_with("<iq")) on_answer(publisher, client, stanza);
            };
    }

    void send_next(std::size_t publisher, Client& client, std::uint64_t now) {
        const std::uint32_t sequence = sent_[publisher]++;
        sent_at_[publisher][sequence % sent_ring] = now;
        client.send(requests_[publisher].stamped(sequence, now));
        ++under_way_;
    }

    void on_answer(std::size_t publisher, Client& client, std::string_view stanza) {
        const std::uint32_t sequence = acknowledged(stanza, client.jid());
        // RFC 6120 10.1: in order from one client to one entity, and gridd promises it of answers.
        if (sequence != acknowledged_[publisher]) ++out_of_order_;
        ++acknowledged_[publisher];
        --under_way_;
        const std::uint64_t now = now_ns();
        if (measuring_) latency_.record(now - sent_at_[publisher][sequence % sent_ring]);
        if (!stopping_) send_next(publisher, client, now);
    }

    void publish() {
        for (std::size_t k = 0; k < options_.outstanding; ++k)
            for (std::size_t i = 0; i < crowd_.size(); ++i) send_next(i, crowd_[i], now_ns());
        bench_.doing("publishing");
        bench_.wait(options_.warmup);
        measuring_ = true;
        meter_.start();
        bench_.wait(options_.seconds);
        meter_.stop();
        measuring_ = false;
        stopping_ = true;
        const std::uint64_t end = now_ns() + to_ns(options_.drain);
        while (under_way_ > 0 && now_ns() < end) bench_.turn();
        if (under_way_ > 0)
            throw std::runtime_error(std::to_string(under_way_) + " publishes unanswered");
    }

    void report() {
        const auto count = static_cast<double>(latency_.count());
        if (count == 0) throw std::runtime_error("no answer within the measured time");
        Report report("publish", options_.name);
        report.number("publishers", static_cast<double>(options_.publishers))
            .number("outstanding", static_cast<double>(options_.outstanding))
            .number("bytes", static_cast<double>(options_.bytes))
            .number("per_second", count / meter_.seconds(), 1)
            .number("p50_ms", latency_.percentile_ms(50), 3)
            .number("p99_ms", latency_.percentile_ms(99), 3)
            .number("max_ms", latency_.max_ms(), 3)
            .number("server_cpu_us", meter_.server_cpu() / count * 1e6, 2)
            .number("own_cpu_us", meter_.own_cpu() / count * 1e6, 2)
            .number("others_cpu_percent", meter_.others_percent(), 1)
            .number("answers_out_of_order", static_cast<double>(out_of_order_))
            .print();
    }

    void tear_down() {
        crowd_.ask_one_by_one(nodes(), [&](const Client& client) {
            const std::size_t index = client.index();
            return options_.nats ? nats::delete_stream(index, node_of(index))
                                 : delete_node(options_, node_of(index));
        });
        crowd_.close();
    }

    Bench& bench_;
    const Options& options_;
    Crowd crowd_;
    const std::string node_ = fresh_node_name();
    std::vector<PublishRequest> requests_;
    std::vector<std::uint32_t> sent_;
    std::vector<std::uint32_t> acknowledged_;
    std::vector<std::vector<std::uint64_t>> sent_at_;
    std::uint64_t under_way_ = 0;
    std::uint64_t out_of_order_ = 0;
    bool measuring_ = false;
    bool stopping_ = false;
    Meter meter_;
    Histogram latency_;
};

}   // namespace

void run_publish(Bench& bench) { Publishing(bench).run(); }

}   // namespace grid::bench
