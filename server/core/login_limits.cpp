// server/core/login_limits.cpp: see server/core/login_limits.hpp.
#include "server/core/login_limits.hpp"

#include <algorithm>
#include <cmath>

namespace grid::server {

namespace {

// Longer names are told apart by their hash.
constexpr std::size_t name_bytes_max = 128;

std::string to_key(char kind, std::string_view name) {
    std::string key(1, kind);
    key += name.substr(0, name_bytes_max);
    if (name.size() > name_bytes_max)
        key += ' ' + std::to_string(std::hash<std::string_view>{}(name));
    return key;
}

std::string pair_of(std::string_view account, std::string_view source) {
    return to_key('p', account) + '\n' + std::string(source);
}

}   // namespace

LoginLimits::Count* LoginLimits::find(
    char kind, std::string_view name, std::uint32_t max, Time now
) {
    if (max == 0 || bounds_.window.count() == 0) return nullptr;
    const std::string key = kind == 'p' ? std::string(name) : to_key(kind, name);
    auto found = by_name_.find(key);
    if (found == by_name_.end()) {
        if (by_name_.size() >= names_max) {
            by_name_.erase(counts_.front().name);
            counts_.pop_front();
        }
        counts_.push_back({key, 0, now});
        found = by_name_.emplace(counts_.back().name, std::prev(counts_.end())).first;
    }
    counts_.splice(counts_.end(), counts_, found->second);
    Count& count = *found->second;
    const std::chrono::duration<double> passed = now - count.since;
    const auto window = kind == 'a' ? slower * bounds_.window : bounds_.window;
    const double back = passed / window * max;
    count.failures = std::max(0.0, count.failures - back);
    count.since = now;
    return &count;
}

LoginLimits::Found LoginLimits::find_all(
    std::string_view account, std::string_view source, Time now
) {
    const std::string pair = pair_of(account, source);
    Found found;
    found.pair = find('p', pair, bounds_.per_account, now);
    if (!by_home_.contains(pair))
        found.account = find('a', account, slower * bounds_.per_account, now);
    found.source = find('s', source, bounds_.per_source, now);
    return found;
}

bool LoginLimits::take(std::string_view account, std::string_view source, Time now) {
    const auto [pair, of_account, of_source] = find_all(account, source, now);
    const auto is_full = [](const Count* count, std::uint32_t max) {
        return count != nullptr && count->failures + 1 > max;
    };
    if (is_full(pair, bounds_.per_account) || is_full(of_account, slower * bounds_.per_account) ||
        is_full(of_source, bounds_.per_source))
        return false;
    for (Count* count : {pair, of_account, of_source})
        if (count != nullptr) ++count->failures;
    return true;
}

std::chrono::seconds LoginLimits::wait(
    std::string_view account, std::string_view source, Time now
) {
    const auto [pair, of_account, of_source] = find_all(account, source, now);
    const auto until_room = [](const Count* count, std::uint32_t max, std::chrono::seconds window) {
        if (count == nullptr) return 0.0;
        return (count->failures + 1 - max) * static_cast<double>(window.count()) / max;
    };
    const double seconds = std::max(
        {0.0, until_room(pair, bounds_.per_account, bounds_.window),
         until_room(of_account, slower * bounds_.per_account, slower * bounds_.window),
         until_room(of_source, bounds_.per_source, bounds_.window)}
    );
    return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(seconds)));
}

void LoginLimits::give_back(std::string_view account, std::string_view source, Time now) {
    const auto [pair, of_account, of_source] = find_all(account, source, now);
    for (Count* count : {pair, of_account, of_source})
        if (count != nullptr) count->failures = std::max(0.0, count->failures - 1);
    if (bounds_.per_account == 0) return;
    std::string home = pair_of(account, source);
    if (const auto at = by_home_.find(home); at != by_home_.end())
        return homes_.splice(homes_.end(), homes_, at->second);
    if (by_home_.size() >= names_max) {
        by_home_.erase(homes_.front());
        homes_.pop_front();
    }
    homes_.push_back(std::move(home));
    by_home_.emplace(homes_.back(), std::prev(homes_.end()));
}

std::string try_again_in(std::chrono::seconds wait) {
    return "try again in " + std::to_string(std::max<std::int64_t>(wait.count(), 1)) + " s";
}

}   // namespace grid::server
