// server/pki/pki.cpp: makes a CA, server certificates and client certificates.
#include "server/pki/pki.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <algorithm>

#include "server/pki/pem.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/member_role.hpp"

namespace grid::pki {
namespace {

// Clocks of a grid differ: a certificate that is valid from this very second is "not yet valid"
// next door (RFC 8600 §8.2.2).
constexpr storage::Millis clock_skew_ms = 10LL * 60 * 1000;
constexpr storage::Millis day_ms = 24LL * 3600 * 1000;
constexpr std::size_t common_name_max = 64;   // RFC 5280, ub-common-name

struct Request {
    NamesPtr names{nullptr};   // subjectAltName, none for a CA
    std::string common_name;   // left out when X.509 has no room for it
    std::string usage, extended_usage;
    bool is_ca = false;
};

bool set_time(ASN1_TIME* field, storage::Millis time) {
    return ASN1_TIME_set(field, static_cast<time_t>(time / 1000)) != nullptr;
}

bool set_serial(X509* certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    // Positive and of full length, as RFC 5280 §4.1.2.2 wants it.
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
    const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool set_subject(X509_NAME* name, const std::string& common_name) {
    const auto add = [name](const char* field, std::string_view value) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
        const int size = static_cast<int>(value.size());
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, size, -1, 0) == 1;
    };
    if (!add("O", "gridd")) return false;
    const auto characters = std::count_if(common_name.begin(), common_name.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    });
    if (common_name.empty() || static_cast<std::size_t>(characters) > common_name_max) return true;
    return add("CN", common_name);
}

bool add_extension(X509V3_CTX& context, X509* certificate, int nid, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())
    );
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_extensions(X509* certificate, X509* issuer, const Request& request) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::string basic = request.is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE";
    if (!add_extension(context, certificate, NID_basic_constraints, basic)) return false;
    if (!add_extension(context, certificate, NID_key_usage, request.usage)) return false;
    if (!request.extended_usage.empty() &&
        !add_extension(context, certificate, NID_ext_key_usage, request.extended_usage))
        return false;
    if (!add_extension(context, certificate, NID_subject_key_identifier, "hash")) return false;
    if (!add_extension(context, certificate, NID_authority_key_identifier, "keyid:always"))
        return false;
    if (!request.names) return true;
    return X509_add1_ext_i2d(certificate, NID_subject_alt_name, request.names.get(), 0, 0) == 1;
}

std::string to_pem(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    return PEM_write_bio_X509(bio.get(), certificate) == 1 ? text_of(bio.get()) : "";
}

std::string to_pem(EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    const int done =
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return done == 1 ? text_of(bio.get()) : "";
}

/// Self-signed when there is no issuer.
PkiResult<KeyPair> make(
    const Request& request,
    X509* issuer,
    EVP_PKEY* issuer_key,
    storage::Millis not_before,
    storage::Millis not_after
) {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr certificate(X509_new());
    if (!key || !certificate) return openssl_error("no key could be made");
    X509* self = certificate.get();
    X509* by = issuer != nullptr ? issuer : self;
    const bool built =
        X509_set_version(self, X509_VERSION_3) == 1 && set_serial(self) &&
        set_time(X509_getm_notBefore(self), not_before) &&
        set_time(X509_getm_notAfter(self), not_after) &&
        set_subject(X509_get_subject_name(self), request.common_name) &&
        X509_set_issuer_name(self, X509_get_subject_name(by)) == 1 &&
        X509_set_pubkey(self, key.get()) == 1 && add_extensions(self, by, request) &&
        X509_sign(self, issuer_key != nullptr ? issuer_key : key.get(), EVP_sha256()) > 0;
    if (!built) return openssl_error("no certificate could be made");
    KeyPair pair{to_pem(self), to_pem(key.get())};
    if (pair.certificate.empty() || pair.key.empty()) return openssl_error("no PEM could be made");
    return pair;
}

