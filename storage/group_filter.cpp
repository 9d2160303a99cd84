// storage/group_filter.cpp: see group_filter.hpp.
#include "storage/group_filter.hpp"

#include <rocksdb/write_batch.h>

#include <string_view>

#include "storage/batch.hpp"
#include "storage/schema.hpp"

namespace grid::storage {
namespace {

/// Finds the number of the group that a write is of.
class GroupNumber final : public rocksdb::WriteBatch::Handler {
public:
    rocksdb::Status PutCF(
        std::uint32_t family, const rocksdb::Slice& key, const rocksdb::Slice& value
    ) override {
        if (family != static_cast<std::uint32_t>(Family::Control) ||
            std::string_view(key.data(), key.size()) != group_key)
            return rocksdb::Status::OK();
        const auto record = decode_record({value.data(), value.size()});
        const auto group = record ? decode_applied_group(record->value) : std::nullopt;
        if (group) number = group->number;
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(std::uint32_t /*family*/, const rocksdb::Slice& /*key*/) override {
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteRangeCF(
        std::uint32_t /*family*/, const rocksdb::Slice& /*from*/, const rocksdb::Slice& /*to*/
    ) override {
        return rocksdb::Status::OK();
    }

    std::uint64_t number = 0;
};

}   // namespace

rocksdb::WalFilter::WalProcessingOption GroupFilter::LogRecordFound(
    unsigned long long /*log_number*/,
    const std::string& /*log_file_name*/,
    const rocksdb::WriteBatch& batch,
    rocksdb::WriteBatch* /*new_batch*/,
    bool* /*batch_changed*/
) {
    GroupNumber found;
    if (!batch.Iterate(&found).ok()) return WalProcessingOption::kStopReplay;
    if (found.number == 0) return WalProcessingOption::kContinueProcessing;
    if (last_ != 0 && found.number != last_ + 1) return WalProcessingOption::kStopReplay;
    last_ = found.number;
    return WalProcessingOption::kContinueProcessing;
}

}   // namespace grid::storage
