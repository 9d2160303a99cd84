// server/guarded_run.hpp: the loop of a thread that drives connections.
#pragma once

#include <boost/asio.hpp>
#include <exception>

#include "server/log.hpp"

namespace grid::server {

/// Runs `context` to its end. An exception that comes out of a handler ended what that handler did,
/// and no more: it is logged and the loop goes on, for the sake of everybody else.
inline void run_guarded(boost::asio::io_context& context, Log& log) {
    while (true) {
        try {
            context.run();
            return;
        } catch (const std::exception& fault) {
            log.error("internal_fault", {{"reason", fault.what()}});
        } catch (...) {
            log.error("internal_fault", {{"reason", "an exception of an unknown kind"}});
        }
    }
}

}   // namespace grid::server
