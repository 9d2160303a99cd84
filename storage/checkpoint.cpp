// storage/checkpoint.cpp: see checkpoint.hpp.
#include "storage/checkpoint.hpp"

#include <algorithm>

#include "storage/rocks_database.hpp"

namespace grid::storage {
namespace {

RocksSettings quiet(RocksSettings settings) {
    if (!settings.log) settings.log = [](LogLevel, std::string_view) {};
    return settings;
}

CheckpointFacts facts_of(const RocksDatabase& database) {
    const Header& header = database.header();
    return {header.store_id, header.epoch,    header.schema,
            database.head(), database.time(), database.link()};
}

}   // namespace

Result<CheckpointFacts> look_at_checkpoint(
    const RocksSettings& settings, const std::function<void(const Snapshot&)>& look
) {
    const auto database = RocksDatabase::open(quiet(settings), RocksDatabase::Mode::ReadOnly);
    if (!database) return database.error();
    if (look) look(*(*database)->snapshot());
    return facts_of(**database);
}

Result<CheckpointFacts> begin_epoch(const RocksSettings& settings, Millis now) {
    const auto database = RocksDatabase::open(quiet(settings));
    if (!database) return database.error();
    const CheckpointFacts before = facts_of(**database);
    const auto age = static_cast<Revision>(std::max<Millis>(now - before.time, 0));
    const Revision head = before.revision + epoch_gap + age * revisions_per_milli_max;
    if (auto error = (*database)->begin_epoch(head)) return error;
    (*database)->close();
    return before;
}

}   // namespace grid::storage
