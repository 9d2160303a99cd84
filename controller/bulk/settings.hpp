// controller/bulk/settings.hpp: the bounds of transfers of bulk data.
#pragma once

#include <cstddef>
#include <cstdint>

namespace grid::controller::bulk {

/// [bulk] in gridd.toml. 0 for a number of bytes: no bound.
struct Settings {
    std::uint32_t transfers_max = 256;   // at once, all accounts together
    std::uint32_t transfers_per_account_max = 16;
    /// Of one account within a window, which begins with its first byte.
    std::size_t bytes_per_account_max = 1024UL * 1024 * 1024 * 1024;
    std::uint32_t window_seconds = 24 * 3600;
    std::size_t bytes_per_second = 0;               // all accounts together
    std::size_t bytes_per_second_per_account = 0;   // of its transfers together
    /// A transfer that moves less than idle_bytes in so long ends.
    std::uint32_t idle_seconds_max = 60;
    std::uint32_t seconds_max = 24 * 3600;   // of one transfer
    std::uint32_t recent_max = 256;          // ended ones that are kept for `gridctl transfers`

    static constexpr std::uint64_t idle_bytes = 1024;
};

}   // namespace grid::controller::bulk
