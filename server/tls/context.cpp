// server/tls/context.cpp: one SSL_CTX for a listener, made from the settings or refused with a
// reason.
#include "server/tls/context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "server/tls/certificate_text.hpp"
#include "server/tls/library.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/paths/known_paths.hpp"
#include "server/tls/paths/path.hpp"
#include "server/tls/pem_file.hpp"
#include "server/tls/raw_chain.hpp"
#include "server/tls/tickets/tickets.hpp"
#include "server/tls/verdict.hpp"
#include "server/tls/verify.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {
namespace {

/// The mistake, for the operator; empty when there is none.
using Trouble = std::string;

/// Real chains are a few KiB. OpenSSL's default lets a stranger make us hold 100.
constexpr long chain_bytes_max = 32 * 1024;

// As it stands in the ALPN extension: length, then name (RFC 7301 §3.1).
constexpr std::string_view alpn_xmpp = "\x0bxmpp-client";
constexpr std::string_view alpn_http = "\x08http/1.1";

/// A client that names protocols but not ours means another service: it is refused, as RFC 7301
/// §3.2 demands, since going on would let an attacker carry a browser's connection over to this one
/// (ALPACA). XEP-0368 asks for the same: "When ALPN is used, the ALPN protocol MUST be
/// xmpp-client". A client without the extension never gets here and goes on.
int select_protocol(
    SSL*,
    const unsigned char** out,
    unsigned char* out_size,
    const unsigned char* offered,
    unsigned int offered_size,
    void* argument
) {
    const auto& ours = *static_cast<const std::string_view*>(argument);
    unsigned char* chosen = nullptr;
    const int result = SSL_select_next_proto(
        &chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
        static_cast<unsigned int>(ours.size()), offered, offered_size
    );
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Trouble set_versions(SSL_CTX* context, const Config::Tls& settings) {
    int oldest = 0;
    if (settings.min_version == "1.2") oldest = TLS1_2_VERSION;
    if (settings.min_version == "1.3") oldest = TLS1_3_VERSION;
    if (oldest == 0)
        return "tls.min_version is \"" + settings.min_version + "\"; it can be \"1.2\" or \"1.3\"";
    SSL_CTX_set_min_proto_version(context, oldest);
    SSL_CTX_set_security_level(context, security_level);
    if (SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1)
        return "tls.ciphers is \"" + settings.ciphers +
               "\": OpenSSL knows no cipher in it: " + take_openssl_failure();
    if (SSL_CTX_set1_groups_list(context, settings.groups.c_str()) != 1)
        return "tls.groups is \"" + settings.groups +
               "\": OpenSSL does not know all groups in it: " + take_openssl_failure();
    return {};
}

/// Switches off features that cost memory or attack surface and bring long-lived streams no gain.
void set_modes(SSL_CTX* context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
    );
    // Otherwise every handshake would build our own chain anew, from the clients' CAs.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_max_cert_list(context, chain_bytes_max);
    SSL_CTX_set_verify_depth(context, chain_depth_max);
}

/// As of clients' certificates: with another key each handshake would fail.
Trouble check_own_key(const std::string& path, X509* certificate) {
    constexpr int rsa_bits_min = 2048;   // security_level
    if (auto why = why_too_costly(certificate, nullptr); !why.empty()) return path + ": " + why;
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    const int kind = EVP_PKEY_get_base_id(key);
    const bool is_rsa = kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
    if (is_rsa && EVP_PKEY_get_bits(key) < rsa_bits_min)
        return path + ": its RSA key is too small: it has " +
               std::to_string(EVP_PKEY_get_bits(key)) + " bits, 2048 are the least";
    return {};
}

Trouble check_own(const std::string& path, X509* certificate) {
    const auto now = static_cast<storage::Millis>(std::time(nullptr)) * 1000;
    const auto not_before = to_millis(X509_get0_notBefore(certificate));
    const auto not_after = to_millis(X509_get0_notAfter(certificate));
    const std::string clock = ", our clock says " + xml::to_datetime(now);
    if (now > not_after)
        return path + ": the certificate expired on " + xml::to_datetime(not_after) + clock;
    if (now < not_before)
        return path + ": the certificate is not valid until " + xml::to_datetime(not_before) +
               clock;
    // The key exchange is always an ephemeral one, which the certificate's key signs.
    const std::uint32_t usage = X509_get_key_usage(certificate);
    if (usage != UINT32_MAX && (usage & KU_DIGITAL_SIGNATURE) == 0)
        return path + ": the certificate is not for a server: its key usage lacks digitalSignature";
    const std::uint32_t extended = X509_get_extended_key_usage(certificate);
    if (X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) != 1)
        return path + ": the certificate is not for a server: " +
               (extended != UINT32_MAX && (extended & XKU_SSL_SERVER) == 0
                    ? "its extended key usage lacks serverAuth"
                    : "its Netscape certificate type is not that of a server");
    return {};
}

