// server/gridctl/tls_failure.cpp: turns OpenSSL's verdicts into "which side lacks what".
#include "server/gridctl/tls_failure.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <string_view>

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

/// An alert of the server (RFC 8446 §6.2) by OpenSSL's words for it, and what to do about it.
struct Alert {
    std::string_view name;
    bool is_ours;   // the fault is with our certificate
    const char* text;
};

constexpr auto alerts = std::to_array<Alert>({
    {"unknown ca", true,
     "it must be issued by a CA that gridd trusts (tls.client_ca), and sent with the CAs between"},
    {"certificate expired", true,
     "it has expired, or a list of revocations (tls.crl) of its CA has: renew the one that did"},
    {"certificate revoked", true, "its CA has revoked it: get a new one"},
    {"unsupported certificate", true,
     "it is none for clients: the extended key usage must have clientAuth"},
    {"bad certificate", true,
     "it is malformed, not valid yet, or of too weak a key or signature; gridd's log says which"},
    {"certificate unknown", true, "gridd's log says why"},
    {"certificate required", true, "the server takes no login without one: give it by --cert"},
    {"decrypt error", true,
     "a signature is wrong: its issuer has the name of a trusted CA and another key, or the key is "
     "not the certificate's"},
    {"access denied", true, "gridd's log says why"},
    {"handshake failure", false,
     "there is no cipher, curve or signature that both take, or its own checks refused our "
     "certificate; gridd's log says which"},
    {"protocol version", false, "it takes another version of TLS than 1.2 and 1.3"},
    {"insufficient security", false, "it asks for stronger ciphers than ours"},
    {"unrecognized name", false, "it does not serve that name: see --server-name and --domain"},
    {"no application protocol", false, "another protocol is spoken on that port: see --server"},
    {"internal error", false, "something is wrong there: see gridd's log, and try again later"},
});

const Alert* alert_in(const std::string& text) {
    if (text.find("alert") == std::string::npos && text.find("unrecognized name") == text.npos)
        return nullptr;
    const auto found = std::ranges::find_if(alerts, [&](const Alert& alert) {
        return text.find(alert.name) != std::string::npos;
    });
    return found == alerts.end() ? nullptr : &*found;
}

std::string words_of_alert(const std::string& text, const Target& target) {
    const Alert* alert = alert_in(text);
    if (alert == nullptr) return text;
    const bool is_ours = alert->is_ours && !target.certificate.empty();
    const std::string subject = is_ours ? "the server refused our certificate " + target.certificate
                                        : std::string("the server ended the handshake");
    return subject + " (alert: " + std::string(alert->name) + "): " + alert->text;
}

}   // namespace

bool is_refusal(const std::string& text) {
    const Alert* alert = alert_in(text);
    return alert != nullptr && alert->name != "internal error";
}

std::string tls_failure(SSL* ssl, const std::string& text, const Target& target) {
    const long verdict = SSL_get_verify_result(ssl);
    const auto described = pki::describe(presented_pem(ssl));
    if (verdict == X509_V_OK || !described) return words_of_alert(text, target);
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
