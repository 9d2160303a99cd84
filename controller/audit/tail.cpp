// controller/audit/tail.cpp: a backward scan from the newest record to one that is known.
#include "controller/audit/tail.hpp"

#include <algorithm>

namespace grid::controller::audit {

namespace {

/// Numbers count up by one along the chain, whatever was cut.
std::optional<std::uint64_t> numbers_between(
    const storage::Link& before, const storage::Link& first
) {
    if (before.number == 0 || first.number <= before.number) return std::nullopt;
    return first.number - before.number - 1;
}

}   // namespace

storage::Result<Tail> read_tail(
    const storage::Snapshot& snapshot, const std::string& after, std::size_t max
) {
    Tail tail;
    const std::string known = storage::from_hex(after).value_or(std::string());
    std::size_t looked_at = 0;
    // The keys from `known` on include it, so that its number is read on the way.
    storage::Link before, first;
    bool is_there = false, has_more = false;
    const auto error = snapshot.scan(
        storage::Family::Audit, known, {}, true,
        [&](std::string_view key, const storage::Record& stored) {
            if (tail.last.empty()) tail.last = storage::to_hex(key);
            if (known.empty()) return false;
            if (key == known) {
                before = link_in(stored.value);
                is_there = true;
                return false;
            }
            if (looked_at == max) {
                has_more = true;
                return false;
            }
            ++looked_at;
            first = link_in(stored.value);
            if (auto entry = entry_of(key, stored)) tail.entries.push_back(std::move(*entry));
            return true;
        }
    );
    if (error) return error;
    std::ranges::reverse(tail.entries);
    if (has_more) {
        const auto value = snapshot.get(storage::Family::Audit, known);
        if (!value) return value.error();
        is_there = value->has_value();
        if (is_there) before = link_in((*value)->value);
    }
    const bool is_whole = is_there && !has_more;
    if (!known.empty() && !is_whole && !tail.entries.empty())
        tail.missed = numbers_between(before, first);
    return tail;
}

}   // namespace grid::controller::audit
