// server/tls/revocation/trust.hpp: everything that decides which certificates are believed, put
// together.
#pragma once

#include "server/tls/chain.hpp"
#include "server/tls/revocation/staple.hpp"
#include "server/tls/revocation/vetting.hpp"

namespace grid::server::tls {

/// The configuration outlives it.
class Trust {
public:
    Trust(
        boost::asio::io_context& context,
        const Config& config,
        SSL_CTX* xmpp,
        SSL_CTX* http,
        Log& log,
        const std::filesystem::path& data
    );

    void start(CrlWatch::OnRevoked on_revoked, OcspRecheck::InUse in_use);
    void stop();
    /// Other certificates are in force: chains are judged by this context's CAs from now on, and
    /// the answer about the new certificate is stapled. Before handshakes use the contexts; from
    /// one thread at a time.
    void renew(const Config::Tls& settings, SSL_CTX* xmpp, SSL_CTX* http);
    /// Why a path (controller::Identity::path) is revoked; empty when it is not. Any thread.
    auto revoked() const {
        return
            [this](const std::vector<std::string>& path) { return vetting_.revoked_since(path); };
    }

    /// Reads what may have changed on disk: revocation lists. Any thread.
    void reload() { vetting_.crls().reload(); }
    /// Faults that an operator should mend, a sentence each. Any thread.
    std::vector<std::string> problems() { return vetting_.crls().problems(); }

    Vetting& vetting() { return vetting_; }
    TrustedChains& chains() { return chains_; }

private:
    boost::asio::io_context& context_;
    Log& log_;
    Vetting vetting_;
    std::shared_ptr<Staple> staple_;
    TrustedChains chains_;
};

}   // namespace grid::server::tls
