// server/cluster/link/hub_links.cpp: what links.hpp promises, made of a hub.
#include "server/cluster/links.hpp"

#include <utility>

#include "server/cluster/link/hub.hpp"
#include "server/pki/failure.hpp"

namespace grid::server::cluster {

Result<std::shared_ptr<Links>, std::string> make_links(
    boost::asio::io_context& context, LinksSettings settings, Log& log
) {
    auto tls = make_member_tls(settings);
    if (!tls) return pki::Failure{"cluster: " + tls.error()};
    auto listener = net::Listener::open(context, settings.listen);
    if (!listener) return pki::Failure{"listen.cluster: " + listener.error()};
    const auto hub = std::make_shared<LinksHub>(
        context, std::move(settings), std::move(*tls), std::move(*listener), log
    );
    // The links' own work holds the hub, until it is stopped.
    return std::shared_ptr<Links>(hub.get(), [hub](Links*) { hub->stop(); });
}

}   // namespace grid::server::cluster
