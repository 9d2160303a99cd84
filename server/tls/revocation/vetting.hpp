// server/tls/revocation/vetting.hpp: vetting: the identity at the other end of a TLS connection,
// and whether its certificate is still good.
#pragma once

#include <boost/asio.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/net/tls_stream.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/revocation/crl_watch.hpp"
#include "server/tls/revocation/ocsp_client.hpp"
#include "server/tls/revocation/ocsp_recheck.hpp"
#include "server/tls/tickets/tickets.hpp"

namespace grid::server::tls {

/// Asked once per connection, after the handshake, by XMPP and HTTP alike. Outlives connections.
class Vetting {
public:
    /// `data`: the data directory, where lists are kept; empty: nowhere. Throws std::runtime_error
    /// where a source of lists stops the start.
    Vetting(
        boost::asio::io_context& context,
        const Config& config,
        Log& log,
        const std::filesystem::path& data = {}
    );

    /// Call before the first client can connect. `on_revoked` gets entries of paths, from any
    /// thread. `in_use` says whether a stream rests on such an entry.
    void start(CrlWatch::OnRevoked on_revoked, OcspRecheck::InUse in_use);
    void stop();
    /// The verdict on the peer's certificate: chain, names, CRLs, OCSP, each asked anew where TLS
    /// was resumed. A client that may come in is handed a ticket. On the stream's strand; frees the
    /// certificates that OpenSSL keeps. `on_valid` is called at once when the chain and
    /// the names are good: what follows may wait for a responder.
    boost::asio::awaitable<Presented> vet(
        net::TlsStream& stream, std::function<void()> on_valid = {}
    );
    /// For a connection that lives on: was it revoked since? Empty, or the reason. Any thread.
    std::string revoked_since(const std::vector<std::string>& path) const;
    /// The reason against a chain that a client shows, as at a login: where `closed` is configured,
    /// an unknown standing is a reason, too. Any thread.
    std::string refused_now(const std::vector<std::string>& path) const;
    std::shared_ptr<OcspClient> ocsp() const { return ocsp_; }
    CrlWatch& crls() { return crls_; }

private:
    boost::asio::awaitable<Presented> judge_peer(
        net::TlsStream& stream, std::optional<Presented> known, std::function<void()> on_valid
    );
    std::optional<Presented> known_from(const Ticket& ticket) const;
    void send_ticket(net::TlsStream& stream, const Presented& presented, Ticket ticket) const;
    std::string why(const std::vector<std::string>& path, bool must_be_known) const;
    void judge_by_crl(Presented& presented) const;
    boost::asio::awaitable<void> judge_by_ocsp(Presented& presented, OcspSubject subject);

    const Config& config_;
    std::vector<controller::ApprovalRule> approve_;
    CrlWatch crls_;
    std::shared_ptr<OcspClient> ocsp_;
    std::shared_ptr<OcspRecheck> recheck_;
    CrlWatch::OnRevoked on_revoked_;
};

}   // namespace grid::server::tls
