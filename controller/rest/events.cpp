// controller/rest/events.cpp: reading the wish of a listener.
#include "controller/rest/events.hpp"

#include <algorithm>
#include <array>

#include "controller/audit/query.hpp"
#include "controller/text/strict.hpp"

namespace grid::controller::rest {

namespace {

/// By EventKind.
constexpr std::array<std::string_view, event_kind_count> kind_names{
    "state", "accounts", "sessions", "transfers", "audit"
};

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
    const auto parameters = parse_parameters(query);
    if (!parameters) return {boost::system::in_place_error, parameters.error()};
    const auto value_of = [&](std::string_view name) {
        const auto found = parameters->find(name);
        return found == parameters->end() ? std::string_view() : std::string_view(found->second);
    };
    return parse_event_wish(
        value_of("kinds"), last_event_id.empty() ? value_of("after") : last_event_id
    );
}

}   // namespace grid::controller::rest
