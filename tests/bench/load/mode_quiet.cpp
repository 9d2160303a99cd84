// tests/bench/load/mode_quiet.cpp: a client that asks for little, at fixed times: pings, durable
// publishes and logins; the time that each waits for its answer.
#include <algorithm>
#include <memory>
#include <vector>

#include "load/client.hpp"
#include "load/histogram.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"
#include "load/workload.hpp"

namespace grid::bench {

namespace {

// Few enough that neither this process nor the server feels them, often enough for a p99.
constexpr std::uint64_t ping_every_ns = 4'000'000;
constexpr std::uint64_t publish_every_ns = 10'000'000;
constexpr std::uint64_t login_every_ns = 50'000'000;

class Quiet : public ClientEvents {
public:
    explicit Quiet(Bench& bench) : bench_(bench), node_(fresh_node_name()) {}

    void run() {
        pinger_ = std::make_unique<Client>(bench_, *this, 0, role("ping"));
        publisher_ = std::make_unique<Client>(bench_, *this, 0, role("publish"));
        bench_.doing("logging in");
        while (!pinger_->is_ready() || !publisher_->is_ready()) bench_.turn();
        if (!bench_.options.raw) {
            publisher_->send(create_node(bench_.options, node_));
            bench_.doing("creating a node");
            while (!has_node_) bench_.turn();
        }
        request_ = std::make_unique<PublishRequest>(bench_.options, 0, node_);
        logins_.latency.clear();
        Meter meter(bench_.options.server_pid);
        meter.start();
        ask_in_time();
        meter.stop();
        report(meter);
    }

    void on_ready(Client& client) override {
        if (&client == pinger_.get() || &client == publisher_.get()) return;
        logins_.latency.record(now_ns() - client.started_ns());
        ++logins_.answered;
        client.close();
    }
    void on_stanza(Client& client, std::string_view stanza) override {
        const bool is_iq = stanza.starts_with("<iq");
        if (!is_iq && !bench_.options.raw) return;
        if (&client == publisher_.get() && !has_node_ && !bench_.options.raw) {
            if (attribute(stanza, "type") != "result")
                throw std::runtime_error("no node: " + condition(stanza));
            has_node_ = true;
            return;
        }
        if (attribute(stanza, "type") == "error")
            throw std::runtime_error("a quiet request was refused: " + condition(stanza));
        answered(&client == pinger_.get() ? pings_ : publishes_);
    }
    void on_closed(Client&) override {}

private:
    struct Asking {
        std::uint64_t every_ns;
        std::uint64_t due_ns = 0;
        std::vector<std::uint64_t> asked_at = {};   // in the order of their answers
        std::size_t answered = 0;
        Histogram latency = {};
    };

    std::string role(const char* resource) const { return bench_.options.raw ? "E" : resource; }

    void answered(Asking& asking) {
        asking.latency.record(now_ns() - asking.asked_at[asking.answered++]);
    }

    // At its time, whether the one before was answered or not.
    template <class Ask>
    void ask_if_due(Asking& asking, std::uint64_t now, Ask ask) {
        if (now < asking.due_ns) return;
        late_.record(now - asking.due_ns);
        asking.due_ns += asking.every_ns;
        asking.asked_at.push_back(now);
        ask(now);
    }

    void ask_in_time() {
        const std::uint64_t begin = now_ns(), end = begin + to_ns(bench_.options.seconds);
        for (Asking* asking : {&pings_, &publishes_, &logins_}) asking->due_ns = begin;
        bench_.doing("asking in time");
        for (std::uint64_t now = begin; now < end; now = now_ns()) {
            ask_if_due(pings_, now, [&](std::uint64_t) { pinger_->send(ping()); });
            ask_if_due(publishes_, now, [&](std::uint64_t at) {
                publisher_->send(
                    request_->stamped(static_cast<std::uint32_t>(publishes_.asked_at.size()), at)
                );
            });
            ask_if_due(logins_, now, [&](std::uint64_t) { log_in(); });
            const auto due = std::min({pings_.due_ns, publishes_.due_ns, logins_.due_ns});
            bench_.turn(std::chrono::nanoseconds(due > now ? due - now : 0));
            std::erase_if(coming_, [](const auto& client) { return client->is_closed(); });
        }
        const std::uint64_t patience = now_ns() + to_ns(bench_.options.drain);
        while (is_waiting() && now_ns() < patience) bench_.turn();
        if (is_waiting()) throw std::runtime_error("a quiet client was not answered");
    }

    bool is_waiting() const {
        return std::ranges::any_of(
            std::initializer_list<const Asking*>{&pings_, &publishes_, &logins_},
            [](const Asking* one) { return one->answered < one->asked_at.size(); }
        );
    }

    std::string ping() const {
        return "<iq type='get' id='q' to='" + bench_.options.domain +
               "'><ping xmlns='urn:xmpp:ping'/></iq>" + (bench_.options.raw ? "\n" : "");
    }

    void log_in() {
        const auto resource = role(("in" + std::to_string(logins_.asked_at.size() % 8)).c_str());
        coming_.push_back(std::make_unique<Client>(bench_, *this, 1, resource));
    }

    void report(const Meter& meter) {
        Report report("quiet", bench_.options.name);
        const auto add = [&](const std::string& name, const Histogram& histogram) {
            report.number(name + "_count", static_cast<double>(histogram.count()))
                .number(name + "_p50_ms", histogram.percentile_ms(50), 3)
                .number(name + "_p99_ms", histogram.percentile_ms(99), 3)
                .number(name + "_max_ms", histogram.max_ms(), 3);
        };
        add("ping", pings_.latency);
        add("publish", publishes_.latency);
        add("login", logins_.latency);
        add("late", late_);
        report.number("own_cpu_percent", 100 * meter.own_cpu() / meter.seconds(), 1)
            .number("others_cpu_percent", meter.others_percent(), 1)
            .print();
    }

    Bench& bench_;
    const std::string node_;
    std::unique_ptr<Client> pinger_, publisher_;
    std::unique_ptr<PublishRequest> request_;
    std::vector<std::unique_ptr<Client>> coming_;
    bool has_node_ = false;
    Asking pings_{.every_ns = ping_every_ns}, publishes_{.every_ns = publish_every_ns},
        logins_{.every_ns = login_every_ns};
    Histogram late_;   // of this process itself: from the time that was due
};

}   // namespace

void run_quiet(Bench& bench) { Quiet(bench).run(); }

}   // namespace grid::bench
