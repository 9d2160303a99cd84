// controller/policy/week.hpp: time windows of a rule: minutes of the week, in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::controller::policy {

inline constexpr std::uint32_t day_minutes = 24 * 60;
inline constexpr std::uint32_t week_minutes = 7 * day_minutes;

/// From Monday 00:00 UTC on; the end is not in it. Never over the end of the week: then it is two.
struct Window {
    std::uint32_t from = 0, to = 0;   // 0 ≤ from < to ≤ week_minutes
    bool operator==(const Window&) const = default;
};

std::uint32_t minute_of_week(storage::Millis time);
/// "mon 08:30".
std::string to_week_text(std::uint32_t minute);
bool is_within(const std::vector<Window>& windows, std::uint32_t minute);
/// Bits 0 (Monday) to 6: "fri", or "mon-fri"; "sat-mon" goes over the end of the week; "daily".
std::optional<std::uint8_t> parse_days(std::string_view text);

/// Minutes of a day; `to` may be 24:00. When it is not after `from`, it is on the next day.
struct Hours {
    std::uint32_t from = 0, to = day_minutes;
};
/// "08:00-17:30", "22:00-06:00". `error` names the mistake.
std::optional<Hours> parse_hours(std::string_view text, std::string& error);
/// Adds the windows that begin on these days.
void add_windows(std::uint8_t days, Hours hours, std::vector<Window>& to);

/// Where windows open or close, ascending, each once.
std::vector<std::uint32_t> boundaries(std::vector<Window> windows);
/// The first instant after `time` at which one of them is reached; nothing without any.
std::optional<storage::Millis> next_boundary(
    const std::vector<std::uint32_t>& boundaries, storage::Millis time
);

}   // namespace grid::controller::policy
