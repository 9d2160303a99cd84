// controller/process_control.hpp: the controller's port to the process that it runs in.
#pragma once

#include <chrono>

namespace grid::controller {

/// Called on the core strand.
class ProcessControl {
public:
    virtual ~ProcessControl() = default;
    /// Ends the process in good order after that time, and starts it again where `restarts` says
    /// so. A later call replaces an earlier one.
    virtual void stop(bool restarts, std::chrono::seconds delay) = 0;
};

}   // namespace grid::controller
