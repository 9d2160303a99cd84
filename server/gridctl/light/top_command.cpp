// server/gridctl/light/top_command.cpp: `top`: what goes on, as rates, again and again.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;
using Steady = std::chrono::steady_clock;

constexpr std::size_t sessions_looked_at_max = 2'000, publishes_looked_at_max = 500;
constexpr std::string_view published = "gridd_broker_events_total{event=\"item_published\"}";

struct TopArguments {
    bool is_once = false;
    double seconds = 2;
    std::size_t rows = 10;
};

/// Counts of one account.
struct Traffic {
    double in = 0, out = 0;   // stanzas
    double queued = 0;        // bytes
    std::size_t sessions = 0;
};

/// The state of the server at one time. Counters only grow, but for a restart.
struct Sample {
    Steady::time_point at;
    json::object status;
    std::map<std::string, double, std::less<>> metrics;   // by name, and by name with labels
    struct Session {
        std::string account;
        double in = 0, out = 0, queued = 0;
    };
    std::map<std::string, Session> sessions;   // by id
    std::map<std::string, double> publishes;   // since the sample before, by topic
    std::string newest_publish;                // the record's id in the audit
    bool has_more_publishes = false;           // than were looked at

    double metric(std::string_view name) const {
        const auto found = metrics.find(name);
        return found == metrics.end() ? 0 : found->second;
    }
};

/// Most are whole: 12, not 1.2E1.
json::value neat(double number) {
    if (std::floor(number) == number && std::fabs(number) < 9e15)
        return static_cast<std::int64_t>(number);
    return number;
}

/// A cell for people.
std::string text_of(const json::value& value) {
    if (!value.is_double()) return to_cell(value);
    std::ostringstream out;
    out << std::fixed << std::setprecision(value.as_double() < 1 ? 3 : 1) << value.as_double();
    return out.str();
}

/// Prometheus' text: a line per sample, `name{labels} value`.
void read_metrics(const std::string& text, Sample& sample) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto blank = line.rfind(' ');
        if (line.empty() || line.front() == '#' || blank == std::string::npos) continue;
        const std::string key = line.substr(0, blank);
        const double value = std::strtod(line.c_str() + blank + 1, nullptr);
        sample.metrics[key.substr(0, key.find('{'))] += value;
        if (key.find('{') != std::string::npos) sample.metrics[key] = value;
    }
}

double number_of(const json::value& object, std::string_view name) {
    const auto* members = object.if_object();
    const auto* member = members == nullptr ? nullptr : members->if_contains(name);
    json::error_code error;
    const double number = member == nullptr ? 0 : member->to_number<double>(error);
    return error ? 0 : number;
}

void read_sessions(Client& client, Sample& sample) {
    const json::object list = list_all(client, "sessions", "sessions", {}, sessions_looked_at_max);
    for (const json::value& one : list.at("sessions").as_array()) {
        const std::string jid = cell_of(one, "jid");
        sample.sessions[cell_of(one, "id")] = {
            jid.substr(0, jid.find('/')), number_of(one, "stanzas_in"),
            number_of(one, "stanzas_out"), number_of(one, "outbox_bytes")
        };
    }
}

/// By the audit, which has each publish that was allowed.
void read_publishes(Client& client, const std::string& known, Sample& sample) {
    const json::object list = list_all(
        client, "audit", "records", {{"operation", "publish"}, {"decision", "allow"}},
        known.empty() ? 1 : publishes_looked_at_max
    );
    const json::array& records = list.at("records").as_array();
    sample.newest_publish = records.empty() ? known : cell_of(records.front(), "id");
    if (known.empty()) return;
    for (const json::value& record : records) {
        if (cell_of(record, "id") == known) return;
        sample.publishes[cell_of(record, "topic")] += number_of(record, "count");
    }
    sample.has_more_publishes = records.size() == publishes_looked_at_max;
}

