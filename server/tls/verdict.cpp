// server/tls/verdict.cpp: see verdict.hpp.
#include "server/tls/verdict.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <memory>

#include "server/tls/certificate_text.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace {

/// RFC 5280 §4.2.1.3, §4.2.1.12: which of its extensions says that it is not for TLS clients.
std::string why_not_for_clients(X509* certificate) {
    const std::uint32_t key_usage = X509_get_key_usage(certificate);
    const std::uint32_t extended = X509_get_extended_key_usage(certificate);
    if (extended != UINT32_MAX && (extended & XKU_SSL_CLIENT) == 0)
        return "its extended key usage lacks clientAuth";
    if (key_usage != UINT32_MAX && (key_usage & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) == 0)
        return "its key usage lacks digitalSignature";
    return "its Netscape certificate type is not that of a client";
}

}   // namespace

Verdict to_verdict(X509_STORE_CTX* store) {
    Verdict verdict;
    verdict.error = X509_STORE_CTX_get_error(store);
    verdict.depth = X509_STORE_CTX_get_error_depth(store);
    X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == nullptr) return verdict;
    verdict.subject = to_text(X509_get_subject_name(certificate));
    verdict.issuer = to_text(X509_get_issuer_name(certificate));
    verdict.not_before = to_millis(X509_get0_notBefore(certificate));
    verdict.not_after = to_millis(X509_get0_notAfter(certificate));
    if (verdict.error == X509_V_ERR_INVALID_PURPOSE && verdict.depth == 0)
        verdict.detail = why_not_for_clients(certificate);
    return verdict;
}

// One sentence per X509_V_ERR that a real set-up meets.

std::string to_reason(const Verdict& verdict, storage::Millis now) {
    const bool is_leaf = verdict.depth == 0;
    const std::string which = is_leaf ? "the certificate" : "the CA certificate " + verdict.subject;
    const std::string clock = ", our clock says " + xml::to_datetime(now);
    const std::string its_issuer = "its issuer " + verdict.issuer;
    switch (verdict.error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return which + " expired on " + xml::to_datetime(verdict.not_after) + clock;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return which + " is not valid until " + xml::to_datetime(verdict.not_before) + clock;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "the certificate is self-signed: no trusted CA issued it";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "the CA " + verdict.subject +
                   " at the end of the chain is not a trusted CA here";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return which + " cannot be verified: " + its_issuer +
                   " is not among the trusted CAs, nor in the chain that was sent";
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return which + " has a wrong signature: " + its_issuer +
                   " has the name of a trusted CA, but another key signed";
        case X509_V_ERR_INVALID_PURPOSE:
            return which + (is_leaf ? " is not for client authentication: " + verdict.detail
                                    : " may not issue certificates for client authentication");
        case X509_V_ERR_APPLICATION_VERIFICATION:
            return verdict.detail;
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
            return which + " is in the chain as an issuer, but is no CA";
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
            return which + " does not allow so many CAs below it (pathlen)";
        case X509_V_ERR_CERT_CHAIN_TOO_LONG:
            return "the chain is too long: at most 8 CAs stand between a certificate and a trusted "
                   "CA";
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
            return "the key of " + which + " is too small: RSA needs 2048 bits";
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return which + " is signed with a hash that is too weak (SHA-1 or MD5)";
        case X509_V_ERR_CERT_REVOKED:
            return which + " was revoked by " + verdict.issuer;
        case X509_V_ERR_PERMITTED_VIOLATION:
        case X509_V_ERR_EXCLUDED_VIOLATION:
            return which +
                   " carries a name that a CA of its chain may not issue (name constraints)";
        case X509_V_ERR_NO_EXPLICIT_POLICY:
            return "a CA of the chain demands a certificate policy (requireExplicitPolicy), and "
                   "none is in all certificates below it";
        case X509_V_ERR_INVALID_POLICY_EXTENSION:
            return which + " has certificate policies, or constraints of them, that cannot be read";
        default:
            return which + ": " + X509_verify_cert_error_string(verdict.error);
    }
}

}   // namespace grid::server::tls
