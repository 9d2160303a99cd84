// controller/bulk/quotas.hpp: how many transfers an account and the server have at once, and how
// many bytes an account moves in a window.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "controller/bulk/settings.hpp"

namespace grid::controller::bulk {

/// For a person: the account has moved as many bytes as it may, how many that is, and the option
/// that sets it.
std::string told_bytes_bound(const Settings& settings);

/// Not synchronized. `now` is in milliseconds of a clock that does not go back.
class Quotas {
public:
    /// Which bound is reached, and how.
    struct Refusal {
        std::string limit;   // the configuration's name
        std::string text;    // for a person: the bound, how much it is, and the option that sets it
        /// So many milliseconds until there is room again; nullopt: as soon as another one ends.
        std::optional<std::uint64_t> retry_ms;
    };

    explicit Quotas(const Settings& settings) : settings_(settings) {}

    /// One more transfer of the account, counted until `end`; or why there is none.
    std::optional<Refusal> begin(std::string_view account, std::uint64_t now);
    void end(std::string_view account, std::uint64_t now);
    /// The account has moved so many bytes. False: with them it has had more than it may in this
    /// window.
    bool take(std::string_view account, std::uint64_t bytes, std::uint64_t now);

    std::size_t running() const { return running_; }
    /// Accounts that are remembered: those with transfers, or with bytes in a window.
    std::size_t accounts() const { return accounts_.size(); }
    /// Forgets accounts whose window is over; looks at so many of them at most, in turns.
    void tidy(std::uint64_t now, std::size_t accounts_max);

private:
    struct Account {
        std::uint32_t running = 0;
        std::uint64_t bytes = 0, window_began = 0;
    };
    std::uint64_t window_ms() const { return std::uint64_t{settings_.window_seconds} * 1000; }
    void turn_over(Account& account, std::uint64_t now) const;

    Settings settings_;
    std::size_t running_ = 0;
    std::map<std::string, Account, std::less<>> accounts_;
    std::string tidied_to_;   // the account that was looked at last
};

}   // namespace grid::controller::bulk
