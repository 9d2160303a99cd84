// tests/unit/server/tls/tls_crl_test.cpp: revocation lists: read, verified, looked up (S84, S86).
#include <openssl/x509v3.h>

#include <catch2/catch.hpp>

#include "make_revocation.hpp"
#include "server/stamp.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/revocation/crl_set.hpp"

using namespace grid::server;
using namespace grid::test;
using Catch::Contains;
using tls::CrlSet;

namespace {

std::vector<tls::KnownCa> known(std::initializer_list<const Certificate*> all) {
    std::vector<tls::KnownCa> list;
    for (const Certificate* one : all) {
        X509_up_ref(one->certificate.get());
        list.push_back({X509Ptr(one->certificate.get()), tls::key_hash_of(one->certificate.get())});
    }
    return list;
}

std::string link(const Certificate& issuer, const Certificate& certificate) {
    return tls::key_hash_of(issuer.certificate.get()) + ":" +
           tls::serial_of(certificate.certificate.get());
}

void add_extension(X509_CRL* list, int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    REQUIRE(extension != nullptr);
    X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
}

}   // namespace

TEST_CASE("S84: a list is read from PEM, several in a file, and DER, and not when it is cut off") {
    const auto ca = make_ca("ca"), other = make_ca("other");
    const auto one = make_crl(ca), two = make_crl(other);
    const TemporaryFiles files;
    const std::string both = crl_pem(one.get()) + crl_pem(two.get());
    CHECK(tls::read_crls(files.write("a", both))->size() == 2);
    CHECK(tls::read_crls(files.write("b", crl_der(one.get())))->size() == 1);
    const auto fails = [&](const std::string& content) {
        auto read = tls::read_crls(files.write("c", content));
        REQUIRE_FALSE(read.has_value());
        CHECK_THAT(read.error(), Contains("no certificate revocation list"));
    };
    fails("");
    fails("hello");
    fails(both.substr(0, both.size() - 40));
    fails(crl_der(one.get()).substr(0, 100));
    fails(crl_der(one.get()) + "x");
    CHECK_FALSE(tls::read_crls(files.path("missing")).has_value());
    const auto found = tls::find_files({files.path(""), files.path("missing")});
    CHECK(found.files.size() == 3);
    CHECK(found.missing == std::vector<std::string>{files.path("missing")});
}

TEST_CASE("S84: only the CA's own key makes its list, whatever the name") {
    const auto ca = make_ca("the ca"), twin = make_ca("the ca");
    const auto bad = make_client(ca, "bad@grid.example");
    const auto good = make_client(ca, "good@grid.example");
    const auto list = make_crl(ca, {.revoked = {bad.certificate.get()}});
    const auto by_twin = make_crl(twin, {.revoked = {good.certificate.get()}});
    const auto authorities = known({&ca});
    const auto read = tls::verify_crl(list.get(), authorities);
    REQUIRE(read.crl != nullptr);
    CHECK(read.crl->serials.size() == 1);
    const auto forged = tls::verify_crl(by_twin.get(), authorities);
    CHECK(forged.crl == nullptr);
    CHECK(forged.is_orphan);
    CrlSet set;
    set.add(read.crl);
    const auto standing = [&](const std::vector<std::string>& path) {
        return set.check(path, now()).standing;
    };
    CHECK(standing({link(ca, bad)}) == CrlSet::Standing::Revoked);
    CHECK(standing({link(ca, good)}) == CrlSet::Standing::Good);
    CHECK(standing({link(twin, bad)}) == CrlSet::Standing::Unknown);
    // Of a path the revoked one counts, wherever it stands.
    const std::vector<std::string> path{link(twin, good), link(ca, bad)};
    CHECK(set.check(path, now()).standing == CrlSet::Standing::Revoked);
    CHECK(set.check(path, now()).depth == 1);
}

TEST_CASE("S86: past its nextUpdate a list still revokes, and says nothing of the others") {
    const auto ca = make_ca("ca");
    const auto bad = make_client(ca, "bad@grid.example"), good = make_client(ca, "g@grid.example");
    const auto list = make_crl(
        ca, {.revoked = {bad.certificate.get()}, .this_update = -7200, .next_update = -3600}
    );
    CrlSet set;
    set.add(tls::verify_crl(list.get(), known({&ca})).crl);
    CHECK(set.check(std::vector{link(ca, bad)}, now()).standing == CrlSet::Standing::Revoked);
    const auto finding = set.check(std::vector{link(ca, good)}, now());
    CHECK(finding.standing == CrlSet::Standing::Unknown);
    CHECK(finding.crl != nullptr);
}

