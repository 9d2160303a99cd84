// server/tls/revocation/ocsp.hpp: questions to an OCSP responder and its answers, as bytes (RFC
// 6960). No I/O.
#pragma once

#include <openssl/ocsp.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/tls/openssl.hpp"
#include "storage/batch.hpp"
#include "xml/result.hpp"

namespace grid::server::tls {

using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;

/// One certificate to be asked about, without the certificate. Copies share the issuer's.
struct OcspSubject {
    std::shared_ptr<X509> issuer;
    std::string name;   // of the certificate, for people
    std::string url;    // of its authorityInfoAccess; empty: it names none
    std::string id;     // DER of its CertID: the same certificate is the same id
};
using OcspId = std::unique_ptr<OCSP_CERTID, Deleter<OCSP_CERTID_free>>;
OcspId id_of(const OcspSubject& subject);
/// nullopt without the issuer.
std::optional<OcspSubject> ocsp_subject(X509* certificate, X509* issuer);

struct OcspQuestion {
    std::string der;
    std::shared_ptr<OCSP_REQUEST> request;   // for the nonce
};
OcspQuestion make_question(const OcspSubject& subject, bool with_nonce);

enum class OcspStanding { Good, Revoked, Unknown };
struct OcspAnswer {
    OcspStanding standing = OcspStanding::Unknown;
    storage::Millis this_update = 0, next_update = 0;   // next: 0 when newer ones are always there
    storage::Millis revoked_at = 0;
};
/// Verifies the signature (the issuer's, or of a responder that the issuer appointed, up to
/// `anchors`), that it is about this certificate, current, and has no other nonce than the
/// question.
Result<OcspAnswer, std::string> read_answer(
    std::string_view der,
    const OcspSubject& subject,
    const OcspQuestion& question,
    X509_STORE* anchors
);

}   // namespace grid::server::tls
