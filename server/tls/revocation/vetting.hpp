// server/tls/revocation/vetting.hpp: who is at the other end of this TLS, and is the certificate
// still good?
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/net/tls_stream.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/revocation/crl_watch.hpp"
#include "server/tls/revocation/ocsp_client.hpp"

namespace grid::server::tls {

/// Asked once per connection, after the handshake, by XMPP and HTTP alike. Outlives connections.
class Vetting {
public:
    Vetting(boost::asio::io_context& context, const Config& config, Log& log);

    /// Before anybody can connect. `on_revoked` gets entries of paths, from any thread.
    void start(CrlWatch::OnRevoked on_revoked);
    void stop();
    /// The verdict on the peer's certificate: chain, names, CRLs, OCSP. On the stream's strand;
    /// frees the certificates that OpenSSL keeps.
    boost::asio::awaitable<Presented> vet(net::TlsStream& stream);
    /// For a connection that lives on: was it revoked since? Empty, or the reason. Any thread.
    std::string revoked_since(const std::vector<std::string>& path) const;
    std::shared_ptr<OcspClient> ocsp() const { return ocsp_; }

private:
    void judge_by_crl(Presented& presented) const;
    boost::asio::awaitable<void> judge_by_ocsp(Presented& presented, OcspSubject subject);

    const Config& config_;
    std::vector<controller::ApprovalRule> approve_;
    CrlWatch crls_;
    std::shared_ptr<OcspClient> ocsp_;
    CrlWatch::OnRevoked on_revoked_;
};

}   // namespace grid::server::tls
