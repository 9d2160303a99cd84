// server/core/login_limits.hpp: how often a password may be guessed: of each account from each
// address, of each account, and from each address.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace grid::server {

/// Attempts are counted before they are looked at, whether the account exists or not, and one that
/// succeeds is given back. Counts go back evenly over the window. An account's attempts are counted
/// for each address, and all together more slowly: five times as many in five times the window, so
/// that one address alone never reaches that bound. Addresses from which the account has logged in
/// are not asked for it: guesses from elsewhere do not lock an account out where it is at home.
/// Core strand.
class LoginLimits {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Bounds {
        std::uint32_t per_account = 0;   // from one source; 0: no bound
        std::uint32_t per_source = 0;    // of all accounts; 0: no bound
        std::chrono::seconds window{300};
    };
    explicit LoginLimits(Bounds bounds) : bounds_(bounds) {}

    /// False: too many have failed lately. `source`: net::source_of an address.
    bool take(std::string_view account, std::string_view source, Time now);
    /// So long until one more is looked at; 0: it is now.
    std::chrono::seconds wait(std::string_view account, std::string_view source, Time now);
    /// The attempt has succeeded: the account is at home at that source.
    void give_back(std::string_view account, std::string_view source, Time now);

    /// At this number of names the one that was not tried for the longest time is forgotten.
    static constexpr std::size_t names_max = 50'000;
    std::size_t size() const { return by_name_.size(); }
    /// An account's bound from all sources, and the time over which that goes back.
    static constexpr std::uint32_t slower = 5;

private:
    struct Count {
        std::string name;
        double failures = 0;
        Time since;
    };
    using Counts = std::list<Count>;
    /// As of now. Null: nothing is counted, there is no bound.
    Count* find(char kind, std::string_view name, std::uint32_t max, Time now);
    /// All that an attempt counts for; null: not for that one.
    struct Found {
        Count *pair = nullptr, *account = nullptr, *source = nullptr;
    };
    Found find_all(std::string_view account, std::string_view source, Time now);

    Bounds bounds_;
    Counts counts_;   // the one that was tried last at the end
    std::unordered_map<std::string_view, Counts::iterator> by_name_;   // views into counts_
    // Pairs of account and source that have succeeded; the one that did last at the end. Of a list
    // of their own: attempts push none of them out.
    std::list<std::string> homes_;
    std::unordered_map<std::string_view, std::list<std::string>::iterator> by_home_;
};

/// For the one who is refused; at the least a second.
std::string try_again_in(std::chrono::seconds wait);

}   // namespace grid::server
