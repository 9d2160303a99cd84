// server/cluster/etcd/guard.hpp: a coroutine that is begun again when an exception ends it.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <exception>
#include <memory>

#include "server/log.hpp"

namespace grid::server::cluster {

/// Runs `make()` on the context; memory may run out in it, and the process goes on.
template <class Make>
void keep_running(boost::asio::io_context& context, Log& log, Make make) {
    boost::asio::co_spawn(
        context, make(),
        [&context, &log, make](const std::exception_ptr& thrown) {
            if (!thrown) return;
            log.error("etcd_stumbled", {{"reason", "an exception"}});
            auto timer = std::make_shared<boost::asio::steady_timer>(context);
            timer->expires_after(std::chrono::seconds(1));
            timer->async_wait([&context, &log, make, timer](boost::system::error_code) {
                keep_running(context, log, make);
            });
        }
    );
}

}   // namespace grid::server::cluster
