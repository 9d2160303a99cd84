// storage/rocks_options.hpp: how RocksDB is set up: durable, small in memory, silent on disk.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <atomic>
#include <memory>
#include <vector>

#include "storage/batch.hpp"
#include "storage/rocks_settings.hpp"

namespace grid::storage {

/// All write buffers at their largest, each family with one being filled and one being flushed.
extern const std::uint64_t write_buffers_bytes;
/// Block cache: data, index and filter blocks of all families.
inline constexpr std::size_t block_cache_bytes = 16 * 1024 * 1024;

/// Hears of RocksDB's background errors, and keeps it from recovering on its own.
class ErrorListener final : public rocksdb::EventListener {
public:
    explicit ErrorListener(LogSink log) : log_(std::move(log)) {}
    bool failed() const { return failed_.load(std::memory_order_acquire); }

    void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
    void OnErrorRecoveryBegin(
        rocksdb::BackgroundErrorReason reason, rocksdb::Status error, bool* auto_recovery
    ) override;

private:
    LogSink log_;
    std::atomic<bool> failed_ = false;
};

rocksdb::DBOptions database_options(
    const LogSink& log, rocksdb::Env* env, std::shared_ptr<rocksdb::EventListener> listener
);
/// One per Family, in the order of the enum. The first is RocksDB's "default".
std::vector<rocksdb::ColumnFamilyDescriptor> family_options();

}   // namespace grid::storage
