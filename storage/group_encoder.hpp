// storage/group_encoder.hpp: turns a decided group into the write that makes it durable.
#pragma once

#include <rocksdb/write_batch.h>

#include <vector>

#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
#include "storage/log_group.hpp"
#include "storage/rocks_database.hpp"
#include "storage/store.hpp"

namespace grid::storage {

class GroupEncoder {
public:
    /// Begins with the head, link and clock steps that were read from the files.
    void resume(Revision head, const Link& link, const ClockSteps& steps);
    /// The write for `entries`, the last of which has got revision `head`; nothing when nothing has
    /// to be written. Valid until the next call.
    rocksdb::WriteBatch* encode(
        const std::vector<FeedEntry>& entries,
        const RocksDatabase& database,
        Revision head,
        Millis time,
        const Link& link,
        const ClockSteps& steps
    );

    /// The write for the group `applied` of a cluster's log, with `facts` but for its entries. Its
    /// number and the head are always in it, so that a crash sets neither back, and that all
    /// members have the same bytes. A store that is new takes over the `header` when there is one.
    rocksdb::WriteBatch* encode_logged(
        const std::vector<FeedEntry>& entries,
        const RocksDatabase& database,
        const LogGroup& facts,
        const AppliedGroup& applied,
        const Header* header
    );

private:
    enum class Found { Nothing, Volatile, Durable };

    Found put_batches(const std::vector<FeedEntry>& entries, const RocksDatabase& database);
    void put(const Committed& committed, const RocksDatabase& database);
    /// The chain and the steps are in the same write as what they count, so no crash can set them
    /// back.
    void put_changed_heads(
        const RocksDatabase& database,
        Revision head,
        Millis time,
        const Link& link,
        const ClockSteps& steps
    );
    void put_own(
        const RocksDatabase& database,
        std::string_view key,
        const std::string& stamp,
        const std::string& value = {}
    );

    rocksdb::WriteBatch batch_;
    Revision given_ = 0;   // revisions up to it are on disk as given out
    Link link_;            // that is on disk
    ClockSteps steps_;     // the same
};

}   // namespace grid::storage