Trouble load_own(SSL_CTX* context, const Config::Tls& settings) {
    if (settings.certificate.empty()) return "tls.certificate is not set";
    if (settings.key.empty()) return "tls.key is not set";
    auto chain = read_certificates(settings.certificate);
    if (!chain) return chain.error();
    X509* own = chain->front().get();
    if (auto complaint = check_own(settings.certificate, own); !complaint.empty()) return complaint;
    if (auto complaint = check_own_key(settings.certificate, own); !complaint.empty())
        return complaint;
    auto key = read_key(settings.key);
    if (!key) return key.error();
    if (X509_check_private_key(own, key->get()) != 1)
        return settings.key + ": the key does not belong to the certificate in " +
               settings.certificate + " (" + to_text(X509_get_subject_name(own)) + ")";
    ERR_clear_error();
    if (SSL_CTX_use_certificate(context, own) != 1 ||
        SSL_CTX_use_PrivateKey(context, key->get()) != 1)
        return settings.certificate + ": " +
               take_openssl_failure();   // e.g. a key that is too small
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
            return settings.certificate + ": " + take_openssl_failure();
    return {};
}

/// Whether some anchor is an intermediate whose own issuer is not in the bundle: then the chain may
/// end there. With the root in the bundle it always ends at the root, so that an account's anchor
/// stays the same when somebody adds the intermediates to the file.
bool has_lone_intermediate(const std::vector<X509Ptr>& anchors) {
    for (const auto& anchor : anchors) {
        bool is_issued = false;
        for (const auto& issuer : anchors)
            is_issued = is_issued || X509_check_issued(issuer.get(), anchor.get()) == X509_V_OK;
        if (!is_issued) return true;
    }
    return false;
}

/// As a certificate request carries them, each behind its length. They help a client to choose, and
/// may be left out: too many would fail every handshake.
std::size_t bytes_of_names(const std::vector<X509Ptr>& anchors) {
    std::size_t bytes = 0;
    for (const auto& anchor : anchors)
        bytes += 2 + static_cast<std::size_t>(
                         std::max(0, i2d_X509_NAME(X509_get_subject_name(anchor.get()), nullptr))
                     );
    return bytes;
}

Trouble load_anchors(SSL_CTX* context, const Config::Tls& settings) {
    if (settings.client_ca.empty())
        return "tls.client_ca is not set: without trusted CAs no client could log in";
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    const auto anchors = load_trust(store, settings.client_ca);
    if (!anchors) return anchors.error();
    keep_paths(store);
    if (bytes_of_names(*anchors) > ca_names_bytes_max) return {};
    for (const auto& anchor : *anchors)
        if (SSL_CTX_add_client_CA(context, anchor.get()) != 1)
            return settings.client_ca + ": " + take_openssl_failure();
    return {};
}

Trouble set_up(SSL_CTX* context, const Config::Tls& settings) {
    set_modes(context);
    if (auto complaint = set_versions(context, settings); !complaint.empty()) return complaint;
    if (auto complaint = load_own(context, settings); !complaint.empty()) return complaint;
    return load_anchors(context, settings);
}

}   // namespace

Result<std::vector<X509Ptr>, std::string> load_trust(
    X509_STORE* store, const std::string& client_ca
) {
    using Loaded = Result<std::vector<X509Ptr>, std::string>;
    auto anchors = read_certificates(client_ca);
    if (!anchors) return anchors;
    const auto refuse = [&](const X509Ptr& anchor, const std::string& why) {
        const auto name = to_text(X509_get_subject_name(anchor.get()));
        return Loaded(boost::system::in_place_error, client_ca + ": " + name + why);
    };
    for (const auto& anchor : *anchors) {
        if (X509_check_ca(anchor.get()) == 0) return refuse(anchor, " is not a CA certificate");
        if (X509_STORE_add_cert(store, anchor.get()) != 1)
            return refuse(anchor, ": " + take_openssl_failure());
    }
    if (has_lone_intermediate(*anchors)) X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return anchors;
}

Result<Context, std::string> make_context(const Config::Tls& settings, Use use) {
    Context context(SSL_CTX_new_ex(handshake_library(), nullptr, TLS_server_method()));
    if (!context) return {boost::system::in_place_error, "TLS: " + take_openssl_failure()};
    if (auto complaint = set_up(context.get(), settings); !complaint.empty())
        return {boost::system::in_place_error, std::move(complaint)};
    const bool is_strict = settings.require_client_certificate;
    SSL_CTX_set_verify(
        context.get(), SSL_VERIFY_PEER | (is_strict ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr
    );
    SSL_CTX_set_cert_verify_callback(
        context.get(), is_strict ? strict_verify : tolerant_verify, nullptr
    );
    SSL_CTX_set_msg_callback(context.get(), on_message);
    const auto& ours = use == Use::Xmpp ? alpn_xmpp : alpn_http;
    SSL_CTX_set_alpn_select_cb(
        context.get(), select_protocol, const_cast<void*>(static_cast<const void*>(&ours))
    );
    if (settings.resumption_seconds_max != 0)
        accept_tickets(context.get(), std::chrono::seconds(settings.resumption_seconds_max));
    return context;
}

Context share(SSL_CTX* context) {
    if (context != nullptr) SSL_CTX_up_ref(context);
    return Context(context);
}

storage::Millis expiry_of(const SSL_CTX* context) {
    const X509* certificate = SSL_CTX_get0_certificate(context);
    return certificate == nullptr ? 0 : to_millis(X509_get0_notAfter(certificate));
}

}   // namespace grid::server::tls
