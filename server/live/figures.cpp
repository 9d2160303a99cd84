// server/live/figures.cpp: see figures.hpp.
#include "server/live/figures.hpp"

#include <boost/json.hpp>

#include "xml/datetime.hpp"

namespace grid::server::live {

namespace json = boost::json;

namespace {

json::value number_or_null(std::optional<double> value) {
    return value ? json::value(*value) : json::value(nullptr);
}

json::value rates_of(const Figures& now, const std::optional<Figures>& before) {
    if (!before || now.taken <= before->taken) return nullptr;
    const double seconds = std::chrono::duration<double>(now.taken - before->taken).count();
    const auto rate = [&](std::uint64_t Counts::* count) {
        return static_cast<double>(now.counts.*count - before->counts.*count) / seconds;
    };
    return json::object{
        {"published", rate(&Counts::published)},
        {"delivered", rate(&Counts::delivered)},
        {"stanzas_received", rate(&Counts::received)},
        {"stanzas_sent", rate(&Counts::sent)},
        {"logins", rate(&Counts::logins)},
        {"denied", rate(&Counts::denied)},
        {"refused", rate(&Counts::refused)},
        {"limited", rate(&Counts::limited)},
        {"commit_seconds_p99", number_or_null(quantile(before->commit, now.commit, 0.99))},
        {"fanout_seconds_p99", number_or_null(quantile(before->fan_out, now.fan_out, 0.99))},
        {"cpu", (now.cpu_seconds - before->cpu_seconds) / seconds}
    };
}

}   // namespace

std::optional<double> quantile(
    const DurationHistogram::Reading& before, const DurationHistogram::Reading& after, double share
) {
    double total = 0;
    for (std::size_t i = 0; i < after.counts.size(); ++i)
        total += static_cast<double>(after.counts[i] - before.counts[i]);
    if (total <= 0) return std::nullopt;
    double below = 0, low = 0;
    for (std::size_t i = 0; i < DurationHistogram::bounds.size(); ++i) {
        const auto here = static_cast<double>(after.counts[i] - before.counts[i]);
        const double high = DurationHistogram::bounds[i];
        if (here > 0 && below + here >= share * total)
            return low + (high - low) * (share * total - below) / here;
        below += here;
        low = high;
    }
    return low;
}

std::string state_json(const Figures& now, const std::optional<Figures>& before) {
    const json::object state{
        {"time", xml::to_datetime(now.time)},
        {"sessions", now.sessions},
        {"hibernating", now.hibernating},
        {"accounts",
         json::object{
             {"pending", now.accounts[0]},
             {"enabled", now.accounts[1]},
             {"disabled", now.accounts[2]}
         }},
        {"topics", now.topics},
        {"items", now.items},
        {"subscriptions", now.subscriptions},
        {"policy_version", now.policy_version},
        {"store_writable", now.is_writable},
        {"memory_bytes", now.resident_bytes},
        {"rates", rates_of(now, before)}
    };
    return json::serialize(state);
}

}   // namespace grid::server::live
