// tests/bench/floors/floor_etcd.cpp: the floor of publishing to a cluster: transactions of etcd.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "server/cluster/etcd.hpp"

// One transaction after another, as the leader of a cluster appends its groups, by the same client:
// a group of so many bytes and the head, compared with the one before. Every second what lies
// behind the last `kept` groups is trimmed.

namespace grid::bench {

namespace {

using Clock = std::chrono::steady_clock;

storage::LogGroup group_of(std::uint64_t revision, std::size_t bytes) {
    storage::LogGroup group;
    group.term = group.leader = 1;
    group.before = revision - 1;
    group.head = revision;
    storage::LogEntry entry;
    entry.revision = revision;
    // Bytes that no disk compresses.
    std::string value(bytes, '\0');
    std::uint64_t state = revision | 1;
    for (char& byte : value) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = static_cast<char>(state >> 56);
    }
    entry.batch.put(storage::Family::Payload, "floor", std::move(value));
    group.entries.push_back(std::move(entry));
    return group;
}

double percentile(std::vector<double>& sorted, double part) {
    const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
    return sorted[at];
}

int run(const std::string& endpoints, std::size_t bytes, int seconds, std::uint64_t kept) {
    server::Log quiet{server::LogSettings{"warn", "text"}};
    server::cluster::EtcdSettings settings;
    std::istringstream list(endpoints);
    for (std::string url; std::getline(list, url, ',');) settings.endpoints.push_back(url);
    settings.prefix = "floor";
    const auto log = server::cluster::make_etcd_log(settings, quiet);
    const auto found = log->head();
    if (!found) {
        std::fprintf(stderr, "floor_etcd: %s\n", found.error().message().c_str());
        return 1;
    }
    storage::LogHead head = *found;
    std::vector<double> waits;
    const auto began = Clock::now();
    auto trimmed = began;
    while (Clock::now() - began < std::chrono::seconds(seconds)) {
        const storage::LogGroup group = group_of(head.revision + 1, bytes);
        const auto before = Clock::now();
        const auto now = log->append(head, group);
        if (!now) {
            std::fprintf(stderr, "floor_etcd: %s\n", now.error().message().c_str());
            if (now.error() != storage::Errc::UnknownOutcome) return 1;
            continue;
        }
        head = *now;
        waits.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
        if (Clock::now() - trimmed < std::chrono::seconds(1) || head.groups <= kept) continue;
        trimmed = Clock::now();
        if (!log->trim(head.groups - kept)) std::fprintf(stderr, "floor_etcd: not trimmed\n");
    }
    if (waits.empty()) return 1;
    const double taken = std::chrono::duration<double>(Clock::now() - began).count();
    const auto count = static_cast<double>(waits.size());
    std::sort(waits.begin(), waits.end());
    std::printf(
        "{\"bytes\":%zu,\"per_second\":%.0f,\"mb_per_second\":%.2f,\"p50_ms\":%.2f,"
        "\"p99_ms\":%.2f}\n",
        bytes, count / taken, count * static_cast<double>(bytes) / taken / 1e6,
        percentile(waits, 0.5), percentile(waits, 0.99)
    );
    return 0;
}

}   // namespace

}   // namespace grid::bench

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "floor_etcd URL,URL,… BYTES SECONDS KEPT-GROUPS\n");
        return 2;
    }
    return grid::bench::run(
        argv[1], std::strtoul(argv[2], nullptr, 10), std::atoi(argv[3]),
        std::strtoul(argv[4], nullptr, 10)
    );
}
