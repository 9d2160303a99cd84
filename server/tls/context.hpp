// server/tls/context.hpp: the server's TLS contexts: versions, ciphers, certificates, ALPN.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "server/config/config.hpp"
#include "server/tls/openssl.hpp"
#include "storage/batch.hpp"
#include "xml/result.hpp"

namespace grid::server::tls {

struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextDeleter>;

/// Bytes of CA names in a certificate request, with room for its other parts (RFC 8446 §4.2.4).
inline constexpr std::size_t ca_names_bytes_max = 60'000;

enum class Use { Xmpp, Http };   // ALPN: xmpp-client; http/1.1

/// No session cache, no renegotiation, tickets only in TLS 1.3 (tickets/tickets.hpp),
/// SSL_MODE_RELEASE_BUFFERS; a client certificate is requested always, and unless it is required
/// any chain is let through the handshake, for `judge` to refuse. The error is for the operator:
/// which file, what is wrong with it, what would be right.
Result<Context, std::string> make_context(const Config::Tls& settings, Use use);
/// One more share in a context, which lives until the last one is gone.
Context share(SSL_CTX* context);
/// The CAs of tls.client_ca into a store, as clients are judged by them. Returns them; the error is
/// for the operator.
Result<std::vector<X509Ptr>, std::string> load_trust(
    X509_STORE* store, const std::string& client_ca
);
/// Until when the context's own certificate is valid; 0: it has none.
storage::Millis expiry_of(const SSL_CTX* context);

}   // namespace grid::server::tls
