// server/pki/describe.cpp: reads certificates back and judges a chain, for operators' tools.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "server/pki/pem.hpp"
#include "server/pki/pki.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/member_role.hpp"
#include "xml/datetime.hpp"

namespace grid::pki {

using server::tls::fingerprint_of;
using server::tls::key_hash_of;
using server::tls::member_urn;
using server::tls::to_millis;

namespace {

std::string to_name(const X509_NAME* name) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    // UTF-8 as it is, control characters escaped: this text goes to a terminal.
    constexpr unsigned long flags =
        XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    return X509_NAME_print_ex(bio.get(), name, 0, flags) >= 0 ? text_of(bio.get()) : "";
}

std::string to_string(const ASN1_STRING* text) {
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    return std::string(bytes, static_cast<std::size_t>(ASN1_STRING_length(text)));
}

void read_names(const X509* certificate, Description& out) {
    const NamesPtr names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)
    ));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) {
            out.hosts.push_back(to_string(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            const BioPtr bio(BIO_new(BIO_s_mem()));
            GENERAL_NAME_print(bio.get(), const_cast<GENERAL_NAME*>(name));
            const std::string text = text_of(bio.get());   // "IP Address:127.0.0.1"
            out.hosts.push_back(text.substr(text.find(':') + 1));
        } else if (name->type == GEN_URI) {
            const std::string uri = to_string(name->d.uniformResourceIdentifier);
            if (uri.starts_with(member_urn)) out.members.push_back(uri.substr(member_urn.size()));
        } else if (name->type == GEN_OTHERNAME &&
                   OBJ_obj2nid(name->d.otherName->type_id) == NID_XmppAddr &&
                   name->d.otherName->value->type == V_ASN1_UTF8STRING) {
            out.jids.push_back(to_string(name->d.otherName->value->value.utf8string));
        }
    }
}

/// The reasons that operators meet, said with what to do about them.
std::string to_reason(int error, const X509* certificate, storage::Millis now) {
    const auto date = [](storage::Millis time) { return xml::to_datetime(time); };
    const std::string clock = ", and the clock of this machine says " + date(now);
    switch (error) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "it was not issued by the given CA";
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "it expired on " + date(to_millis(X509_get0_notAfter(certificate))) + clock;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "it is not valid before " + date(to_millis(X509_get0_notBefore(certificate))) +
                   clock;
        case X509_V_ERR_INVALID_PURPOSE:
            return "it is not meant for this purpose (key usage, extended key usage)";
        default:
            return X509_verify_cert_error_string(error);
    }
}

}   // namespace

PkiResult<Description> describe(std::string_view pem) {
    const X509Ptr certificate = read_certificate(pem);
    if (!certificate) return openssl_error("not a PEM certificate");
    Description out;
    out.subject = to_name(X509_get_subject_name(certificate.get()));
    out.issuer = to_name(X509_get_issuer_name(certificate.get()));
    out.fingerprint = fingerprint_of(certificate.get());
    out.key = key_hash_of(certificate.get());
    out.not_before = to_millis(X509_get0_notBefore(certificate.get()));
    out.not_after = to_millis(X509_get0_notAfter(certificate.get()));
    read_names(certificate.get(), out);
    out.is_ca = X509_check_ca(certificate.get()) == 1;
    const std::uint32_t usage = X509_get_extended_key_usage(certificate.get());
    const bool has_usage = (X509_get_extension_flags(certificate.get()) & EXFLAG_XKUSAGE) != 0;
    out.is_server = has_usage && (usage & XKU_SSL_SERVER) != 0;
    out.is_client = has_usage && (usage & XKU_SSL_CLIENT) != 0;
    return out;
}

bool is_pair(const KeyPair& pair) {
    const X509Ptr certificate = read_certificate(pair.certificate);
    const KeyPtr key = read_key(pair.key);
    const bool matches =
        certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
    ERR_clear_error();
    return matches;
}

PkiResult<void> verify(
    std::string_view certificate, std::string_view anchors, bool as_server, storage::Millis now
) {
    const X509Ptr leaf = read_certificate(certificate);
    if (!leaf) return openssl_error("not a PEM certificate");
    const std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>> store(X509_STORE_new());
    const BioPtr bio = server::tls::bio_over(anchors);
    int count = 0;
    while (const X509Ptr anchor{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
        count += X509_STORE_add_cert(store.get(), anchor.get());
    ERR_clear_error();   // The end of the bundle is reported as an error.
    if (count == 0) return Failure{"no certificate in the CA file"};
    const std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new()
    );
    if (!context || X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr) != 1)
        return openssl_error("verification could not be started");
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now / 1000));
    X509_VERIFY_PARAM_set_purpose(
        param, as_server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT
    );
    if (X509_verify_cert(context.get()) == 1) return {};
    Failure failure{to_reason(
        X509_STORE_CTX_get_error(context.get()), X509_STORE_CTX_get_current_cert(context.get()), now
    )};
    ERR_clear_error();
    return failure;
}

}   // namespace grid::pki
