// tests/bench/load/mode_many.cpp: many nodes, subscriptions and items: making them, and a mix of
// everything that a client asks of a broker that has them.
#include <array>
#include <random>
#include <stdexcept>

#include "load/dialogue.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"
#include "load/workload.hpp"

namespace grid::bench {

namespace {

std::string node_name(std::size_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "many-%05zu", number);
    return text;
}

std::string publish(const Options& options, const std::string& node, std::size_t number) {
    return pubsub(
        options, true,
        "<publish node='" + node + "'><item id='item-" + std::to_string(number) +
            "'><reading xmlns='urn:x-grid:bench'>" + std::to_string(number) +
            "</reading></item></publish>"
    );
}

// Client n makes the nodes n, n + clients …; then all subscribe to, and publish to, nodes in turn.
class Filling {
public:
    explicit Filling(Bench& bench) : options_(bench.options), crowd_(bench, "fill", 0) {
        dialogue_.emplace(bench, crowd_);
    }

    void run() {
        crowd_.connect(options_.clients);
        const std::uint64_t begin = now_ns();
        all(options_.nodes, "creating nodes",
            [&](std::size_t i, std::size_t) { return create_node(options_, node_name(i)); });
        all(options_.subscriptions, "subscribing", [&](std::size_t i, std::size_t client) {
            const std::size_t node = (i / options_.clients + client * 7) % options_.nodes;
            return subscribe(options_, node_name(node), crowd_[client].bare_jid());
        });
        all(options_.items, "publishing items", [&](std::size_t i, std::size_t) {
            return publish(options_, node_name(i % options_.nodes), i);
        });
        Report("fill", options_.name)
            .number("nodes", static_cast<double>(options_.nodes))
            .number("subscriptions", static_cast<double>(options_.subscriptions))
            .number("items", static_cast<double>(options_.items))
            .number("seconds", seconds_between(begin, now_ns()), 2)
            .print();
        crowd_.close();
    }

private:
    template <typename Make>
    void all(std::size_t count, const std::string& doing, Make&& make) {
        std::vector<std::size_t> done(crowd_.size());
        dialogue_->run(
            [&](std::size_t client) -> std::optional<Dialogue::Question> {
                const std::size_t i = client + done[client]++ * crowd_.size();
                if (i >= count) return std::nullopt;
                return Dialogue::Question{0, make(i, client)};
            },
            doing
        );
    }

    const Options& options_;
    Crowd crowd_;
    std::optional<Dialogue> dialogue_;
};

constexpr std::array<const char*, 9> kinds{"disco_items",  "disco_info",    "items",
                                           "publish",      "subscribe",     "unsubscribe",
                                           "affiliations", "subscriptions", "node_subs"};

class Mix {
public:
    explicit Mix(Bench& bench)
        : options_(bench.options), crowd_(bench, "mix", 0), dialogue_(bench, crowd_) {}

    void run() {
        crowd_.connect(options_.clients);
        subscribed_.assign(crowd_.size(), {});
        dialogue_.on_answer = [&](std::size_t kind, std::uint64_t ns, std::size_t) {
            if (now_ns() < measured_from_) return;
            latency_[kind].record(ns);
            all_.record(ns);
        };
        measured_from_ = now_ns() + to_ns(options_.warmup);
        end_ = measured_from_ + to_ns(options_.seconds);
        dialogue_.run([&](std::size_t client) { return next(client); }, "asking");
        report();
        crowd_.close();
    }

private:
    std::optional<Dialogue::Question> next(std::size_t client) {
        if (now_ns() >= end_) return std::nullopt;
        // The node is unsubscribed next, so that the store stays as it is.
        if (auto node = std::exchange(subscribed_[client], {}); !node.empty())
            return Dialogue::Question{
                5, pubsub(
                       options_, true,
                       "<unsubscribe node='" + node + "' jid='" + crowd_[client].jid() + "'/>"
                   )
            };
        const std::size_t kind = random_() % kinds.size();
        const std::string node = node_name(random_() % options_.nodes);
        return Dialogue::Question{kind == 5 ? 4 : kind, question(client, kind, node)};
    }

    std::string question(std::size_t client, std::size_t kind, const std::string& node) {
        constexpr const char* page = "<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>";
        switch (kind) {
            case 0:
                return disco(options_, "items", "", page + ("<after>" + node + "</after></set>"));
            case 1:
                return disco(options_, "info", node, "");
            case 2:
                return pubsub(options_, false, "<items node='" + node + "' max_items='10'/>");
            case 3:
                return publish(options_, node, published_++);
            case 4:
            case 5:
                subscribed_[client] = node;
                return subscribe(options_, node, crowd_[client].jid());
            case 6:
                return pubsub(options_, false, "<affiliations/>" + std::string(page) + "</set>");
            case 7:
                return pubsub(options_, false, "<subscriptions/>" + std::string(page) + "</set>");
            default:
                return pubsub(options_, false, "<subscriptions node='" + node + "'/>");
        }
    }

    void report() {
        if (all_.count() == 0) throw std::runtime_error("no answer within the measured time");
        Report report("mix", options_.name);
        report.number("nodes", static_cast<double>(options_.nodes))
            .number("per_second", static_cast<double>(all_.count()) / options_.seconds, 1)
            .number("p50_ms", all_.percentile_ms(50), 3)
            .number("p99_ms", all_.percentile_ms(99), 3)
            .number("max_ms", all_.max_ms(), 3);
        double worst = 0;
        for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
            report.number(
                kinds[kind] + std::string("_p99_ms"), latency_[kind].percentile_ms(99), 3
            );
            worst = std::max(worst, latency_[kind].percentile_ms(99));
        }
        report.number("worst_p99_ms", worst, 3).print();
    }

    const Options& options_;
    Crowd crowd_;
    Dialogue dialogue_;
    std::mt19937 random_{42};
    std::vector<std::string> subscribed_;   // by client: the node that it subscribed to just now
    std::size_t published_ = 0;
    std::uint64_t measured_from_ = 0, end_ = 0;
    std::array<Histogram, kinds.size()> latency_;
    Histogram all_;
};

}   // namespace

void run_fill(Bench& bench) { Filling(bench).run(); }
void run_mix(Bench& bench) { Mix(bench).run(); }

}   // namespace grid::bench
