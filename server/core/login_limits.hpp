// server/core/login_limits.hpp: how often a password may be guessed, for each account and each
// address.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace grid::server {

/// Attempts are counted before they are looked at, whether the account exists or not, and one that
/// succeeds is given back. Counts go back evenly over the window. Core strand.
class LoginLimits {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Bounds {
        std::uint32_t per_account = 0, per_source = 0;   // 0: no bound
        std::chrono::seconds window{300};
    };
    explicit LoginLimits(Bounds bounds) : bounds_(bounds) {}

    /// False: too many have failed lately. `source`: net::source_of an address.
    bool take(std::string_view account, std::string_view source, Time now);
    void give_back(std::string_view account, std::string_view source, Time now);

    /// At this number of names the one that was not tried for the longest time is forgotten.
    static constexpr std::size_t names_max = 50'000;
    std::size_t size() const { return by_name_.size(); }

private:
    struct Count {
        std::string name;
        double failures = 0;
        Time since;
    };
    using Counts = std::list<Count>;
    /// As of now. Null: nothing is counted, there is no bound.
    Count* find(char kind, std::string_view name, std::uint32_t max, Time now);

    Bounds bounds_;
    Counts counts_;   // the one that was tried last at the end
    std::unordered_map<std::string_view, Counts::iterator> by_name_;   // views into counts_
};

}   // namespace grid::server
