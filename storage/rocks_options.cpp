// storage/rocks_options.cpp: see rocks_options.hpp.
#include "storage/rocks_options.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>

#include <array>
#include <cstdarg>
#include <cstdio>

namespace grid::storage {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr int write_buffers_per_family = 2;
/// More than can be written.
constexpr std::int64_t deleted_bytes_per_second = 256 * mebibyte;

struct FamilySize {
    const char* name;   // durable: DO NOT CHANGE
    std::size_t write_buffer_bytes;
    /// A key goes near the last one with the same beginning of so many bytes, where the search for
    /// its place starts then. 0: not so.
    std::size_t near_after_bytes;
};
/// One row per Family, in the order of the enum. An item that is trimmed while its payload is still
/// in the write buffer never reaches a table: on a busy server that is most of them.
constexpr std::array<FamilySize, family_count> family_sizes{{
    {"default", 4 * mebibyte, 0},
    {"index", 8 * mebibyte, 17},      // by node and epoch: not in order, but near to each other
    {"payload", 32 * mebibyte, 16},   // by node and epoch, then revision
    // By revision, but cut by ranges: RocksDB 7.8 has one memory of places for keys and ranges of
    // the same beginning, and takes a place in the one table for one in the other.
    {"audit", 4 * mebibyte, 0},
}};

/// RocksDB's log, written into ours. A log file of its own on the data volume would hit the full
/// disk together with the data, and Debian's build aborts the process then.
class LogBridge final : public rocksdb::Logger {
public:
    explicit LogBridge(LogSink sink)
        : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}

    void Logv(const char* format, va_list arguments) override {
        Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
    }
    void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
        if (!sink_ || level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL)
            return;
        std::array<char, 1024> line{};
        const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
        if (size <= 0) return;
        const bool is_error = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
        sink_(is_error ? LogLevel::Error : LogLevel::Warn, std::string("rocksdb: ") + line.data());
    }

private:
    LogSink sink_;
};

/// `point_reads`: keys are asked for singly, so a filter saves looking where a key is not.
rocksdb::BlockBasedTableOptions table_options(
    const std::shared_ptr<rocksdb::Cache>& cache, bool point_reads
) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    // Index and filter blocks count as cache, so that open files cost no memory beyond it.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.format_version = 5;
    if (point_reads) {
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        table.block_size = 4 * 1024;
    } else {
        table.block_size = 16 * 1024;
        // In parts, so that the index of a large archive need not fit into the cache.
        table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    }
    return table;
}

std::uint64_t sum_of_write_buffers() {
    std::uint64_t sum = 0;
    for (const FamilySize& family : family_sizes)
        sum += family.write_buffer_bytes * write_buffers_per_family;
    return sum;
}

}   // namespace

const std::uint64_t write_buffers_bytes = sum_of_write_buffers();

void ErrorListener::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
    failed_.store(true, std::memory_order_release);
    if (log_)
        log_(LogLevel::Error, "rocksdb failed and takes no more writes: " + error->ToString());
}

void ErrorListener::OnErrorRecoveryBegin(
    rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery
) {
    // Writes that resume by themselves would go on top of a group of unknown outcome.
    *auto_recovery = false;
}

rocksdb::DBOptions database_options(
    const LogSink& log, rocksdb::Env* env, std::shared_ptr<rocksdb::EventListener> listener
) {
    rocksdb::DBOptions options;
    options.env = env;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.info_log = std::make_shared<LogBridge>(log);
    options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    options.listeners.push_back(std::move(listener));
    options.max_bgerror_resume_count = 0;

    // Replays up to a torn end, wherever its pages went. That nothing acknowledged lies behind it
    // is what LogCheck has made sure of.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    // Start-up replays this much log at the most, which bounds its time.
    options.max_total_wal_size = 64 * mebibyte;
    // Replayed records are written to tables and synced before the first write. After a failed sync
    // the log may be readable only because it is still in the page cache: this makes it durable.
    options.avoid_flush_during_recovery = false;
    // The log has everything; a stop is quick and the next start replays it.
    options.avoid_flush_during_shutdown = true;

    // One thread writes, so RocksDB's own group commit would only spin.
    options.allow_concurrent_memtable_write = false;
    options.enable_write_thread_adaptive_yield = false;

    options.db_write_buffer_size = 40 * mebibyte;
    options.max_background_jobs = 2;
    options.max_manifest_file_size = 16 * mebibyte;
    // Tables trickle to disk instead of delaying a commit's sync, and so does the room of files
    // that are deleted: a volume that discards blocks is busy for 15 ms with those of a whole log.
    options.bytes_per_sync = mebibyte / 2;
    options.strict_bytes_per_sync = true;
    options.sst_file_manager.reset(rocksdb::NewSstFileManager(
        env, options.info_log, /*trash_dir=*/"", deleted_bytes_per_second,
        /*delete_existing_trash=*/true, /*status=*/nullptr, /*max_trash_db_ratio=*/1,
        /*bytes_max_delete_chunk=*/4 * mebibyte
    ));
    options.avoid_unnecessary_blocking_io = true;
    options.skip_stats_update_on_db_open = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_options() {
    const auto cache = rocksdb::NewLRUCache(block_cache_bytes, /*num_shard_bits=*/2);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (std::size_t i = 0; i < family_count; ++i) {
        const auto family = static_cast<Family>(i);
        const bool is_small = family == Family::Control || family == Family::Index;
        rocksdb::ColumnFamilyOptions options;
        options.write_buffer_size = family_sizes[i].write_buffer_bytes;
        options.max_write_buffer_number = write_buffers_per_family;
        options.arena_block_size = 256 * 1024;
        options.target_file_size_base = 32 * mebibyte;
        options.max_bytes_for_level_base = 128 * mebibyte;
        options.level_compaction_dynamic_level_bytes = true;
        // The newest level is not compressed: its records are read, merged and to a good part
        // dropped soon.
        options.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
        if (const std::size_t bytes = family_sizes[i].near_after_bytes; bytes != 0)
            options.memtable_insert_with_hint_prefix_extractor.reset(
                rocksdb::NewFixedPrefixTransform(bytes)
            );
        options.table_factory.reset(
            rocksdb::NewBlockBasedTableFactory(table_options(cache, is_small))
        );
        families.emplace_back(family_sizes[i].name, options);
    }
    return families;
}

}   // namespace grid::storage
