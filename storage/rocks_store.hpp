// storage/rocks_store.hpp: the store on RocksDB: one writer thread, one fsync per group of
// batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/errors.hpp"
#include "storage/rocks_settings.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// Opens or creates a store. An error is one of Corrupt, WrongSchema, Locked, NoSpace, Io; what
/// exactly is wrong and what to do about it goes to `log` in one line of level Error.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksSettings& settings);
/// Only to read, and changing nothing: what the files hold now, also while another process writes
/// them.
Result<std::unique_ptr<Snapshot>> open_rocks_snapshot(const RocksSettings& settings);

}   // namespace grid::storage
