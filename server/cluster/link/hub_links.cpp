// server/cluster/link/hub_links.cpp: makes the links that links.hpp promises.
#include "server/cluster/links.hpp"

#include <stdexcept>
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
    std::unique_ptr<tls::CrlWatch> crls;
    try {
        crls = std::make_unique<tls::CrlWatch>(settings.crl, log);
    } catch (const std::runtime_error& unreadable) {
        return pki::Failure{unreadable.what()};
    }
    const auto hub = std::make_shared<LinksHub>(
        context, std::move(settings), std::move(*tls), std::move(*listener), std::move(crls), log
    );
    // The links' own work holds the hub, until it is stopped.
    return std::shared_ptr<Links>(hub.get(), [hub](Links*) { hub->stop(); });
}

}   // namespace grid::server::cluster
