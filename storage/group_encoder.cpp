// storage/group_encoder.cpp: see group_encoder.hpp.
#include "storage/group_encoder.hpp"

#include <algorithm>

#include "storage/schema.hpp"

namespace grid::storage {
namespace {

/// Volatile batches are not written. So that a crash does not make their revisions come again, so
/// many at a time are marked as given out.
constexpr Revision given_out_at_once = 64 * 1024;

}   // namespace

void GroupEncoder::resume(Revision head) { given_ = std::max(given_, head); }

rocksdb::WriteBatch* GroupEncoder::encode(
    const std::vector<FeedEntry>& entries, const RocksDatabase& database, Revision head, Millis time
) {
    batch_.Clear();
    bool is_durable = false, has_volatile = false;
    for (const FeedEntry& entry : entries) {
        const auto* committed = std::get_if<Committed>(&entry);
        if (committed == nullptr) continue;
        if (committed->batch.is_volatile) {
            has_volatile = true;
        } else {
            is_durable = true;
            put(*committed, database);
        }
    }
    const auto mark = [&](std::string_view key, Revision revision) {
        batch_.Put(
            database.family(Family::Control), rocksdb::Slice(key.data(), key.size()),
            encode_stamp(revision, time)
        );
    };
    // The head is in the same write as what it counts, so no crash can set it back.
    if (is_durable) {
        mark(head_key, head);
    } else if (has_volatile && head > given_) {
        given_ = head + given_out_at_once;
        mark(given_key, given_);
    }
    return batch_.Count() > 0 ? &batch_ : nullptr;
}

void GroupEncoder::put(const Committed& committed, const RocksDatabase& database) {
    const std::string stamp = encode_stamp(committed.revision, committed.time);
    for (const Operation& operation : committed.batch.operations) {
        auto* family = database.family(operation.family);
        const rocksdb::Slice key(operation.key);
        const rocksdb::Slice value[] = {stamp, operation.value};
        if (operation.erase)
            batch_.Delete(family, key);
        else
            batch_.Put(family, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(value, 2));
    }
}

}   // namespace grid::storage
