// tests/unit/server/tls/make_certificate.cpp: X.509 by hand, so that mistakes can be made on
// purpose.
#include "make_certificate.hpp"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include <fstream>
#include <stdexcept>

namespace grid::test {
namespace {

void must(bool happened, const char* what) {
    if (!happened) throw std::runtime_error(what);
}

ASN1_STRING* string_of(int type, const std::string& text) {
    ASN1_STRING* string = ASN1_STRING_type_new(type);
    ASN1_STRING_set(string, text.data(), static_cast<int>(text.size()));
    return string;
}

void add_name(GENERAL_NAMES* names, int type, const std::string& text) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, string_of(V_ASN1_IA5STRING, text));
    sk_GENERAL_NAME_push(names, name);
}

void add_xmpp(GENERAL_NAMES* names, const XmppAddr& address) {
    ASN1_TYPE* value = ASN1_TYPE_new();
    ASN1_TYPE_set(value, address.type, string_of(address.type, address.text));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_othername(name, OBJ_txt2obj("1.3.6.1.5.5.7.8.5", 1), value);
    sk_GENERAL_NAME_push(names, name);
}

void add_alternative_names(X509* certificate, const Spec& spec) {
    const server::tls::NamesPtr names(GENERAL_NAMES_new());
    for (const auto& address : spec.xmpp) add_xmpp(names.get(), address);
    for (const auto& host : spec.dns) add_name(names.get(), GEN_DNS, host);
    for (const auto& email : spec.email) add_name(names.get(), GEN_EMAIL, email);
    if (sk_GENERAL_NAME_num(names.get()) > 0)
        must(
            X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1,
            "subjectAltName"
        );
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    must(extension != nullptr, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}   // namespace

Certificate make(const Spec& spec, const Certificate* issuer) {
    Certificate made{
        X509Ptr(X509_new()),
        KeyPtr(
            spec.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(spec.rsa_bits))
                              : EVP_EC_gen(spec.curve.c_str())
        )
    };
    X509* certificate = made.certificate.get();
    X509_set_version(certificate, 2);
    unsigned char serial[8];
    RAND_bytes(serial, sizeof serial);
    serial[0] = 0x11;
    ASN1_STRING_set(X509_get_serialNumber(certificate), serial, sizeof serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), spec.not_before);
    X509_gmtime_adj(X509_getm_notAfter(certificate), spec.not_after);
    for (const auto& name : spec.common_names)
        X509_NAME_add_entry_by_NID(
            X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
            reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()), -1,
            0
        );
    X509* above = issuer ? issuer->certificate.get() : certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(above));
    X509_set_pubkey(certificate, made.key.get());
    if (spec.is_ca) {
        add_extension(certificate, above, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(certificate, above, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else if (spec.usage) {
        add_extension(certificate, above, NID_ext_key_usage, *spec.usage);
    }
    for (const auto& [name, value] : spec.extensions)
        add_extension(certificate, above, OBJ_sn2nid(name.c_str()), value);
    add_alternative_names(certificate, spec);
    EVP_PKEY* signer = issuer ? issuer->key.get() : made.key.get();
    must(X509_sign(certificate, signer, EVP_sha256()) > 0, "signature");
    return made;
}

Certificate cross_sign(const Certificate& ca, const Certificate& issuer) {
    Certificate made{X509Ptr(X509_dup(ca.certificate.get())), nullptr};
    EVP_PKEY_up_ref(ca.key.get());
    made.key.reset(ca.key.get());
    X509* certificate = made.certificate.get();
    unsigned char serial[8];
    RAND_bytes(serial, sizeof serial);
    serial[0] = 0x12;
    ASN1_STRING_set(X509_get_serialNumber(certificate), serial, sizeof serial);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get()));
    must(X509_sign(certificate, issuer.key.get(), EVP_sha256()) > 0, "signature");
    return made;
}

X509Ptr make_slow(const std::string& subject, const std::string& issuer, int bits) {
    X509Ptr made(X509_new());
    X509* certificate = made.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    const auto name = [](X509_NAME* to, const std::string& text) {
        X509_NAME_add_entry_by_NID(
            to, NID_commonName, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
            static_cast<int>(text.size()), -1, 0
        );
    };
    name(X509_get_subject_name(certificate), subject);
    X509_NAME* above = X509_NAME_new();
    name(above, issuer);
    X509_set_issuer_name(certificate, above);
    X509_NAME_free(above);
    // A key that signs, for the form; then the numbers that a verifier would suffer from.
    const KeyPtr signer(EVP_RSA_gen(2048));
    BIGNUM *modulus = BN_new(), *exponent = BN_new();
    BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    BN_rand(exponent, bits - 2, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    OSSL_PARAM_BLD* numbers = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_E, exponent);
    OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(numbers);
    EVP_PKEY_CTX* maker = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* slow = nullptr;
    must(EVP_PKEY_fromdata_init(maker) > 0, "key from numbers");
    must(EVP_PKEY_fromdata(maker, &slow, EVP_PKEY_PUBLIC_KEY, parameters) > 0, "slow key");
    X509_set_pubkey(certificate, slow);
    EVP_PKEY_free(slow);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(numbers);
    BN_free(modulus);
    BN_free(exponent);
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(certificate, signer.get(), EVP_sha256()) > 0, "signature");
    return made;
}

Certificate make_ca(const std::string& name, const Certificate* issuer) {
    return make({.common_names = {name}, .is_ca = true}, issuer);
}

Certificate make_client(const Certificate& ca, const std::string& jid) {
    return make({.xmpp = {{jid}}}, &ca);
}

Certificate make_server(const Certificate& ca, const std::string& domain) {
    return make({.common_names = {domain}, .usage = "serverAuth", .dns = {domain}}, &ca);
}

std::string to_pem(const X509* certificate) {
    const server::tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return server::tls::text_of(bio.get());
}

std::string to_pem(const EVP_PKEY* key) {
    const server::tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return server::tls::text_of(bio.get());
}

TemporaryFiles::TemporaryFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "grid-tls-XXXXXX").string();
    must(mkdtemp(pattern.data()) != nullptr, "temporary folder");
    folder_ = pattern;
}

TemporaryFiles::~TemporaryFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string TemporaryFiles::write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return path(name);
}

}   // namespace grid::test