TEST_CASE("S84: what a new list revokes beyond the old one, and that the newest counts") {
    const auto ca = make_ca("ca");
    const auto a = make_client(ca, "a@grid.example"), b = make_client(ca, "b@grid.example");
    const auto old = make_crl(ca, {.revoked = {a.certificate.get()}, .this_update = -7200});
    const auto fresh = make_crl(ca, {.revoked = {b.certificate.get(), a.certificate.get()}});
    const auto authorities = known({&ca});
    CrlSet before, after;
    before.add(tls::verify_crl(old.get(), authorities).crl);
    after.add(tls::verify_crl(fresh.get(), authorities).crl);
    after.add(tls::verify_crl(old.get(), authorities).crl);   // an older one beside it
    CHECK(after.newly_revoked(before) == std::vector<std::string>{link(ca, b)});
    CHECK(before.newly_revoked(after).empty());
    CHECK(after.newly_revoked({}).size() == 2);
}

TEST_CASE("S86: an older list in place of a newer one takes no revocation back") {
    const auto ca = make_ca("ca"), other = make_ca("other");
    const auto a = make_client(ca, "a@grid.example"), b = make_client(ca, "b@grid.example");
    const auto authorities = known({&ca, &other});
    const auto read = [&](X509_CRL* list) { return tls::verify_crl(list, authorities).crl; };
    const auto old = make_crl(ca, {.revoked = {b.certificate.get()}, .this_update = -7200});
    const auto newer = make_crl(ca, {.revoked = {a.certificate.get()}, .this_update = -3600});
    CrlSet in_force;
    in_force.add(read(newer.get()));
    CrlSet next;
    next.add(read(old.get()));
    next.add(read(make_crl(other).get()));
    CHECK(next.keep_newer(in_force) == std::vector<std::string>{"CN=ca"});
    CHECK(next.check(std::vector{link(ca, a)}, now()).standing == CrlSet::Standing::Revoked);
    CHECK(next.check(std::vector{link(ca, b)}, now()).standing == CrlSet::Standing::Good);
    CHECK(next.size() == 2);
    // Its successor counts again, and a list that is gone says nothing.
    CrlSet later;
    later.add(read(make_crl(ca, {.this_update = -60}).get()));
    CHECK(later.keep_newer(next).empty());
    CHECK(later.check(std::vector{link(ca, a)}, now()).standing == CrlSet::Standing::Good);
    CHECK(CrlSet{}.keep_newer(next).empty());
}

TEST_CASE("S84: lists that would be misread are not used: partial, delta, unknown and critical") {
    const auto ca = make_ca("ca");
    const auto complaint = [&](std::function<void(X509_CRL*)> change) {
        const auto list = make_crl(ca, {.change = std::move(change)});
        const auto read = tls::verify_crl(list.get(), known({&ca}));
        CHECK(read.crl == nullptr);
        return read.complaint;
    };
    CHECK_THAT(
        complaint([](X509_CRL* list) {
            add_extension(list, NID_issuing_distribution_point, "critical,onlyuser:TRUE");
        }),
        Contains("part of the CA's certificates")
    );
    CHECK_THAT(
        complaint([](X509_CRL* list) {
            ASN1_INTEGER* number = ASN1_INTEGER_new();
            ASN1_INTEGER_set(number, 1);
            X509_CRL_add1_ext_i2d(list, NID_delta_crl, number, 1, 0);
            ASN1_INTEGER_free(number);
        }),
        Contains("delta")
    );
    // Not critical and of no account.
    const auto numbered = make_crl(ca, {.change = [](X509_CRL* list) {
                                       ASN1_INTEGER* number = ASN1_INTEGER_new();
                                       ASN1_INTEGER_set(number, 1);
                                       X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0);
                                       ASN1_INTEGER_free(number);
                                   }});
    CHECK(tls::verify_crl(numbered.get(), known({&ca})).crl != nullptr);
}
