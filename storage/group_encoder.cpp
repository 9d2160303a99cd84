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

void GroupEncoder::resume(Revision head, const Link& link, const ClockSteps& steps) {
    steps_ = steps;
    given_ = std::max(given_, head);
    link_ = link;
}

rocksdb::WriteBatch* GroupEncoder::encode(
    const std::vector<FeedEntry>& entries,
    const RocksDatabase& database,
    Revision head,
    Millis time,
    const Link& link,
    const ClockSteps& steps
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
    const auto mark = [&](std::string_view key, Revision revision, const std::string& value = {}) {
        batch_.Put(
            database.family(Family::Control), rocksdb::Slice(key.data(), key.size()),
            encode_stamp(revision, time) + value
        );
    };
    // The heads are in the same write as what they count, so no crash can set them back.
    if (link != link_) {
        mark(chain_key, head, storage::encode(link));
        link_ = link;
    }
    if (steps != steps_) {
        mark(steps_key, head, storage::encode(steps));
        steps_ = steps;
    }
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
    for (const Write& operation : committed.batch.operations) {
        auto* family = database.family(operation.family);
        const rocksdb::Slice key(operation.key);
        const rocksdb::Slice value[] = {stamp, operation.value};
        // The audit can only be appended to, and cut at its beginning (README.md).
        if (operation.erase && operation.family == Family::Audit)
            batch_.DeleteRange(
                family, operation.value.empty() ? std::string() : operation.value + '\0',
                operation.key + '\0'
            );
        else if (operation.erase)
            batch_.Delete(family, key);
        else
            batch_.Put(family, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(value, 2));
    }
}

}   // namespace grid::storage
