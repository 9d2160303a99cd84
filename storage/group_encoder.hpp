// storage/group_encoder.hpp: turns a decided group into the write that makes it durable.
#pragma once

#include <rocksdb/write_batch.h>

#include <vector>

#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
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

private:
    void put(const Committed& committed, const RocksDatabase& database);

    rocksdb::WriteBatch batch_;
    Revision given_ = 0;   // revisions up to it are on disk as given out
    Link link_;            // that is on disk
    ClockSteps steps_;     // the same
};

}   // namespace grid::storage