Sample take_sample(Client& client, const std::string& known_publish) {
    Sample sample;
    sample.status = client.call("GET", "status");
    const Answer metrics = client.request("GET", "/metrics");
    if (metrics.status != 200)
        throw Failed(to_exit(metrics.status), "/metrics: HTTP " + std::to_string(metrics.status));
    read_metrics(metrics.body, sample);
    read_sessions(client, sample);
    read_publishes(client, known_publish, sample);
    sample.at = Steady::now();
    return sample;
}

/// Between two samples.
class Rates {
public:
    Rates(const Sample& before, const Sample& after)
        : before_(before),
          after_(after),
          seconds_(std::max(std::chrono::duration<double>(after.at - before.at).count(), 1e-3)) {}

    double of(std::string_view counter) const {
        return per_second(after_.metric(counter) - before_.metric(counter));
    }
    /// Mean of a histogram in milliseconds; null: there was nothing.
    json::value mean_ms(const std::string& histogram) const {
        const auto grown = [&](const std::string& name) {
            return after_.metric(name) - before_.metric(name);
        };
        const double count = grown(histogram + "_count");
        if (count <= 0) return nullptr;
        return neat(std::round(grown(histogram + "_sum") / count * 1e6) / 1e3);
    }
    std::map<std::string, Traffic> accounts() const {
        std::map<std::string, Traffic> all;
        for (const auto& [id, now] : after_.sessions) {
            Traffic& traffic = all[now.account];
            const auto then = before_.sessions.find(id);
            const bool is_new = then == before_.sessions.end();
            traffic.in += per_second(now.in - (is_new ? 0 : then->second.in));
            traffic.out += per_second(now.out - (is_new ? 0 : then->second.out));
            traffic.queued += now.queued;
            ++traffic.sessions;
        }
        return all;
    }
    std::map<std::string, double> topics() const {
        std::map<std::string, double> all;
        for (const auto& [topic, count] : after_.publishes) all[topic] = per_second(count);
        return all;
    }

private:
    double per_second(double count) const {
        return std::round(std::max(count, 0.0) / seconds_ * 10) / 10;
    }

    const Sample &before_, &after_;
    const double seconds_;
};

template <class Entry, class Weight>
std::vector<std::pair<std::string, Entry>> busiest(
    const std::map<std::string, Entry>& all, std::size_t rows, Weight weight
) {
    std::vector<std::pair<std::string, Entry>> sorted(all.begin(), all.end());
    std::ranges::sort(sorted, std::greater<>(), [&](const auto& one) {
        return weight(one.second);
    });
    if (sorted.size() > rows) sorted.resize(rows);
    return sorted;
}

json::object to_object(const Sample& before, const Sample& after, std::size_t rows) {
    const Rates rates(before, after);
    json::array topics, accounts;
    for (const auto& [topic, rate] : busiest(rates.topics(), rows, [](double r) { return r; }))
        topics.push_back(json::object{{"topic", topic}, {"publishes", neat(rate)}});
    const auto weight = [](const Traffic& traffic) { return traffic.in + traffic.out; };
    for (const auto& [account, traffic] : busiest(rates.accounts(), rows, weight))
        accounts.push_back(json::object{
            {"account", account},
            {"sessions", traffic.sessions},
            {"stanzas_in", neat(traffic.in)},
            {"stanzas_out", neat(traffic.out)},
            {"queued_bytes", neat(traffic.queued)}
        });
    const auto gauge = [&](const char* name) { return neat(after.metric(name)); };
    return {
        {"domain", after.status.at("domain")},
        {"version", after.status.at("version")},
        {"started", after.status.at("started")},
        {"writable", after.status.at("store").at("writable")},
        {"problems", after.status.at("problems")},
        {"sessions",
         json::object{
             {"all", gauge("gridd_sessions")},
             {"hibernating", gauge("gridd_sessions{transport=\"none\"}")},
             {"replaying", gauge("gridd_sessions_replaying")}
         }},
        {"per_second",
         json::object{
             {"publishes", neat(rates.of(published))},
             {"deliveries", neat(rates.of("gridd_items_delivered_total"))},
             {"stanzas_in", neat(rates.of("gridd_stanzas_received_total"))},
             {"stanzas_out", neat(rates.of("gridd_stanzas_sent_total"))},
             {"commits", neat(rates.of("gridd_store_commits_total"))},
             {"syncs", neat(rates.of("gridd_store_syncs_total"))},
             {"limit_hits", neat(rates.of("gridd_limit_hits_total"))}
         }},
        {"milliseconds",
         json::object{
             {"commit", rates.mean_ms("gridd_commit_seconds")},
             {"fan_out", rates.mean_ms("gridd_fanout_seconds")}
         }},
        {"queues",
         json::object{
             {"batches", gauge("gridd_batches_in_flight")},
             {"background", gauge("gridd_background_batches")},
             {"notifications", gauge("gridd_notifications_queued")},
             {"session_bytes", gauge("gridd_queued_bytes")},
             {"store_bytes", gauge("gridd_store_queued_bytes")},
             {"audit", gauge("gridd_audit_queued")}
         }},
        {"topics", std::move(topics)},
        {"topics_of_newest", after.has_more_publishes},
        {"accounts", std::move(accounts)}
    };
}

