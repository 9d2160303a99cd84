// server/gridctl/tls_failure.cpp: turns OpenSSL's verdicts into "which side lacks what".
#include "server/gridctl/tls_failure.hpp"

#include <openssl/pem.h>

#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/pki/pki.hpp"
#include "server/tls/openssl.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

/// The certificate that the server showed. After a failed handshake only the chain is kept.
std::string presented_pem(SSL* ssl) {
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    if (chain == nullptr || sk_X509_num(chain) == 0) return "";
    const server::tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), sk_X509_value(chain, 0));
    return server::tls::text_of(bio.get());
}

std::string names_of(const pki::Description& certificate) {
    std::string out;
    for (const auto& host : certificate.hosts) out.append(out.empty() ? "" : ", ").append(host);
    return printable(out.empty() ? certificate.subject : out);
}

std::string untrusted(const pki::Description& certificate, const Target& target) {
    return "the server's certificate (" + printable(certificate.subject) + ", issued by " +
           printable(certificate.issuer) + ") was not issued by the CA in " + target.ca +
           ". Give the CA that issued it with --ca FILE";
}

}   // namespace

std::string tls_failure(SSL* ssl, const std::string& text, const Target& target) {
    const long verdict = SSL_get_verify_result(ssl);
    const auto described = pki::describe(presented_pem(ssl));
    if (verdict == X509_V_OK || !described) {
        if (text.find("alert") != std::string::npos)
            return "the server refused our certificate " + target.certificate + " (" + text +
                   "): it must be issued by a CA that gridd trusts (tls.client_ca)";
        return text;
    }
    const auto date = [](storage::Millis time) {
        return xml::to_datetime(time).substr(0, 19) + "Z";
    };
    switch (verdict) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the server's certificate is for " + names_of(*described) + ", not for " +
                   target.name + ". Give the right name with --server-name NAME";
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "the server's certificate expired on " + date(described->not_after) +
                   ", our clock says " + date(now_ms());
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "the server's certificate is not valid before " + date(described->not_before) +
                   ", our clock says " + date(now_ms());
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return untrusted(*described, target);
        default:
            return std::string("the server's certificate was refused: ") +
                   X509_verify_cert_error_string(verdict);
    }
}

}   // namespace grid::gridctl
