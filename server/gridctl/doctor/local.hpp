// server/gridctl/doctor/local.hpp: the configuration of the gridd of this machine, as it would
// start.
#pragma once

#include <string>
#include <vector>

#include "server/gridctl/options.hpp"
#include "server/process/options.hpp"

namespace grid::gridctl {

/// --config and --set of `doctor` and `cert check`.
struct LocalOptions {
    std::string file;
    std::vector<std::string> sets;
    bool is_given() const { return !file.empty() || !sets.empty(); }
};
void add_local_options(CLI::App& command, LocalOptions& given);

struct Local {
    server::AppOptions app;
    server::Config::Tls tls;   // as configured, or the files of the evaluation
    std::string file;          // that was read; empty: none, all is default
    std::string error;         // why it cannot be read; then `app` has defaults
    bool is_evaluation = false;
};
/// The given file, else /etc/gridd/gridd.toml where that is there.
Local read_local(const Options& options, const LocalOptions& given);

}   // namespace grid::gridctl
