// controller/audit/query.cpp: a backward scan over the audit family with filters.
#include "controller/audit/query.hpp"

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
    std::string text;
    for (char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::string from_hex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(digits.find(text[i]) * 16 + digits.find(text[i + 1]));
    return bytes;
}

std::string key_of(storage::Revision revision) { return storage::Encoder().u64(revision).take(); }

struct Seen {
    storage::Revision revision = 0;
    storage::Millis time = 0;
};
storage::Result<std::optional<Seen>> first_in(
    const storage::Snapshot& snapshot, const std::string& from, bool reverse
) {
    std::optional<Seen> seen;
    const auto error = snapshot.scan(
        storage::Family::Audit, from, {}, reverse,
        [&](std::string_view key, const storage::Record& record) {
            seen = Seen{storage::Decoder(key).u64(), record.time};
            return false;
        }
    );
    if (error) return error;
    return seen;
}

/// The key behind the last record committed at or before `time`. Commit times never go back, so
/// revisions are ordered by time and a binary search finds it.
storage::Result<std::string> end_of(const storage::Snapshot& snapshot, storage::Millis time) {
    const auto newest = first_in(snapshot, {}, true);
    if (!newest) return newest.error();
    if (!*newest) return std::string{};
    storage::Revision low = 0, high = (*newest)->revision + 1;
    while (low < high) {
        const storage::Revision middle = low + (high - low) / 2;
        const auto seen = first_in(snapshot, key_of(middle), false);
        if (!seen) return seen.error();
        if (*seen && (*seen)->time <= time)
            low = (*seen)->revision + 1;
        else
            high = middle;
    }
    return key_of(low);
}

bool is_about(const Record& record, std::string_view account) {
    if (record.target == account) return true;
    const std::string_view actor = record.actor;
    return actor.starts_with(account) &&
           (actor.size() == account.size() || actor[account.size()] == '/');
}

bool fits(const Record& record, const Filter& filter) {
    if (filter.outcome && record.outcome != *filter.outcome) return false;
    if (!filter.topic.empty() && record.topic != filter.topic) return false;
    return filter.account.empty() || is_about(record, filter.account);
}

}   // namespace

bool is_cursor(std::string_view text) {
    return text.size() == 2 * key_bytes && text.find_first_not_of(digits) == std::string_view::npos;
}

storage::Result<Page> search(const storage::Snapshot& snapshot, const Filter& filter) {
    std::string end = filter.after.empty() ? std::string{} : from_hex(filter.after);
    if (filter.to) {
        auto by_time = end_of(snapshot, *filter.to);
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
                page.next = to_hex(last);
                return false;
            }
            ++looked_at;
            last = key;
            auto record = decode(stored.value);
            if (record && fits(*record, filter))
                page.entries.push_back({to_hex(key), stored.time, std::move(*record)});
            return true;
        }
    );
    if (error) return error;
    return page;
}

}   // namespace grid::controller::audit
