// tests/bench/load/mode_fanout.cpp: publishers to subscribers; every delivery is checked.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "load/crowd.hpp"
#include "load/filters.hpp"
#include "load/ledger.hpp"
#include "load/modes.hpp"
#include "load/report.hpp"
#include "load/workload.hpp"

namespace grid::bench {

namespace {

constexpr std::size_t ring = 4096;   // publishes of one publisher that can be told apart

class FanOut {
public:
    explicit FanOut(Bench& bench)
        : bench_(bench),
          options_(bench.options),
          publishers_(
              bench,
              options_.raw ? "P"
              : has_nodes_ ? "pub"
                           : "",
              0
          ),
          subscribers_(
              bench,
              options_.raw ? "S"
              : has_nodes_ ? "sub"
                           : node_,
              options_.publishers
          ),
          holders_(bench, "hold", options_.publishers + options_.subscribers),
          ledger_(options_.publishers, options_.subscribers),
          sent_(options_.publishers),
          slots_(options_.publishers * ring),
          meter_(options_.server_pid) {}

    void run() {
        set_up();
        options_.publishes > 0 ? publish_count() : publish_seconds();
        drain();
        report();
        if (has_nodes_)
            publishers_.ask_one_by_one(1, [&](const Client&) {
                return delete_node(options_, node_);
            });
        holders_.close();
        subscribers_.close();
        publishers_.close();
        if (ledger_.lost(sent_) + ledger_.late() > 0)
            throw std::runtime_error(
                std::to_string(ledger_.lost(sent_)) + " deliveries lost, " +
                std::to_string(ledger_.late()) + " out of order or twice"
            );
    }

private:
    // One publish under way: how many deliveries and acknowledgements it still waits for.
    struct Slot {
        std::size_t awaited = 0;
        std::uint64_t sent_ns = 0;
    };

    void set_up();
    void publish_seconds();
    void publish_count();
    void turn_until(std::uint64_t end_ns);
    void begin_measuring();
    void end_measuring(std::uint64_t end_ns);
    void send_next(std::size_t publisher, std::uint64_t time_ns);
    bool may_send() const {
        return publishing_ && (options_.publishes == 0 || total_sent_ < options_.publishes);
    }
    void on_delivery(std::size_t subscriber, std::string_view stanza);
    void on_answer(std::size_t publisher, Client& client, std::string_view stanza);
    void settle(std::size_t publisher, Slot& slot, bool is_answer);
    bool is_complete() const {
        return ledger_.received() >= total_sent_ * options_.subscribers &&
               (!is_answered_ || acknowledged_ >= total_sent_);
    }
    void drain();
    void report();

    Bench& bench_;
    const Options& options_;
    const std::string node_ = fresh_node_name();
    const bool has_nodes_ = options_.is_xmpp();                  // else there is nothing to set up
    const bool is_answered_ = !options_.raw && !options_.nats;   // publishes are acknowledged
    Crowd publishers_;
    Crowd subscribers_;
    Crowd holders_;   // of filters that match nothing
    Ledger ledger_;
    std::vector<PublishRequest> requests_;
    std::vector<std::uint32_t> sent_;
    std::vector<Slot> slots_;   // by publisher, then sequence
    std::uint64_t total_sent_ = 0, acknowledged_ = 0, last_delivery_ns_ = 0;
    bool publishing_ = false, measuring_ = false;
    std::uint64_t rate_begin_ns_ = 0, rate_count_ = 0;

