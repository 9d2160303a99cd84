// controller/process_control.hpp: the controller's port to the process that it runs in.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pubsub/principal.hpp"

namespace grid::controller {

/// The outcome of a reload of configuration, certificates, revocation lists and policy.
struct ReloadReport {
    struct Remark {
        std::string where;   // FILE:LINE:COLUMN, FILE, --set KEY or a variable; empty: no place
        std::string text;
    };
    std::vector<Remark> mistakes;   // all of them; with any, everything stays as it was
    std::vector<Remark> warnings;
    std::vector<std::string> changed;         // certificates, revocation lists, policy, options
    std::vector<std::string> needs_restart;   // options that have another value than the process
    bool is_taken() const { return mistakes.empty(); }
};

class ProcessControl {
public:
    virtual ~ProcessControl() = default;
    /// Ends the process in good order after that time, and starts it again where `restarts` says
    /// so. A later call replaces an earlier one. Called on the core strand.
    virtual void stop(bool restarts, std::chrono::seconds delay) = 0;
    /// Reads files and waits for the store; puts the act on record itself, with what came of it.
    /// Never called on the core strand.
    virtual ReloadReport reload(const pubsub::Principal& by) = 0;
};

}   // namespace grid::controller
