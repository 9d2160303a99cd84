// tests/unit/server/tls/make_revocation.cpp: see make_revocation.hpp.
#include "make_revocation.hpp"

#include <openssl/pem.h>

#include <catch2/catch.hpp>

namespace grid::test {

server::tls::CrlPtr make_crl(const Certificate& ca, const CrlSpec& spec) {
    server::tls::CrlPtr list(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(ca.certificate.get()));
    ASN1_TIME* time = ASN1_TIME_new();
    X509_gmtime_adj(time, spec.this_update);
    X509_CRL_set1_lastUpdate(list.get(), time);
    X509_gmtime_adj(time, spec.next_update);
    X509_CRL_set1_nextUpdate(list.get(), time);
    X509_gmtime_adj(time, spec.this_update);
    for (const X509* certificate : spec.revoked) {
        X509_REVOKED* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(
            entry, const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(certificate))
        );
        X509_REVOKED_set_revocationDate(entry, time);
        X509_CRL_add0_revoked(list.get(), entry);
    }
    ASN1_TIME_free(time);
    if (spec.change) spec.change(list.get());
    REQUIRE(X509_CRL_sign(list.get(), ca.key.get(), EVP_sha256()) > 0);
    return list;
}

std::string crl_pem(X509_CRL* list) {
    const server::tls::BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509_CRL(out.get(), list);
    return server::tls::text_of(out.get());
}

std::string crl_der(X509_CRL* list) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(list, &der);
    std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return bytes;
}

std::string make_ocsp(
    const server::tls::OcspSubject& subject,
    const server::tls::OcspQuestion& question,
    const Certificate& responder,
    const OcspSpec& spec
) {
    OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
    const server::tls::OcspId id = server::tls::id_of(subject);
    ASN1_TIME *begin = X509_gmtime_adj(nullptr, spec.this_update),
              *end = spec.next_update != 0 ? X509_gmtime_adj(nullptr, spec.next_update) : nullptr;
    const bool is_revoked = spec.status == V_OCSP_CERTSTATUS_REVOKED;
    OCSP_basic_add1_status(
        basic, id.get(), spec.status, -1, is_revoked ? begin : nullptr, begin, end
    );
    if (spec.repeats_nonce) OCSP_copy_nonce(basic, question.request.get());
    REQUIRE(
        OCSP_basic_sign(
            basic, responder.certificate.get(), responder.key.get(), EVP_sha256(), nullptr, 0
        ) == 1
    );
    OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(begin);
    ASN1_TIME_free(end);
    return bytes;
}

}   // namespace grid::test
