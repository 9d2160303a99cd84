// server/process/descriptors.cpp: see descriptors.hpp.
#include "server/process/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "server/http/limits.hpp"
#include "server/net/entrance.hpp"

namespace grid::server {
namespace {

constexpr std::size_t limit_min = 192;
/// Beside its tables: logs, the manifest, directories, the tables that a compaction writes.
constexpr std::size_t store_more = 32;
/// Listeners, epoll, probes, the exporter, configuration that is read again, a resolver's sockets.
constexpr std::size_t reserve = 32 + 2 * http::probes_max;

template <class Number>
void cut_to(Number& value, std::size_t most, const char* key, std::string& cut) {
    if (value <= most) return;
    cut += (cut.empty() ? "" : ", ") + std::string(key) + " " + std::to_string(value) + " to " +
           std::to_string(most);
    value = static_cast<Number>(most);
}

/// With those that give way and are not closed yet, `most` connections take this many descriptors.
std::size_t with_leaving(std::size_t most) { return most + net::leaving_max(most); }

/// The most connections that fit into so many descriptors.
std::size_t fitting(std::size_t descriptors) {
    std::size_t most = descriptors;
    while (most > 1 && with_leaving(most) > descriptors) --most;
    return most;
}

/// Two connections and two pipes.
constexpr std::size_t files_per_transfer = 6;

/// Byte streams get an eighth, half of it for connections that wait. Returns what they may take.
std::size_t plan_bulk(Config& config, std::size_t left, std::string& cut) {
    const std::size_t most = std::max<std::size_t>(left / 8, 12);
    auto& waiting = config.bulk.waiting_max;
    auto& transfers = config.controller.bulk.transfers_max;
    cut_to(waiting, fitting(most / 2), "bulk.waiting_max", cut);
    cut_to(
        transfers, (most - with_leaving(waiting)) / files_per_transfer, "bulk.transfers_max", cut
    );
    return with_leaving(waiting) + files_per_transfer * transfers;
}

}   // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return limit_min;
    const rlimit wanted{limit.rlim_max, limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        limit.rlim_cur = limit.rlim_max;
    constexpr rlim_t most = 16 * 1024 * 1024;   // also where it is unlimited
    return static_cast<std::size_t>(std::min(limit.rlim_cur, most));
}

Result<DescriptorPlan, std::string> plan_descriptors(Config& config, std::size_t limit) {
    if (limit < limit_min)
        return {
            boost::system::in_place_error,
            "the limit of open files is " + std::to_string(limit) + ", gridd needs at least " +
                std::to_string(limit_min) + ": raise it (ulimit -n, LimitNOFILE, --ulimit nofile)"
        };
    DescriptorPlan plan;
    const std::size_t tables = std::clamp<std::size_t>(limit / 4, 48, 512);
    plan.store_files = static_cast<int>(tables);
    auto& limits = config.limits;
    std::size_t left = limit - tables - store_more - reserve;
    cut_to(
        config.tls.ocsp_questions_max, std::max<std::size_t>(left / 16, 4),
        "tls.ocsp_questions_max", plan.cut
    );
    left -= config.tls.ocsp_questions_max;
    // Where connections are cut down strangers have half of them at most.
    const std::size_t http = fitting(std::max<std::size_t>(left / 4, 8));
    if (limits.http_connections_max > http) {
        cut_to(limits.http_connections_max, http, "limits.http_connections_max", plan.cut);
        cut_to(limits.http_strangers_max, http / 2, "limits.http_strangers_max", plan.cut);
    }
    left -= with_leaving(limits.http_connections_max);
    if (!config.listen.socks5.empty())
        left -= plan_bulk(config, left, plan.cut);
    else if (config.controller.files.enabled)   // each has a file beside its connection
        left -= std::min<std::size_t>(config.controller.bulk.transfers_max, left / 8);
    const std::size_t clients = fitting(left);
    if (limits.connections_max > clients) {
        cut_to(limits.connections_max, clients, "limits.connections_max", plan.cut);
        cut_to(
            limits.pre_auth_connections_max, clients / 2, "limits.pre_auth_connections_max",
            plan.cut
        );
    }
    return plan;
}

}   // namespace grid::server
