// storage/group_filter.hpp: ends the replay of a member's own log where a group of the cluster's
// log is missing in it.
#pragma once

#include <rocksdb/wal_filter.h>

#include <cstdint>
#include <string>

namespace grid::storage {

/// A member's writes are not synced one by one, so that after a loss of power a page in the middle
/// of the log may be zeros, over which RocksDB goes in silence. Groups are numbered without holes:
/// what does not go on from the group before is not replayed, nor anything behind it.
class GroupFilter final : public rocksdb::WalFilter {
public:
    const char* Name() const override { return "GriddGroupFilter"; }
    WalProcessingOption LogRecordFound(
        unsigned long long log_number,
        const std::string& log_file_name,
        const rocksdb::WriteBatch& batch,
        rocksdb::WriteBatch* new_batch,
        bool* batch_changed
    ) override;

private:
    std::uint64_t last_ = 0;   // 0: none was replayed yet
};

}   // namespace grid::storage
