// server/cluster/etcd/survey.cpp: see survey.hpp.
#include "server/cluster/etcd/survey.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/values.hpp"

namespace grid::server::cluster {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

/// For the other endpoints, once one has answered.
constexpr auto others_within = std::chrono::milliseconds(500);
constexpr std::size_t names_most = 10;

std::string hex(std::uint64_t number) {
    char text[16];
    const auto [end, error] = std::to_chars(text, text + sizeof text, number, 16);
    return {text, end};
}

/// Answered by that etcd alone, without the others of its cluster.
json::object local_request(const std::string& prefix) {
    json::object request = range_request(EtcdKeys(prefix).head());
    request["serializable"] = true;
    request["keys_only"] = true;
    return request;
}

asio::awaitable<void> ask(
    EtcdClient& client, EtcdPlace& place, json::object request, EtcdClock::time_point until
) {
    const auto answer = co_await client.call("/v3/kv/range", std::move(request), until);
    const json::object* header = answer ? object_in(*answer, "header") : nullptr;
    if (header == nullptr) co_return;
    if (const auto id = number_in(*header, "cluster_id"); id != 0) place.cluster_id = hex(id);
}

/// The first key in [from, to); empty: there is none, or no answer.
std::string first_key(EtcdCaller& caller, const std::string& from, const std::string& to) {
    json::object request = range_request(from, to, 1);
    request["keys_only"] = true;
    const auto answer = caller.call("/v3/kv/range", std::move(request));
    const auto records = answer ? records_of(*answer) : std::nullopt;
    return records && !records->empty() ? records->front().key : std::string();
}

}   // namespace

std::vector<EtcdPlace> etcds_at(const EtcdSettings& settings) {
    Log quiet{LogSettings{"error", "text"}
    };   // an endpoint that is away is said by those who use it
    std::vector<EtcdPlace> places;
    for (const std::string& url : settings.endpoints) places.push_back({url, {}});
    const auto until = EtcdClock::now() + settings.timeout;
    asio::io_context context;
    std::vector<std::unique_ptr<EtcdClient>> clients;
    for (EtcdPlace& place : places) {
        EtcdSettings one = settings;
        one.endpoints = {place.url};
        clients.push_back(std::make_unique<EtcdClient>(context.get_executor(), one, quiet));
        asio::co_spawn(
            context, ask(*clients.back(), place, local_request(settings.prefix), until),
            asio::detached
        );
    }
    const auto has_answered = [](const EtcdPlace& place) { return !place.cluster_id.empty(); };
    context.run_for(others_within);
    if (std::ranges::none_of(places, has_answered)) context.run_until(until);
    std::erase_if(places, [&](const EtcdPlace& place) { return !has_answered(place); });
    return places;
}

std::string why_not_one_etcd(const std::vector<EtcdPlace>& places) {
    const auto is_other = [&](const EtcdPlace& place) {
        return place.cluster_id != places.front().cluster_id;
    };
    if (std::ranges::none_of(places, is_other)) return {};
    std::string all;
    for (const EtcdPlace& place : places)
        all += (all.empty() ? "" : ", ") + place.url + " of " + place.cluster_id;
    return "the endpoints are of different etcds (by their cluster ids: " + all +
           "): name the endpoints of one etcd alone, or members would not see each other";
}

std::vector<std::string> other_clusters(const EtcdSettings& settings, grid::server::Log& log) {
    EtcdCaller caller(settings, log);
    const std::string head = EtcdKeys(settings.prefix).head();
    const std::string root = "/gridd/", end = "/gridd0";   // '0' follows '/'
    std::vector<std::string> names;
    if (!first_key(caller, head, head + '\0').empty()) return names;
    for (std::string from = root; names.size() < names_most;) {
        const std::string key = first_key(caller, from, end);
        const auto slash = key.find('/', root.size());
        if (!key.starts_with(root) || slash == std::string::npos) break;
        const std::string name = key.substr(root.size(), slash - root.size());
        if (name != settings.prefix) names.push_back(name);
        from = EtcdKeys(name).end();
    }
    return names;
}

}   // namespace grid::server::cluster