PkiResult<KeyPair> make_signed(
    const KeyPair& ca, const Request& request, storage::Millis now, int days
) {
    const X509Ptr issuer = read_certificate(ca.certificate);
    if (!issuer) return openssl_error("the CA's certificate is not readable");
    const KeyPtr key = read_key(ca.key);
    if (!key) return openssl_error("the CA's key is not readable");
    if (X509_check_private_key(issuer.get(), key.get()) != 1)
        return openssl_error("the CA's key does not belong to its certificate");
    if (X509_check_ca(issuer.get()) != 1) return Failure{"the given CA is no CA (CA:FALSE)"};
    // A chain is valid only while all of it is: longer than the CA would promise too much.
    const storage::Millis ca_end = server::tls::to_millis(X509_get0_notAfter(issuer.get()));
    const storage::Millis ca_begin = server::tls::to_millis(X509_get0_notBefore(issuer.get()));
    if (ca_end <= now) return Failure{"the CA itself has expired: make a new one"};
    const storage::Millis not_before = std::max(now - clock_skew_ms, ca_begin);
    const storage::Millis not_after = std::min(now + days * day_ms, ca_end);
    return make(request, issuer.get(), key.get(), not_before, not_after);
}

void free_extensions(STACK_OF(X509_EXTENSION) * all) {
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
}

/// A host name (ASCII) or an IP literal.
bool push_host(GENERAL_NAMES* names, const std::string& host) {
    std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>> name(GENERAL_NAME_new());
    if (!name) return false;
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str())) {
        GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
    } else {
        ERR_clear_error();
        ASN1_IA5STRING* text = ASN1_IA5STRING_new();
        if (text == nullptr) return false;
        GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
        if (ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) != 1) return false;
    }
    return sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

bool push_hosts(GENERAL_NAMES* names, const std::vector<std::string>& hosts) {
    return std::ranges::all_of(hosts, [names](const std::string& host) {
        return push_host(names, host);
    });
}

bool push_uri(GENERAL_NAMES* names, const std::string& uri) {
    std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>> name(GENERAL_NAME_new());
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    if (!name || text == nullptr) {
        ASN1_IA5STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(name.get(), GEN_URI, text);
    if (ASN1_STRING_set(text, uri.data(), static_cast<int>(uri.size())) != 1) return false;
    return sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

/// RFC 6120 §13.7.1.4: an otherName of type id-on-xmppAddr, as UTF8String.
bool push_xmpp_address(GENERAL_NAMES* names, std::string_view jid) {
    std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>> name(GENERAL_NAME_new());
    ASN1_UTF8STRING* text = ASN1_UTF8STRING_new();
    ASN1_TYPE* value = ASN1_TYPE_new();
    if (!name || text == nullptr || value == nullptr ||
        ASN1_STRING_set(text, jid.data(), static_cast<int>(jid.size())) != 1) {
        ASN1_UTF8STRING_free(text);
        ASN1_TYPE_free(value);
        return false;
    }
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
    if (GENERAL_NAME_set0_othername(name.get(), OBJ_nid2obj(NID_XmppAddr), value) != 1) {
        ASN1_TYPE_free(value);
        return false;
    }
    return sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

bool is_host(const std::string& text) {
    const auto ok = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == ':' || c == '*';
    };
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), ok);
}

using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), Deleter<free_extensions>>;

/// The extensions that a client's certificate is asked to have.
Extensions wanted_extensions(GENERAL_NAMES* names) {
    Extensions all(sk_X509_EXTENSION_new_null());
    const auto add = [&all](X509_EXTENSION* extension) {
        if (extension == nullptr) return false;
        if (sk_X509_EXTENSION_push(all.get(), extension) > 0) return true;
        X509_EXTENSION_free(extension);
        return false;
    };
    const bool built =
        all &&
        add(X509V3_EXT_conf_nid(nullptr, nullptr, NID_key_usage, "critical,digitalSignature")) &&
        add(X509V3_EXT_conf_nid(nullptr, nullptr, NID_ext_key_usage, "clientAuth")) &&
        add(X509V3_EXT_i2d(NID_subject_alt_name, 0, names));
    return built ? std::move(all) : nullptr;
}

}   // namespace

PkiResult<SigningRequest> make_client_request(std::string_view jid) {
    if (jid.empty()) return Failure{"a client certificate needs a JID"};
    const NamesPtr names(GENERAL_NAMES_new());
    if (!names || !push_xmpp_address(names.get(), jid)) return openssl_error(jid);
    const KeyPtr key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>> request(X509_REQ_new());
    const Extensions extensions = wanted_extensions(names.get());
    if (!key || !request || !extensions) return openssl_error("no key could be made");
    const bool built = X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                       set_subject(X509_REQ_get_subject_name(request.get()), std::string(jid)) &&
                       X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                       X509_REQ_add_extensions(request.get(), extensions.get()) == 1 &&
                       X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!built || PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
        return openssl_error("no request could be made");
    SigningRequest made{text_of(bio.get()), to_pem(key.get())};
    if (made.key.empty()) return openssl_error("no PEM could be made");
    return made;
}

