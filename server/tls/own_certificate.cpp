// server/tls/own_certificate.cpp: see own_certificate.hpp.
#include "server/tls/own_certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "server/tls/certificate_text.hpp"
#include "server/tls/context.hpp"
#include "server/tls/failure.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/domain.hpp"

namespace grid::server::tls {
namespace {

/// As a client compares them: dNSName with a wildcard in the first label, or the address of a
/// server as xmppAddr or SRVName (RFC 6120 §13.7.1.2).
bool names(X509* certificate, const std::string& domain) {
    const std::string ascii = xml::domain_to_ascii(domain);
    if (X509_check_host(
            certificate, ascii.c_str(), ascii.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr
        ) == 1)
        return true;
    const NamesPtr found(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)
    ));
    ERR_clear_error();
    for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(found.get(), i);
        if (name->type != GEN_OTHERNAME) continue;
        const ASN1_TYPE* value = name->d.otherName->value;
        if (value->type != V_ASN1_UTF8STRING && value->type != V_ASN1_IA5STRING) continue;
        std::string_view text(
            reinterpret_cast<const char*>(ASN1_STRING_get0_data(value->value.asn1_string)),
            static_cast<std::size_t>(ASN1_STRING_length(value->value.asn1_string))
        );
        constexpr std::string_view service = "_xmpp-client.";
        if (text.starts_with(service)) text.remove_prefix(service.size());
        if (xml::prepare_domain(text, false) == domain) return true;
    }
    return false;
}

/// TLS 1.3, and every cipher of 1.2 that is offered, has the server sign.
bool may_sign(X509* certificate) {
    return (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;   // absent: all bits
}

}   // namespace

std::vector<Complaint> check_own_certificate(const std::string& file, const std::string& domain) {
    const auto chain = read_certificates(file);
    if (!chain) return {{"tls.certificate", chain.error()}};
    X509* own = chain->front().get();
    std::vector<Complaint> out;
    if (!may_sign(own))
        out.push_back(
            {"tls.certificate",
             file + ": the certificate is not for TLS: its key usage lacks digitalSignature"}
        );
    if (!out.empty()) return out;   // another one is needed anyway
    if (!names(own, domain)) {
        out.push_back(
            {"tls.certificate",
             file + ": the certificate does not name the domain " + xml::domain_to_ascii(domain) +
                 " (it is " + to_text(X509_get_subject_name(own)) +
                 "): no client could trust it; set `domain`, or have one issued that names it"}
        );
        return out;
    }
    std::string missing;
    for (const char* service : {"pubsub.", "broker.", "controller."})
        if (!names(own, service + domain))
            missing += (missing.empty() ? "" : ", ") + xml::domain_to_ascii(service + domain);
    if (!missing.empty())
        out.push_back(
            {"tls.certificate",
             file + ": the certificate does not name " + missing +
                 ": clients that verify the services' names refuse it",
             true}
        );
    return out;
}

std::vector<Complaint> check_client_cas(const std::string& file) {
    const auto anchors = read_certificates(file);
    if (!anchors) return {{"tls.client_ca", anchors.error()}};
    std::vector<Complaint> out;
    std::size_t bytes = 0;
    for (const auto& anchor : *anchors) {
        const X509_NAME* subject = X509_get_subject_name(anchor.get());
        if (X509_check_ca(anchor.get()) == 0)
            out.push_back(
                {"tls.client_ca", file + ": " + to_text(subject) + " is not a CA certificate"}
            );
        const int size = i2d_X509_NAME(subject, nullptr);
        if (size > 0) bytes += 2 + static_cast<std::size_t>(size);
    }
    if (bytes > ca_names_bytes_max)
        out.push_back(
            {"tls.client_ca",
             file + ": the names of its CAs have " + std::to_string(bytes) +
                 " bytes, a handshake " + "carries " + std::to_string(ca_names_bytes_max) +
                 ": they are not sent, and clients choose their certificate without them",
             true}
        );
    return out;
}

std::vector<Complaint> check_ciphers(const std::string& ciphers) {
    const Context context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) == 1) return {};
    return {
        {"tls.ciphers", "tls.ciphers is \"" + ciphers +
                            "\": OpenSSL knows no cipher in it: " + take_openssl_failure()}
    };
}

}   // namespace grid::server::tls
