// server/tls/chain.hpp: a certificate chain that another client was shown, judged as at login.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "controller/ports.hpp"
#include "server/config/config.hpp"
#include "server/tls/context.hpp"

namespace grid::server::tls {

/// Any thread.
class TrustedChains final : public controller::CertificateVerifier {
public:
    /// Why a path (controller::Identity::path) does not hold any more; empty: it does.
    using Revoked = std::function<std::string(const std::vector<std::string>& path)>;

    /// The trust store is that of the listener's context.
    TrustedChains(SSL_CTX* context, const Config& config, Revoked revoked)
        : context_(share(context)), config_(config), revoked_(std::move(revoked)) {}

    Verdict verify(const std::vector<std::string>& chain) const override;
    bool trusts(std::string_view key) const override;
    /// Another context's trust store from now on.
    void use(SSL_CTX* context);

private:
    Context current() const;

    mutable std::mutex mutex_;   // of the next one, held for a copy
    Context context_;
    const Config& config_;
    Revoked revoked_;
};

}   // namespace grid::server::tls
