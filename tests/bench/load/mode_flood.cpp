// tests/bench/load/mode_flood.cpp: clients that take all that a server gives: each keeps so many
// requests under way. Says "flooding" when it has begun.
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "load/client.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"
#include "load/workload.hpp"

namespace grid::bench {

namespace {

/// A client that sends what is malformed sends so many stanzas that are refused, then bytes that
/// are no XML.
constexpr std::uint64_t refused_before_broken = 2'000;

volatile std::sig_atomic_t is_over = 0;

class Flood : public ClientEvents {
public:
    explicit Flood(Bench& bench) : bench_(bench), make_(maker(bench.options.flood)) {}

    void run() {
        const Options& options = bench_.options;
        sent_.assign(options.clients, 0);
        for (std::size_t i = 0; i < options.clients; ++i)
            live_.push_back(std::make_unique<Client>(bench_, *this, options.first + i, "flood"));
        bench_.doing("starting to flood");
        while (flooding_ < options.clients) bench_.turn();
        std::puts("flooding");
        std::fflush(stdout);
        bench_.doing("flooding");
        Meter meter(options.server_pid);
        meter.start();
        const std::uint64_t before = answers_, end = now_ns() + to_ns(options.seconds);
        std::signal(SIGTERM, [](int) { is_over = 1; });
        while (is_over == 0 && now_ns() < end) {
            bench_.turn();
            come_again();
        }
        meter.stop();
        const auto answers = static_cast<double>(answers_ - before);
        Report report("flood", options.name);
        report.text("flood", options.flood)
            .number("clients", static_cast<double>(options.clients))
            .number("answers_per_second", answers / meter.seconds())
            .number("refused", static_cast<double>(refused_))
            .number("lost", static_cast<double>(lost_))
            .text("last_lost", last_lost_)
            .number("server_cpu_percent", 100 * meter.server_cpu() / meter.seconds(), 1)
            .number("own_cpu_percent", 100 * meter.own_cpu() / meter.seconds(), 1)
            .print();
    }

    void on_ready(Client& client) override {
        const Options& options = bench_.options;
        if (options.flood == "publishes" || options.flood == "subscribes")
            return client.send(create_node(options, node_of(client)));
        begin(client);
    }
    void on_stanza(Client& client, std::string_view stanza) override {
        if (!stanza.starts_with("<iq")) return;
        if (attribute(stanza, "id") == "ask" && sent_[number(client)] == 0) return begin(client);
        ++answers_;
        if (attribute(stanza, "type") == "error") ++refused_;
        send_next(client);
    }
    void on_closed(Client&) override {}
    void on_lost(Client&, const std::string& why) override {
        ++lost_;
        last_lost_ = why;
    }

private:
    using Make = std::function<std::string(const Client&, std::uint64_t)>;

    std::size_t number(const Client& client) const { return client.index() - bench_.options.first; }
    std::string node_of(const Client& client) const {
        return node_ + "-" + std::to_string(client.index());
    }

    Make maker(const std::string& kind) {
        const Options& options = bench_.options;
        const std::map<std::string, Make> makers{
            {"pings",
             [&](const Client&, std::uint64_t n) {
                 return "<iq type='get' id='" + std::to_string(n) + "' to='" + options.domain +
                        "'><ping xmlns='urn:xmpp:ping'/></iq>";
             }},
            {"publishes",
             [&](const Client& client, std::uint64_t n) {
                 auto& request = publishes_[client.index()];
                 if (!request)
                     request = std::make_unique<PublishRequest>(
                         options, static_cast<std::uint32_t>(client.index()), node_of(client)
                     );
                 return std::string(request->stamped(static_cast<std::uint32_t>(n), now_ns()));
             }},
            {"disco", [&](const Client&, std::uint64_t) { return disco(options, "items", "", ""); }
            },
            {"malformed",
             [&](const Client&, std::uint64_t n) {
                 if (n % refused_before_broken == 0) return std::string("<iq <broken></iq>");
                 return "<iq type='get' id='" + std::to_string(n) + "' to='" + options.pubsub +
                        "'/>";
             }},
            {"subscribes",
             [&](const Client& client, std::uint64_t n) {
                 if (n % 2 != 0) return subscribe(options, node_of(client), client.jid());
                 return pubsub(
                     options, true,
                     "<unsubscribe node='" + node_of(client) + "' jid='" + client.jid() + "'/>"
                 );
             }},
        };
        const auto found = makers.find(kind);
        if (found == makers.end()) throw std::invalid_argument("--flood " + kind);
        return found->second;
    }

    void begin(Client& client) {
        ++flooding_;
        for (std::size_t k = 0; k < bench_.options.outstanding; ++k) send_next(client);
    }
    void send_next(Client& client) { client.send(make_(client, ++sent_[number(client)])); }

    // Not inside the turn: the loop may still hold a client that has just been lost.
    void come_again() {
        for (auto& client : live_)
            if (client->is_closed()) {
                const std::size_t index = client->index();
                sent_[index - bench_.options.first] = 0;
                client = std::make_unique<Client>(bench_, *this, index, "flood");
            }
    }

    Bench& bench_;
    const std::string node_ = fresh_node_name();
    std::map<std::size_t, std::unique_ptr<PublishRequest>> publishes_;
    Make make_;
    std::vector<std::unique_ptr<Client>> live_;
    std::vector<std::uint64_t> sent_;   // by client, since its login
    std::size_t flooding_ = 0;
    std::uint64_t answers_ = 0, refused_ = 0, lost_ = 0;
    std::string last_lost_;
};

}   // namespace

void run_flood(Bench& bench) { Flood(bench).run(); }

}   // namespace grid::bench
