// controller/policy/week.cpp: days and hours from text, and the arithmetic of the week.
#include "controller/policy/week.hpp"

#include <algorithm>
#include <array>

namespace grid::controller::policy {

namespace {

constexpr storage::Millis minute_ms = 60'000;
constexpr storage::Millis week_ms = week_minutes * minute_ms;
/// 1970-01-01 was a Thursday.
constexpr storage::Millis epoch_offset_ms = 3 * storage::Millis{day_minutes} * minute_ms;

constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu",
                                                    "fri", "sat", "sun"};

std::optional<unsigned> day_of(std::string_view name) {
    const auto found = std::ranges::find(day_names, name);
    if (found == day_names.end()) return std::nullopt;
    return static_cast<unsigned>(found - day_names.begin());
}

storage::Millis since_monday(storage::Millis time) {
    const storage::Millis rest = (time + epoch_offset_ms) % week_ms;
    return rest < 0 ? rest + week_ms : rest;
}

/// "HH:MM", with 24:00.
std::optional<std::uint32_t> parse_clock(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto digit = [&](std::size_t at) { return static_cast<std::uint32_t>(text[at] - '0'); };
    for (const std::size_t at : {0U, 1U, 3U, 4U})
        if (text[at] < '0' || text[at] > '9') return std::nullopt;
    const std::uint32_t hours = digit(0) * 10 + digit(1), minutes = digit(3) * 10 + digit(4);
    if (minutes > 59 || hours > 24 || (hours == 24 && minutes != 0)) return std::nullopt;
    return hours * 60 + minutes;
}

}   // namespace

std::uint32_t minute_of_week(storage::Millis time) {
    return static_cast<std::uint32_t>(since_monday(time) / minute_ms);
}

std::string to_week_text(std::uint32_t minute) {
    const auto two = [](std::uint32_t number) {
        return std::string(number < 10 ? "0" : "") + std::to_string(number);
    };
    const std::uint32_t of_day = minute % day_minutes;
    return std::string(day_names.at(minute / day_minutes % 7)) + " " + two(of_day / 60) + ":" +
           two(of_day % 60);
}

bool is_within(const std::vector<Window>& windows, std::uint32_t minute) {
    return std::ranges::any_of(windows, [minute](const Window& window) {
        return window.from <= minute && minute < window.to;
    });
}

std::optional<std::uint8_t> parse_days(std::string_view text) {
    if (text == "daily") return std::uint8_t{0x7f};
    const std::size_t dash = text.find('-');
    const auto first = day_of(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_of(text.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    std::uint8_t days = 0;
    for (unsigned day = *first;; day = (day + 1) % 7) {
        days = static_cast<std::uint8_t>(days | 1U << day);
        if (day == *last) return days;
    }
}

std::optional<Hours> parse_hours(std::string_view text, std::string& error) {
    const std::size_t dash = text.find('-');
    const auto from = parse_clock(text.substr(0, dash));
    const auto to =
        dash == std::string_view::npos ? std::nullopt : parse_clock(text.substr(dash + 1));
    if (!from || !to || *from == day_minutes) {
        error = "hours as 08:00-17:30 (UTC)";
        return std::nullopt;
    }
    if (*from == *to) {
        error = "hours that are not empty (the whole day is 00:00-24:00)";
        return std::nullopt;
    }
    return Hours{*from, *to};
}

void add_windows(std::uint8_t days, Hours hours, std::vector<Window>& to) {
    for (std::uint32_t day = 0; day < 7; ++day) {
        if ((days >> day & 1U) == 0) continue;
        const std::uint32_t from = day * day_minutes + hours.from;
        const std::uint32_t length =
            hours.to > hours.from ? hours.to - hours.from : hours.to + day_minutes - hours.from;
        to.push_back({from, std::min(from + length, week_minutes)});
        if (from + length > week_minutes) to.push_back({0, from + length - week_minutes});
    }
}

std::vector<std::uint32_t> boundaries(std::vector<Window> windows) {
    std::vector<std::uint32_t> all;
    for (const Window& window : windows) {
        all.push_back(window.from);
        all.push_back(window.to % week_minutes);
    }
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::optional<storage::Millis> next_boundary(
    const std::vector<std::uint32_t>& boundaries, storage::Millis time
) {
    if (boundaries.empty()) return std::nullopt;
    const storage::Millis within = since_monday(time);
    const storage::Millis monday = time - within;
    const auto next = std::ranges::upper_bound(boundaries, within, {}, [](std::uint32_t minute) {
        return minute * minute_ms;
    });
    if (next != boundaries.end()) return monday + *next * minute_ms;
    return monday + week_ms + boundaries.front() * minute_ms;
}

}   // namespace grid::controller::policy
