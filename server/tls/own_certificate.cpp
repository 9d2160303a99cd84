// server/tls/own_certificate.cpp: see own_certificate.hpp.
#include "server/tls/own_certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "server/clock.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/context.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/datetime.hpp"
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

bool has_issued(X509* issuer, X509* certificate) {
    const bool is_so = X509_check_issued(issuer, certificate) == X509_V_OK &&
                       X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
    ERR_clear_error();
    return is_so;
}

bool is_root(X509* certificate) { return (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0; }

X509* issuer_among(const std::vector<X509Ptr>& all, X509* certificate) {
    for (const X509Ptr& one : all)
        if (one.get() != certificate && has_issued(one.get(), certificate)) return one.get();
    return nullptr;
}

/// The roots that this machine trusts, where it has any.
bool is_below_public_root(X509* certificate) {
    const std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>> store(X509_STORE_new());
    const StoreContext context(X509_STORE_CTX_new());
    const bool is_made = store && context && X509_STORE_set_default_paths(store.get()) == 1 &&
                         X509_STORE_CTX_init(context.get(), store.get(), nullptr, nullptr) == 1;
    bool is_below = false;
    if (is_made) {
        const OwningStack roots(
            X509_STORE_CTX_get1_certs(context.get(), X509_get_issuer_name(certificate))
        );
        for (int i = 0; roots && i < sk_X509_num(roots.get()); ++i)
            is_below = is_below || has_issued(sk_X509_value(roots.get(), i), certificate);
    }
    ERR_clear_error();
    return is_below;
}

}   // namespace

std::vector<Complaint> check_own_chain(const Config::Tls& tls) {
    const auto sent = read_certificates(tls.certificate);
    if (!sent) return {};   // said elsewhere
    X509* own = sent->front().get();
    X509* top = own;
    for (std::size_t step = 0; step < sent->size() && !is_root(top); ++step) {
        X509* above = issuer_among(*sent, top);
        if (above == nullptr) break;
        top = above;
    }
    if (is_root(top) || is_below_public_root(top)) return {};
    const std::string issuer = to_text(X509_get_issuer_name(top));
    const std::string what = tls.certificate + ": " + to_text(X509_get_subject_name(top)) +
                             " was issued by " + issuer + ", whose certificate is not in the file";
    const auto known = tls.client_ca.empty()
                           ? Result<std::vector<X509Ptr>, std::string>(std::vector<X509Ptr>())
                           : read_certificates(tls.client_ca);
    X509* above = known ? issuer_among(*known, top) : nullptr;
    if (above != nullptr && is_root(above)) return {};
    if (above != nullptr)
        return {
            {"tls.certificate",
             what + " and is no root: clients that trust the root alone cannot verify the server; "
                    "append that certificate",
             true}
        };
    if (top != own) return {};   // the issuer of what the operator appended is a root, most likely
    return {
        {"tls.certificate",
         what + ", and it is no root that is known here: clients that do not trust that CA itself "
                "cannot verify the server; append its certificate, and those between it and the "
                "root",
         true}
    };
}

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
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (const auto until = to_millis(X509_get0_notAfter((*chain)[i].get())); until < now())
            out.push_back(
                {"tls.certificate",
                 file + ": " + to_text(X509_get_subject_name((*chain)[i].get())) +
                     ", which is sent with the certificate, expired on " + xml::to_datetime(until) +
                     ": clients refuse it",
                 true}
            );
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
        const auto until = to_millis(X509_get0_notAfter(anchor.get()));
        if (until < now())
            out.push_back(
                {"tls.client_ca",
                 file + ": " + to_text(subject) + " expired on " + xml::to_datetime(until) +
                     ": no client of it can log in",
                 true}
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

namespace {

/// Encrypts nothing, or does not authenticate the server.
bool is_null(const SSL_CIPHER* cipher) {
    return SSL_CIPHER_get_cipher_nid(cipher) == NID_undef ||
           SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null;
}

/// The key's kind signs in TLS 1.2; the evaluation's is one of an elliptic curve.
int auth_of_key(const Config::Tls& tls) {
    if (tls.certificate.empty()) return NID_auth_ecdsa;
    const auto chain = read_certificates(tls.certificate);
    if (!chain) return NID_auth_ecdsa;   // said elsewhere
    const EVP_PKEY* key = X509_get0_pubkey(chain->front().get());
    const int kind = key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);
    return kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS ? NID_auth_rsa : NID_auth_ecdsa;
}

}   // namespace

std::vector<Complaint> check_ciphers(const Config::Tls& tls) {
    const Context context(SSL_CTX_new(TLS_server_method()));
    if (!context) return {};
    const std::string given = "tls.ciphers is \"" + tls.ciphers + "\": ";
    if (SSL_CTX_set_cipher_list(context.get(), tls.ciphers.c_str()) != 1)
        return {{"tls.ciphers", given + "OpenSSL knows no cipher in it: " + take_openssl_failure()}
        };
    const int own = auth_of_key(tls);
    std::string null;
    bool has_other = false, has_fitting = false;
    const auto* all = SSL_CTX_get_ciphers(context.get());
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
        const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
        if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_any) continue;   // of TLS 1.3
        if (is_null(cipher)) {
            if (null.empty()) null = SSL_CIPHER_get_name(cipher);
            continue;
        }
        has_other = true;
        has_fitting = has_fitting || SSL_CIPHER_get_auth_nid(cipher) == own;
    }
    std::vector<Complaint> out;
    if (!null.empty())
        out.push_back(
            {"tls.ciphers",
             given + null +
                 " encrypts nothing or authenticates nobody, and is never used: add "
                 "\":!eNULL:!aNULL\"",
             has_other}
        );
    if (tls.min_version == "1.2" && has_other && !has_fitting)
        out.push_back(
            {"tls.ciphers",
             given + "none of them fits the key of the server's certificate (" +
                 (own == NID_auth_rsa ? "RSA" : "ECDSA") +
                 "): no client of TLS 1.2 can connect; set tls.min_version to 1.3 if that is meant",
             true}
        );
    return out;
}

}   // namespace grid::server::tls
