// tests/unit/server/tls/make_revocation.hpp: revocation lists and OCSP answers, good and bad.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "make_certificate.hpp"
#include "server/tls/revocation/crl_file.hpp"
#include "server/tls/revocation/ocsp.hpp"

namespace grid::test {

struct CrlSpec {
    std::vector<const X509*> revoked{};
    long this_update = -3600, next_update = 3600;   // seconds from now
    std::function<void(X509_CRL*)> change{};        // before it is signed
};
server::tls::CrlPtr make_crl(const Certificate& ca, const CrlSpec& spec = {});
std::string crl_pem(X509_CRL* list);
std::string crl_der(X509_CRL* list);

struct OcspSpec {
    int status = V_OCSP_CERTSTATUS_GOOD;
    long this_update = -60, next_update = 600;   // seconds from now; next 0: none
    bool repeats_nonce = true;
};
/// The answer of a responder with this key, in DER.
std::string make_ocsp(
    const server::tls::OcspSubject& subject,
    const server::tls::OcspQuestion& question,
    const Certificate& responder,
    const OcspSpec& spec = {}
);

}   // namespace grid::test
