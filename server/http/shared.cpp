// server/http/shared.cpp: see shared.hpp.
#include "server/http/shared.hpp"

#include <algorithm>
#include <memory>

namespace grid::server::http {

namespace {

/// Strangers are told from administrators only after TLS: no bound on them per source, since the
/// source with the most of them gives way.
net::Entrance::Bounds bounds_of(const Config::Limits& limits) {
    return {
        {limits.http_connections_max, "limits.http_connections_max"},
        {limits.http_per_address_max, "limits.http_per_address_max"},
        {limits.http_strangers_max, "limits.http_strangers_max"},
        {},
        net::leaving_max(limits.http_connections_max)
    };
}

}   // namespace

ServerShared::ServerShared(
    HttpBackend& to,
    SSL_CTX* context,
    const Config& settings,
    Log& lines,
    tls::Vetting& certificates
)
    : backend(to),
      tls(context),
      config(settings),
      log(lines),
      vetting(certificates),
      entrance(std::make_shared<net::Entrance>(bounds_of(settings.limits))) {
    const std::string& domain = config.domain;
    guard.hosts.push_back(domain);
    for (const char* service : {"pubsub.", "broker.", "controller.", "proxy.", "bulk."})
        guard.hosts.push_back(service + domain);
    for (std::string origin : config.http.allowed_origins) {
        std::ranges::transform(origin, origin.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        guard.origins.push_back(std::move(origin));
    }
    guard.has_sign_in = config.console.password_sign_in;
    guard.has_files = !config.http.static_dir.empty();
}

bool ServerShared::enter(Connection* connection) {
    const std::lock_guard lock(mutex);
    if (!is_closing) connections.insert(connection);
    return !is_closing;
}

void ServerShared::leave(Connection* connection) {
    const std::lock_guard lock(mutex);
    connections.erase(connection);
}

}   // namespace grid::server::http
