// controller/audit/query.cpp: a backward scan over the audit family with filters.
#include "controller/audit/query.hpp"

#include "controller/audit/position.hpp"

namespace grid::controller::audit {

namespace {

/// How long after it happened a record may be committed: with the next second's, or when the
/// strangers' minute is over.
constexpr storage::Millis late_ms = 120'000;

/// The filter's values as records have them: long names are cut there.
struct Wanted {
    const Filter& filter;
    std::string account, topic;
};

bool is_about(const Record& record, std::string_view account) {
    const auto is_it = [&](std::string_view name) {
        return name.starts_with(account) &&
               (name.size() == account.size() || name[account.size()] == '/');
    };
    return is_it(record.target) || is_it(record.actor);
}

bool fits(const Entry& entry, const Wanted& wanted) {
    const Record& record = entry.record;
    const Filter& filter = wanted.filter;
    if (filter.from && entry.last < *filter.from) return false;
    if (filter.to && entry.time > *filter.to) return false;
    if (filter.outcome && record.outcome != *filter.outcome) return false;
    if (!wanted.topic.empty() && record.topic != wanted.topic && record.topic != filter.topic)
        return false;
    if (!filter.operation.empty() && record.operation != filter.operation) return false;
    return filter.account.empty() || is_about(record, wanted.account) ||
           is_about(record, filter.account);
}

}   // namespace

std::optional<Entry> entry_of(std::string_view key, const storage::Record& stored) {
    auto record = decode(stored.value);
    if (!record) return std::nullopt;
    const auto kept = decode_kept(stored.value);
    const storage::Millis written = kept ? kept->time : stored.time;
    Entry entry{storage::to_hex(key), written, written, std::move(*record), link_in(stored.value)};
    if (entry.record.first != 0) {
        entry.time = entry.record.first;
        entry.last = entry.record.last;
    }
    return entry;
}

bool is_cursor(std::string_view text) {
    return text.size() == 2 * key_bytes && storage::from_hex(text).has_value();
}

storage::Result<Page> search(const storage::Snapshot& snapshot, const Filter& filter) {
    const Places places(snapshot);
    const Wanted wanted{filter, cut_address(filter.account), cut(filter.topic)};
    std::string end = storage::from_hex(filter.after).value_or(std::string{});
    if (filter.to) {
        auto by_time = places.end_of({}, [&](const Place& place) {
            return place.time <= *filter.to + late_ms;
        });
        if (!by_time) return by_time.error();
        if (end.empty() || *by_time < end) end = std::move(*by_time);
    }
    Page page;
    std::size_t looked_at = 0;
    std::string last;
    const auto error = snapshot.scan(
        storage::Family::Audit, {}, end, true,
        [&](std::string_view key, const storage::Record& stored) {
            if (filter.from && places.place_of(key, stored).time < *filter.from) return false;
            auto entry = entry_of(key, stored);
            const bool is_shown = entry && fits(*entry, wanted);
            // A full page goes on to the next record that fits: without one there is no next page.
            const bool is_full = page.entries.size() == filter.max;
            if (looked_at == looked_at_max || (is_full && is_shown)) {
                page.next = storage::to_hex(last);
                return false;
            }
            ++looked_at;
            last = key;
            if (is_shown) page.entries.push_back(std::move(*entry));
            return true;
        }
    );
    if (error) return error;
    return page;
}

}   // namespace grid::controller::audit
