// server/tls/openssl_error.cpp: OpenSSL's reasons, the cryptic ones with what they usually mean.
#include "server/tls/openssl_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "server/clock.hpp"
#include "server/tls/verdict.hpp"
#include "server/tls/verify.hpp"

namespace grid::server::tls {
namespace {

/// Advice for the operator; null when OpenSSL's own words are good enough.
const char* meaning(unsigned long code) {
    if (ERR_GET_LIB(code) != ERR_LIB_SSL) return nullptr;
    switch (ERR_GET_REASON(code)) {
        case SSL_R_WRONG_VERSION_NUMBER:
            return "what the peer sent is not TLS";
        case SSL_R_HTTP_REQUEST:
            return "the peer speaks plain HTTP here";
        case SSL_R_UNSUPPORTED_PROTOCOL:
            return "the peer's newest TLS version is older than tls.min_version";
        case SSL_R_NO_SHARED_CIPHER:
            return "the peer offers none of the ciphers of tls.ciphers with a group of tls.groups";
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SUITABLE_GROUPS:
            return "the peer offers none of the groups of tls.groups";
        case SSL_R_WRONG_CURVE:
            return "the peer's certificate is on a curve that is not in tls.groups";
        case SSL_R_EXCESSIVE_MESSAGE_SIZE:
            return "the peer sent a certificate chain, or another message, of more than 32 KiB";
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return "the peer's certificate is refused";
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return "the peer's ALPN list does not name our protocol";
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "the peer does not trust the CA of our certificate (its alert: unknown CA)";
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
            return "the peer refuses our certificate (its alert: bad certificate)";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            return "the peer says that our certificate expired: compare the clocks";
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return "the peer sent no certificate, and tls.require_client_certificate is set";
        default:
            return nullptr;
    }
}

}   // namespace

std::string take_openssl_failure() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return {};
    const char* reason = ERR_reason_error_string(code);
    std::string text = reason ? reason : "OpenSSL error " + std::to_string(code);
    if (const char* hint = meaning(code)) text = std::string(hint) + " (" + text + ")";
    return text;
}

std::string take_openssl_failure(const SSL* ssl) {
    auto text = take_openssl_failure();
    const Verdict* verdict = ssl != nullptr ? verdict_of(ssl) : nullptr;
    if (verdict == nullptr || SSL_is_init_finished(ssl) != 0) return text;
    return "the peer's certificate is refused: " + to_reason(*verdict, now());
}

}   // namespace grid::server::tls
