// server/process/open_store.hpp: the store of a data directory, as the configuration wants it.
#pragma once

#include <memory>
#include <string>

#include "server/log.hpp"
#include "server/process/options.hpp"
#include "storage/rocks_store.hpp"

namespace grid::server {

/// Makes the data directory where it is missing. The error is for the operator.
Result<storage::RocksSettings, std::string> store_settings(const AppOptions& options, Log& log);
/// Makes the directory and the store where they are missing. The error is for the operator.
Result<std::unique_ptr<storage::Store>, std::string> open_store(
    const AppOptions& options, Log& log
);
/// As it is on disk, also while a server runs on it; null: there is no store yet.
Result<std::unique_ptr<storage::Snapshot>, std::string> look_at_store(const AppOptions& options);

}   // namespace grid::server
