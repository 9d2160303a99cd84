// server/process/descriptors.hpp: how the process's open files are divided, so that connections
// never take those of the store.
#pragma once

#include <cstddef>
#include <string>

#include "server/config/config.hpp"
#include "xml/result.hpp"

namespace grid::server {

/// The limit of open files, raised to the hard one first where that is higher.
std::size_t raise_descriptor_limit();

struct DescriptorPlan {
    int store_files = 512;   // tables that the store keeps open
    std::string cut;         // the settings that were cut down, for the log; empty: none
};

/// The store's part and a reserve are set aside; the rest is divided among the connections of
/// clients, of HTTPS, of byte streams and questions to OCSP responders: `config` is cut down to it.
/// Probes, listeners, exporters and files that are read again are in the reserve. Too low a limit
/// is an error for the operator.
Result<DescriptorPlan, std::string> plan_descriptors(Config& config, std::size_t limit);

}   // namespace grid::server
