// server/guarded_run.hpp: a fault of the program ends the work that has it, and no more.
#pragma once

#include <boost/asio.hpp>
#include <exception>
#include <string>
#include <string_view>

#include "server/log.hpp"

namespace grid::server {

/// Runs `context` to its end. An exception that comes out of a handler ends only that handler's
/// work: it is logged and the loop goes on for the other connections.
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

/// One piece of work of a clock or a thread that must go on after an exception.
template <class Work>
void guarded(Log& log, std::string_view whose, Work work) {
    try {
        work();
    } catch (const std::exception& fault) {
        log.fold(
            Level::Error, "internal_fault", {{"in", std::string(whose)}, {"reason", fault.what()}}
        );
    }
}

}   // namespace grid::server
