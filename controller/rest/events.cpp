// controller/rest/events.cpp: reading the wish of a listener.
#include "controller/rest/events.hpp"

#include <algorithm>
#include <array>

#include "controller/audit/query.hpp"
#include "xml/percent.hpp"

namespace grid::controller::rest {

namespace {

/// By EventKind.
constexpr std::array<std::string_view, event_kind_count> kind_names{
    "state", "accounts", "sessions", "transfers", "audit"
};

/// The last value of that parameter, decoded; empty when there is none.
std::string value_in(std::string_view query, std::string_view name) {
    std::string value;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view part = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(part.find('='), part.size());
        if (xml::percent_decoded(part.substr(0, equals), true) != name) continue;
        value = xml::percent_decoded(part.substr(std::min(equals + 1, part.size())), true)
                    .value_or(std::string());
    }
    return value;
}

}   // namespace

Result<EventWish, std::string> parse_event_wish(std::string_view kinds, std::string_view after) {
    const auto wrong = [](std::string text) {
        return Result<EventWish, std::string>{boost::system::in_place_error, std::move(text)};
    };
    EventWish wish;
    if (kinds.empty()) wish.kinds.set();
    for (bool is_last = kinds.empty(); !is_last;) {
        const std::size_t end = std::min(kinds.find(','), kinds.size());
        const auto* found = std::ranges::find(kind_names, kinds.substr(0, end));
        if (found == kind_names.end())
            return wrong("kinds are state, accounts, sessions, transfers and audit, with commas");
        wish.kinds.set(static_cast<std::size_t>(found - kind_names.begin()));
        is_last = end == kinds.size();
        kinds.remove_prefix(std::min(end + 1, kinds.size()));
    }
    if (!after.empty() && !audit::is_cursor(after))
        return wrong("after, and Last-Event-ID, is the id of an audit record");
    wish.after = after;
    return wish;
}

Result<EventWish, std::string> parse_event_query(
    std::string_view query, std::string_view last_event_id
) {
    const std::string after = value_in(query, "after");
    return parse_event_wish(
        value_in(query, "kinds"), last_event_id.empty() ? std::string_view(after) : last_event_id
    );
}

}   // namespace grid::controller::rest