std::string row_of(const json::value& object, const std::string& title) {
    std::string out = title;
    for (const auto& [name, value] : object.as_object())
        out.append("  ").append(name).append(" ").append(text_of(value));
    return out + "\n";
}

std::string to_text(const json::object& top) {
    std::string out = cell_of(top, "domain") + "  gridd " + cell_of(top, "version") + "  since " +
                      cell_of(top, "started") +
                      (top.at("writable").as_bool() ? "" : "  THE STORE TAKES NO WRITES") + "\n";
    for (const json::value& problem : top.at("problems").as_array())
        out += "problem: " + to_cell(problem) + "\n";
    out += row_of(top.at("sessions"), "sessions    ");
    out += row_of(top.at("per_second"), "per second  ");
    out += row_of(top.at("milliseconds"), "milliseconds");
    out += row_of(top.at("queues"), "queues      ") + "\n";
    std::vector<Row> rows{{"TOPIC", "PUBLISHES/s"}};
    for (const json::value& one : top.at("topics").as_array())
        rows.push_back({cell_of(one, "topic"), text_of(one.at("publishes"))});
    out += layout(rows, terminal_width());
    if (top.at("topics_of_newest").as_bool())
        out += "(of the newest " + std::to_string(publishes_looked_at_max) + " publishes)\n";
    rows = {{"ACCOUNT", "SESSIONS", "IN/s", "OUT/s", "QUEUED"}};
    for (const json::value& one : top.at("accounts").as_array())
        rows.push_back(
            {cell_of(one, "account"), cell_of(one, "sessions"), text_of(one.at("stanzas_in")),
             text_of(one.at("stanzas_out")), text_of(one.at("queued_bytes"))}
        );
    return out + "\n" + layout(rows, terminal_width());
}

void top(const Options& options, const TopArguments& given) {
    constexpr const char* clear_screen = "\x1b[H\x1b[2J";
    const bool is_screen = ::isatty(STDOUT_FILENO) == 1 && !given.is_once && !options.json;
    Client client = connect_to(options);
    Sample before = take_sample(client, {});
    do {
        std::this_thread::sleep_for(std::chrono::duration<double>(given.seconds));
        Sample after = take_sample(client, before.newest_publish);
        const json::object shown = to_object(before, after, given.rows);
        if (options.json)
            print(json_line(shown));
        else
            print((is_screen ? clear_screen : "") + to_text(shown));
        before = std::move(after);
    } while (!given.is_once);
}

}   // namespace

void add_top_command(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<TopArguments>();
    CLI::App* showing = app.add_subcommand("top", "what goes on, as rates, until Ctrl-C");
    showing->add_flag("--once", given->is_once, "one look, after one interval");
    showing->add_option("--interval", given->seconds, "seconds between two looks")
        ->check(CLI::Range(0.2, 3600.0))
        ->capture_default_str();
    showing->add_option("--rows", given->rows, "of topics and of accounts")
        ->check(CLI::Range(1U, 500U))
        ->capture_default_str();
    showing->callback([&options, given] { top(options, *given); });
}

}   // namespace grid::gridctl
