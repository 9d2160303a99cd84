// server/process/startup_check.hpp: everything that can be known of a start beforehand: files,
// certificates, addresses, the data directory.
#pragma once

#include "server/config/check.hpp"
#include "server/process/options.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// The checks of --check and of a start: errors refuse the start. Changes nothing. The values of
/// the configuration were checked when it was read; their warnings are repeated here.
Findings check_startup(const AppOptions& options);

/// Findings of the store itself against a start: that it is an evaluation's.
Findings check_store(const storage::Snapshot& store, const AppOptions& options);

/// That the clock is behind what the store has: warnings, for --check.
Findings check_store_clock(const storage::Snapshot& store);

/// Findings about the files that are read anew while the server runs: certificates, revocation
/// lists, policy. `data`: the data directory, with the lists that were kept.
Findings check_reload(const Config& config, const std::filesystem::path& data);

}   // namespace grid::server
