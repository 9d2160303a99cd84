// controller/audit/position.cpp: see controller/audit/position.hpp.
#include "controller/audit/position.hpp"

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/schema.hpp"

namespace grid::controller::audit {

std::string key_of(storage::Revision revision) { return storage::Encoder().u64(revision).take(); }

storage::Revision revision_of(std::string_view key) { return storage::Decoder(key).u64(); }

storage::Link link_in(std::string_view value) {
    if (const auto kept = decode_kept(value)) return link_in(kept->original);
    const auto linked = is_linked(value) ? storage::split_link(value) : std::nullopt;
    return linked ? linked->link : storage::Link{};
}

Places::Places(const storage::Snapshot& snapshot) : snapshot_(snapshot) {
    // Without it times are read as they were written.
    const auto stored = snapshot.get(storage::Family::Control, storage::steps_key);
    if (stored && *stored)
        if (auto steps = storage::decode_clock_steps((*stored)->value)) steps_ = std::move(*steps);
}

Place Places::place_of(std::string_view key, const storage::Record& stored) const {
    const auto kept = decode_kept(stored.value);
    const storage::Millis written = kept ? kept->time : stored.time;
    return {std::string(key), steps_.read(revision_of(key), written), link_in(stored.value)};
}

storage::Result<std::optional<Place>> Places::neighbour(const std::string& from, bool reverse)
    const {
    std::optional<Place> found;
    const auto error = snapshot_.scan(
        storage::Family::Audit, reverse ? std::string_view{} : std::string_view(from),
        reverse ? std::string_view(from) : std::string_view{}, reverse,
        [&](std::string_view key, const storage::Record& stored) {
            found = place_of(key, stored);
            return false;
        }
    );
    if (error) return error;
    return found;
}

storage::Result<std::string> Places::end_of(
    const std::string& from, const std::function<bool(const Place&)>& is_before
) const {
    const auto oldest = neighbour(from, false);
    if (!oldest) return oldest.error();
    const auto newest = neighbour({}, true);
    if (!newest) return newest.error();
    if (!*oldest || !*newest) return std::string{};
    storage::Revision low = revision_of((*oldest)->key);
    storage::Revision high = revision_of((*newest)->key) + 1;
    while (low < high) {
        const storage::Revision middle = low + (high - low) / 2;
        const auto seen = neighbour(key_of(middle), false);
        if (!seen) return seen.error();
        if (*seen && is_before(**seen))
            low = revision_of((*seen)->key) + 1;
        else
            high = middle;
    }
    return key_of(low);
}

}   // namespace grid::controller::audit
