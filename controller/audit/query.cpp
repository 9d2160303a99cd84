// controller/audit/query.cpp: a backward scan over the audit family with filters.
#include "controller/audit/query.hpp"

#include "controller/audit/place.hpp"

namespace grid::controller::audit {

namespace {

bool is_about(const Record& record, std::string_view account) {
    if (record.target == account) return true;
    const std::string_view actor = record.actor;
    return actor.starts_with(account) &&
           (actor.size() == account.size() || actor[account.size()] == '/');
}

bool fits(const Record& record, const Filter& filter) {
    if (filter.outcome && record.outcome != *filter.outcome) return false;
    if (!filter.topic.empty() && record.topic != filter.topic) return false;
    if (!filter.operation.empty() && record.operation != filter.operation) return false;
    return filter.account.empty() || is_about(record, filter.account);
}

}   // namespace

storage::Link link_in(std::string_view value) {
    const auto linked = is_linked(value) ? storage::split_link(value) : std::nullopt;
    return linked ? linked->link : storage::Link{};
}

bool is_cursor(std::string_view text) {
    return text.size() == 2 * key_bytes && storage::from_hex(text).has_value();
}

storage::Result<Page> search(const storage::Snapshot& snapshot, const Filter& filter) {
    std::string end = storage::from_hex(filter.after).value_or(std::string{});
    if (filter.to) {
        // Commit times never go back, so revisions are ordered by time.
        auto by_time =
            end_of(snapshot, [&](const Place& place) { return place.time <= *filter.to; });
        if (!by_time) return by_time.error();
        if (end.empty() || *by_time < end) end = std::move(*by_time);
    }
    Page page;
    std::size_t looked_at = 0;
    std::string last;
    const auto error = snapshot.scan(
        storage::Family::Audit, {}, end, true,
        [&](std::string_view key, const storage::Record& stored) {
            if (filter.from && stored.time < *filter.from) return false;
            // One more than fits tells that there is a next page.
            if (page.entries.size() == filter.max || looked_at == looked_at_max) {
                page.next = storage::to_hex(last);
                return false;
            }
            ++looked_at;
            last = key;
            auto record = decode(stored.value);
            if (record && fits(*record, filter))
                page.entries.push_back(
                    {storage::to_hex(key), stored.time, std::move(*record), link_in(stored.value)}
                );
            return true;
        }
    );
    if (error) return error;
    return page;
}

}   // namespace grid::controller::audit
