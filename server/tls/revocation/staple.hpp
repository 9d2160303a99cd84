// server/tls/revocation/staple.hpp: the OCSP answer about our own certificate, for handshakes
// (RFC 6066 §8).
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "server/tls/revocation/ocsp_client.hpp"

namespace grid::server::tls {

/// Fetched at start, and again when half of its time is over. An answer that is out of date is not
/// stapled.
class Staple : public std::enable_shared_from_this<Staple> {
public:
    Staple(
        boost::asio::io_context& context,
        const Config::Tls& settings,
        std::shared_ptr<OcspClient> client,
        Log& log
    );
    /// Handshakes of this context carry it from now on. Before any handshake; the context must not
    /// outlive this.
    void serve(SSL_CTX* context);
    /// Does nothing when the certificate names no responder and none is configured, or when its
    /// issuer is not to be found.
    void start();
    void stop();

private:
    void refresh();
    void take(OcspVerdict verdict);
    void wait(std::chrono::milliseconds time);
    std::shared_ptr<const std::string> current() const;
    static int answer(SSL* ssl, void* self);

    const Config::Tls settings_;
    std::shared_ptr<OcspClient> client_;
    Log& log_;
    net::Strand strand_;
    boost::asio::steady_timer timer_;
    std::optional<OcspSubject> subject_;
    bool is_stopped_ = false;
    mutable std::mutex mutex_;   // of the two below; held for a copy
    std::shared_ptr<const std::string> der_;
    storage::Millis until_ = 0;
};

}   // namespace grid::server::tls
