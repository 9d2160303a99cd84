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
    const Found found = put_batches(entries, database);
    put_changed_heads(database, head, time, link, steps);
    if (found == Found::Durable) {
        put_own(database, head_key, encode_stamp(head, time));
    } else if (found == Found::Volatile && head > given_) {
        given_ = head + given_out_at_once;
        put_own(database, given_key, encode_stamp(given_, time));
    }
    return batch_.Count() > 0 ? &batch_ : nullptr;
}

rocksdb::WriteBatch* GroupEncoder::encode_logged(
    const std::vector<FeedEntry>& entries,
    const RocksDatabase& database,
    const LogGroup& facts,
    const AppliedGroup& applied,
    const Header* header
) {
    put_batches(entries, database);
    put_changed_heads(database, facts.head, facts.time, facts.link, facts.steps);
    const std::string stamp = encode_stamp(facts.head, facts.time);
    put_own(database, head_key, stamp);
    put_own(database, group_key, stamp, storage::encode(applied));
    if (header != nullptr)
        put_own(database, header_key, encode_stamp(0, 0), storage::encode(*header));
    return &batch_;
}

GroupEncoder::Found GroupEncoder::put_batches(
    const std::vector<FeedEntry>& entries, const RocksDatabase& database
) {
    batch_.Clear();
    Found found = Found::Nothing;
    for (const FeedEntry& entry : entries) {
        const auto* committed = std::get_if<Committed>(&entry);
        if (committed == nullptr) continue;
        const bool is_volatile = committed->batch.is_volatile;
        found = std::max(found, is_volatile ? Found::Volatile : Found::Durable);
        if (!is_volatile) put(*committed, database);
    }
    return found;
}

void GroupEncoder::put_changed_heads(
    const RocksDatabase& database,
    Revision head,
    Millis time,
    const Link& link,
    const ClockSteps& steps
) {
    if (link != link_)
        put_own(database, chain_key, encode_stamp(head, time), storage::encode(link));
    if (steps != steps_)
        put_own(database, steps_key, encode_stamp(head, time), storage::encode(steps));
    link_ = link;
    steps_ = steps;
}

void GroupEncoder::put_own(
    const RocksDatabase& database,
    std::string_view key,
    const std::string& stamp,
    const std::string& value
) {
    batch_.Put(
        database.family(Family::Control), rocksdb::Slice(key.data(), key.size()), stamp + value
    );
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
