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

/// The answer at the moment, which the contexts share that staple it. Any thread.
class StapledAnswer {
public:
    void put(std::string der, storage::Millis until);
    /// Null: there is none, or it is out of date.
    std::shared_ptr<const std::string> current() const;

private:
    mutable std::mutex mutex_;   // held for a copy
    std::shared_ptr<const std::string> der_;
    storage::Millis until_ = 0;
};

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
    /// Handshakes of this context carry it from now on. Before any handshake; the context may
    /// outlive this, and keeps the last answer then.
    void serve(SSL_CTX* context);
    /// Does nothing when the certificate names no responder and none is configured, or when its
    /// issuer is not to be found.
    void start();
    void stop();

private:
    void refresh();
    void take(OcspVerdict verdict);
    void wait(std::chrono::milliseconds time);
    static int answer(SSL* ssl, void* stapled);

    const Config::Tls settings_;
    std::shared_ptr<OcspClient> client_;
    Log& log_;
    net::Strand strand_;
    boost::asio::steady_timer timer_;
    std::optional<OcspSubject> subject_;
    bool is_stopped_ = false;
    const std::shared_ptr<StapledAnswer> answer_ = std::make_shared<StapledAnswer>();
};

}   // namespace grid::server::tls
