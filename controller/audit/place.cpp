// controller/audit/place.cpp: see place.hpp.
#include "controller/audit/place.hpp"

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"

namespace grid::controller::audit {

std::string key_of(storage::Revision revision) { return storage::Encoder().u64(revision).take(); }

storage::Result<std::optional<Place>> neighbour(
    const storage::Snapshot& snapshot, const std::string& from, bool reverse
) {
    std::optional<Place> found;
    const auto error = snapshot.scan(
        storage::Family::Audit, reverse ? std::string_view{} : std::string_view(from),
        reverse ? std::string_view(from) : std::string_view{}, reverse,
        [&](std::string_view key, const storage::Record& record) {
            found = Place{std::string(key), record.time, {}};
            if (is_linked(record.value))
                if (const auto linked = storage::split_link(record.value))
                    found->link = linked->link;
            return false;
        }
    );
    if (error) return error;
    return found;
}

storage::Result<std::string> end_of(
    const storage::Snapshot& snapshot, const std::function<bool(const Place&)>& is_before
) {
    const auto oldest = neighbour(snapshot, {}, false);
    if (!oldest) return oldest.error();
    const auto newest = neighbour(snapshot, {}, true);
    if (!newest) return newest.error();
    if (!*oldest || !*newest) return std::string{};
    storage::Revision low = storage::Decoder((*oldest)->key).u64();
    storage::Revision high = storage::Decoder((*newest)->key).u64() + 1;
    while (low < high) {
        const storage::Revision middle = low + (high - low) / 2;
        const auto seen = neighbour(snapshot, key_of(middle), false);
        if (!seen) return seen.error();
        if (*seen && is_before(**seen))
            low = storage::Decoder((*seen)->key).u64() + 1;
        else
            high = middle;
    }
    return key_of(low);
}

}   // namespace grid::controller::audit