PkiResult<KeyPair> make_ca(std::string_view name, storage::Millis now, int days) {
    Request request;
    request.common_name = name;
    request.usage = "critical,keyCertSign,cRLSign";
    request.is_ca = true;
    return make(request, nullptr, nullptr, now - clock_skew_ms, now + days * day_ms);
}

PkiResult<KeyPair> make_server(
    const KeyPair& ca, const std::vector<std::string>& dns_names, storage::Millis now, int days
) {
    if (dns_names.empty()) return Failure{"a server certificate needs a DNS name"};
    Request request;
    request.names.reset(GENERAL_NAMES_new());
    for (const std::string& host : dns_names) {
        if (!is_host(host))
            return Failure{"not a DNS name in ASCII or an IP address: '" + host + "'"};
        if (!push_host(request.names.get(), host)) return openssl_error(host);
    }
    request.common_name = dns_names.front();
    request.usage = "critical,digitalSignature";
    request.extended_usage = "serverAuth";
    return make_signed(ca, request, now, days);
}

PkiResult<KeyPair> make_member(
    const KeyPair& ca,
    std::string_view name,
    const std::vector<std::string>& hosts,
    storage::Millis now,
    int days
) {
    using server::tls::member_urn;
    if (!server::tls::is_member_name(name))
        return Failure{
            "not a member's name: '" + std::string(name) +
            "' (ASCII letters, digits, and \"-\", \"_\", \".\" behind the first; at most 64)"
        };
    Request request;
    request.names.reset(GENERAL_NAMES_new());
    if (!push_uri(request.names.get(), std::string(member_urn).append(name)))
        return openssl_error(name);
    for (const std::string& host : hosts)
        if (!is_host(host))
            return Failure{"not a DNS name in ASCII or an IP address: '" + host + "'"};
    if (!push_hosts(request.names.get(), hosts)) return openssl_error(name);
    request.usage = "critical,digitalSignature";
    request.extended_usage = "serverAuth,clientAuth";
    return make_signed(ca, request, now, days);
}

PkiResult<KeyPair> make_client(
    const KeyPair& ca, std::string_view jid, storage::Millis now, int days
) {
    if (jid.empty()) return Failure{"a client certificate needs a JID"};
    Request request;
    request.names.reset(GENERAL_NAMES_new());
    if (!push_xmpp_address(request.names.get(), jid)) return openssl_error(jid);
    request.common_name = jid;
    request.usage = "critical,digitalSignature";
    request.extended_usage = "clientAuth";
    return make_signed(ca, request, now, days);
}

PkiResult<std::string> make_pkcs12(
    const KeyPair& pair,
    std::string_view authorities,
    const std::string& name,
    const std::string& password
) {
    const X509Ptr certificate = read_certificate(pair.certificate);
    const KeyPtr key = read_key(pair.key);
    const server::tls::OwningStack others(sk_X509_new_null());
    if (!certificate || !key || !others) return openssl_error("no certificate, or no key");
    for (const std::string_view bundle : {std::string_view(pair.certificate), authorities}) {
        const BioPtr bio = server::tls::bio_over(bundle);
        while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
            if (X509_cmp(one, certificate.get()) == 0 || sk_X509_push(others.get(), one) <= 0)
                X509_free(one);
        ERR_clear_error();   // The end of the text is reported as an error.
    }
    const std::unique_ptr<PKCS12, Deleter<PKCS12_free>> made(PKCS12_create(
        password.c_str(), name.c_str(), key.get(), certificate.get(), others.get(), 0, 0, 0, 0, 0
    ));
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!made || !bio || i2d_PKCS12_bio(bio.get(), made.get()) != 1)
        return openssl_error("no PKCS#12 file could be made");
    return PkiResult<std::string>(boost::system::in_place_value, text_of(bio.get()));
}

}   // namespace grid::pki
