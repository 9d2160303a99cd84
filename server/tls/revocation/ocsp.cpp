// server/tls/revocation/ocsp.cpp: see ocsp.hpp.
#include "server/tls/revocation/ocsp.hpp"

#include <openssl/err.h>

#include "server/tls/certificate_text.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/openssl_error.hpp"

namespace grid::server::tls {

namespace {

/// How far a responder's clock may be from ours.
constexpr long clock_seconds_max = 300;
/// RFC 6960 §4.2.2.1: without a nextUpdate newer information is there all the time, so that an old
/// answer is a replay.
constexpr long age_seconds_max = 300;

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Deleter<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Deleter<OCSP_BASICRESP_free>>;
using StackPtr = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) {
                                     sk_X509_free(stack);   // not what is in it
                                 })>;

std::string first_http_url(X509* certificate) {
    STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(certificate);
    std::string found;
    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && found.empty(); ++i) {
        const std::string_view url = sk_OPENSSL_STRING_value(urls, i);
        if (url.starts_with("http://")) found = url;
    }
    X509_email_free(urls);
    return found;
}

storage::Millis to_time(const ASN1_GENERALIZEDTIME* time) {
    return time != nullptr ? to_millis(time) : 0;
}

}   // namespace

std::optional<OcspSubject> ocsp_subject(X509* certificate, X509* issuer) {
    if (certificate == nullptr || issuer == nullptr) return std::nullopt;
    // RFC 5019 §2.1.1: SHA-1 is what every responder understands; nothing rests on it but the name
    // of the question.
    const OcspId id(OCSP_cert_to_id(EVP_sha1(), certificate, issuer));
    unsigned char* der = nullptr;
    const int size = id ? i2d_OCSP_CERTID(id.get(), &der) : 0;
    if (size <= 0) return std::nullopt;
    OcspSubject subject{
        share(issuer), to_text(X509_get_subject_name(certificate)), first_http_url(certificate), {}
    };
    subject.id.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return subject;
}

OcspId id_of(const OcspSubject& subject) {
    const auto* at = reinterpret_cast<const unsigned char*>(subject.id.data());
    return OcspId(d2i_OCSP_CERTID(nullptr, &at, static_cast<long>(subject.id.size())));
}

OcspQuestion make_question(const OcspSubject& subject, bool with_nonce) {
    OcspQuestion question{{}, {OCSP_REQUEST_new(), OCSP_REQUEST_free}};
    OcspId id = id_of(subject);
    if (id && OCSP_request_add0_id(question.request.get(), id.get()) != nullptr)
        (void)id.release();   // the request's
    if (with_nonce) OCSP_request_add1_nonce(question.request.get(), nullptr, -1);
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_REQUEST(question.request.get(), &der);
    if (size > 0)
        question.der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return question;
}

Result<OcspAnswer, std::string> read_answer(
    std::string_view der,
    const OcspSubject& subject,
    const OcspQuestion& question,
    X509_STORE* anchors
) {
    const auto fail = [](std::string why) {
        const std::string detail = take_openssl_failure();
        if (!detail.empty()) why += ": " + detail;
        return Result<OcspAnswer, std::string>(boost::system::in_place_error, std::move(why));
    };
    ERR_clear_error();
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (!response) return fail("the responder's answer cannot be read");
    if (const int status = OCSP_response_status(response.get());
        status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return fail(std::string("the responder says ") + OCSP_response_status_str(status));
    const BasicPtr basic(OCSP_response_get1_basic(response.get()));
    if (!basic) return fail("the responder's answer is of an unknown kind");
    // 1: the same; 2, 3: none on one side or both; 0: another one, -1: ours is not repeated.
    if (OCSP_check_nonce(question.request.get(), basic.get()) == 0)
        return fail("the responder's answer has another nonce: it is a replay");
    const StackPtr known(sk_X509_new_null());
    sk_X509_push(known.get(), subject.issuer.get());
    if (OCSP_basic_verify(basic.get(), known.get(), anchors, 0) != 1)
        return fail("the responder's signature is not good");
    const OcspId id = id_of(subject);
    int status = 0, reason = 0;
    ASN1_GENERALIZEDTIME *revoked = nullptr, *begin = nullptr, *end = nullptr;
    if (!id ||
        OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, &revoked, &begin, &end) != 1)
        return fail("the responder's answer is about another certificate");
    const long age_max = end != nullptr ? -1 : age_seconds_max;
    if (OCSP_check_validity(begin, end, clock_seconds_max, age_max) != 1)
        return fail("the responder's answer is not current");
    OcspAnswer answer;
    if (status == V_OCSP_CERTSTATUS_GOOD) answer.standing = OcspStanding::Good;
    if (status == V_OCSP_CERTSTATUS_REVOKED) answer.standing = OcspStanding::Revoked;
    answer.this_update = to_time(begin);
    answer.next_update = to_time(end);
    answer.revoked_at = to_time(revoked);
    return answer;
}

}   // namespace grid::server::tls