    Histogram latency_, answer_latency_;
    Meter meter_;
    double seconds_ = 0;
    std::uint64_t begin_ns_ = 0, received_before_ = 0, received_ = 0, rss_bytes_ = 0;
};

void FanOut::set_up() {
    publishers_.connect(options_.publishers);
    for (std::size_t i = 0; i < options_.publishers; ++i)
        requests_.emplace_back(options_, static_cast<std::uint32_t>(i), node_);
    if (has_nodes_)
        publishers_.ask_one_by_one(1, [&](const Client&) { return create_node(options_, node_); });
    if (!options_.subscribers_at.empty()) {
        bench_.wait(1);   // that member has the node, too
        bench_.address = parse_address(options_.subscribers_at);
    }
    subscribers_.connect(options_.subscribers);
    if (options_.filters > 0)
        put_filters(options_, node_, publishers_, subscribers_, holders_);
    else if (has_nodes_)
        subscribers_.ask([&](const Client& client) {
            return subscribe(options_, node_, options_.bare ? client.bare_jid() : client.jid());
        });
    subscribers_.on_other_stanza = [this](std::size_t number, Client&, std::string_view stanza) {
        on_delivery(number, stanza);
    };
    publishers_.on_other_stanza =
        [this](std::size_t number, Client& client, std::string_view stanza) {
            if (stanza.starts_with("<iq")) on_answer(number, client, stanza);
        };
}

void FanOut::send_next(std::size_t publisher, std::uint64_t time_ns) {
    const std::uint32_t sequence = sent_[publisher]++;
    Slot& slot = slots_[publisher * ring + sequence % ring];
    if (slot.awaited > 0 && options_.rate == 0)
        throw std::runtime_error("a publish is still under way after 4,096 later ones");
    const std::size_t deliveries =
        options_.window_delivered || !is_answered_ ? options_.subscribers : 0;
    slot = {deliveries + (is_answered_ ? 1 : 0), now_ns()};
    publishers_[publisher].send(requests_[publisher].stamped(sequence, time_ns));
    ++total_sent_;
}

void FanOut::settle(std::size_t publisher, Slot& slot, bool is_answer) {
    if (!is_answer && !options_.window_delivered && is_answered_) return;
    if (slot.awaited == 0 || --slot.awaited > 0) return;
    if (options_.rate == 0 && may_send()) send_next(publisher, now_ns());
}

void FanOut::on_delivery(std::size_t subscriber, std::string_view stanza) {
    const std::uint64_t now = now_ns();
    for_each_stamp(stanza, options_.bytes, [&](const Stamp& stamp) {
        ledger_.take(subscriber, stamp);
        last_delivery_ns_ = now;
        if (measuring_) latency_.record(now - stamp.time_ns);
        settle(stamp.publisher, slots_[stamp.publisher * ring + stamp.sequence % ring], false);
    });
}

void FanOut::on_answer(std::size_t publisher, Client& client, std::string_view stanza) {
    const std::uint32_t sequence = acknowledged(stanza, client.jid());
    Slot& slot = slots_[publisher * ring + sequence % ring];
    ++acknowledged_;
    if (measuring_) answer_latency_.record(now_ns() - slot.sent_ns);
    settle(publisher, slot, true);
}

void FanOut::begin_measuring() {
    received_before_ = ledger_.received();
    begin_ns_ = now_ns();
    meter_.start();
    measuring_ = true;
}

void FanOut::end_measuring(std::uint64_t end_ns) {
    measuring_ = false;
    seconds_ = seconds_between(begin_ns_, end_ns);
    received_ = ledger_.received() - received_before_;
    meter_.stop();
    rss_bytes_ = bench_.server_cost().rss_bytes;
}

// With --rate, publishes are due at fixed times and stamped with the time they were due, so that a
// server that stalls does not get the stall for nothing.
void FanOut::turn_until(std::uint64_t end_ns) {
    for (std::uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
        std::uint64_t wake = std::min(end_ns, now + to_ns(0.05));
        if (options_.rate > 0) {
            for (std::uint64_t due;
                 (due = rate_begin_ns_ + to_ns(static_cast<double>(rate_count_) / options_.rate)) <=
                 now;)
                send_next(rate_count_++ % options_.publishers, due);
            wake = std::min(
                wake, rate_begin_ns_ + to_ns(static_cast<double>(rate_count_) / options_.rate)
            );
        }
        bench_.turn(std::chrono::nanoseconds(wake > now ? wake - now : 0));
    }
}

void FanOut::publish_seconds() {
    bench_.doing("publishing");
    publishing_ = true;
    rate_begin_ns_ = now_ns();
    if (options_.rate == 0)
        for (std::size_t k = 0; k < options_.outstanding; ++k)
            for (std::size_t i = 0; i < options_.publishers; ++i) send_next(i, now_ns());
    turn_until(now_ns() + to_ns(options_.warmup));
    begin_measuring();
    turn_until(begin_ns_ + to_ns(options_.seconds));
    end_measuring(now_ns());
    publishing_ = false;
}

void FanOut::publish_count() {
    bench_.doing("publishing");
    publishing_ = true;
    begin_measuring();
    for (std::size_t k = 0; k < options_.outstanding; ++k)
        for (std::size_t i = 0; i < options_.publishers && may_send(); ++i) send_next(i, now_ns());
    const std::uint64_t end = now_ns() + to_ns(options_.seconds + options_.drain);
    while (!is_complete() && now_ns() < end) bench_.turn();
    end_measuring(last_delivery_ns_ > begin_ns_ ? last_delivery_ns_ : now_ns());
}

void FanOut::drain() {
    bench_.doing("waiting for the last deliveries");
    const std::uint64_t end = now_ns() + to_ns(options_.drain);
    while (!is_complete() && now_ns() < end) bench_.turn();
    const std::uint64_t quiet = now_ns() + to_ns(0.1);   // doubles would come now
    while (now_ns() < quiet) bench_.turn();
    if (is_answered_ && acknowledged_ < total_sent_)
        throw std::runtime_error(
            std::to_string(total_sent_ - acknowledged_) + " publishes unanswered"
        );
}

void FanOut::report() {
    const auto deliveries = static_cast<double>(received_);
    if (deliveries == 0) throw std::runtime_error("no answer within the measured time");
    Report report(options_.rate > 0 ? "fanout-rate" : "fanout", options_.name);
    report.number("publishers", static_cast<double>(options_.publishers))
        .number("subscribers", static_cast<double>(options_.subscribers))
        .number("filters", static_cast<double>(options_.filters))
        .number("outstanding", static_cast<double>(options_.outstanding))
        .number("bytes", static_cast<double>(options_.bytes))
        .text(
            "window", options_.rate > 0           ? "rate"
                      : options_.window_delivered ? "delivered"
                                                  : "acknowledged"
        )
        .number("persist", options_.persist ? 1 : 0)
        .number("per_second", deliveries / seconds_)
        .number(
            "publishes_per_second",
            deliveries / static_cast<double>(options_.subscribers) / seconds_, 1
        )
        .number("cpu_s_per_million", meter_.server_cpu() / deliveries * 1e6, 2)
        .number("p50_ms", latency_.percentile_ms(50), 3)
        .number("p99_ms", latency_.percentile_ms(99), 3)
        .number("max_ms", latency_.max_ms(), 3)
        .number("answer_p99_ms", answer_latency_.percentile_ms(99), 3)
        .number("lost", static_cast<double>(ledger_.lost(sent_)))
        .number("reordered", static_cast<double>(ledger_.late()))
        .number("deliveries", deliveries)
        .number("seconds", seconds_, 3)
        .number("server_cpu_percent", meter_.server_cpu() / seconds_ * 100, 1)
        .number("own_cpu_percent", meter_.own_cpu() / seconds_ * 100, 1)
        .number("own_cpu_us", meter_.own_cpu() / deliveries * 1e6, 2)
        .number("others_cpu_percent", meter_.others_percent(), 1)
        .number("rss_mib", static_cast<double>(rss_bytes_) / 1048576, 1)
        .print();
}

}   // namespace

void run_fanout(Bench& bench) { FanOut(bench).run(); }

}   // namespace grid::bench
