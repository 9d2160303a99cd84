// server/core/login_limits.cpp: see server/core/login_limits.hpp.
#include "server/core/login_limits.hpp"

#include <algorithm>

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

}   // namespace

LoginLimits::Count* LoginLimits::find(
    char kind, std::string_view name, std::uint32_t max, Time now
) {
    if (max == 0 || bounds_.window.count() == 0) return nullptr;
    const std::string key = to_key(kind, name);
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
    const double back = passed / bounds_.window * max;
    count.failures = std::max(0.0, count.failures - back);
    count.since = now;
    return &count;
}

bool LoginLimits::take(std::string_view account, std::string_view source, Time now) {
    Count* of_account = find('a', account, bounds_.per_account, now);
    Count* of_source = find('s', source, bounds_.per_source, now);
    if ((of_account != nullptr && of_account->failures + 1 > bounds_.per_account) ||
        (of_source != nullptr && of_source->failures + 1 > bounds_.per_source))
        return false;
    if (of_account != nullptr) ++of_account->failures;
    if (of_source != nullptr) ++of_source->failures;
    return true;
}

void LoginLimits::give_back(std::string_view account, std::string_view source, Time now) {
    for (Count* count :
         {find('a', account, bounds_.per_account, now), find('s', source, bounds_.per_source, now)})
        if (count != nullptr) count->failures = std::max(0.0, count->failures - 1);
}

}   // namespace grid::server
