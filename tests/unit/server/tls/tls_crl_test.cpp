// tests/unit/server/tls/tls_crl_test.cpp: revocation lists: read, verified, looked up (S84, S86).
#include <openssl/x509v3.h>

#include <catch2/catch.hpp>

#include "make_revocation.hpp"
#include "server/clock.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/revocation/crl_set.hpp"

namespace tls_crl_test {

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
    next.add_all(in_force);
    CHECK_FALSE(next.add(read(old.get())));
    CHECK(next.add(read(make_crl(other).get())));
    CHECK(next.check(std::vector{link(ca, a)}, now()).standing == CrlSet::Standing::Revoked);
    CHECK(next.check(std::vector{link(ca, b)}, now()).standing == CrlSet::Standing::Good);
    CHECK(next.size() == 2);
    // A list of which the file is gone counts on; its successor takes its place.
    CrlSet later;
    later.add_all(next);
    CHECK(later.check(std::vector{link(ca, a)}, now()).standing == CrlSet::Standing::Revoked);
    CHECK(later.add(read(make_crl(ca, {.this_update = -60}).get())));
    CHECK(later.check(std::vector{link(ca, a)}, now()).standing == CrlSet::Standing::Good);
}

namespace {

void add_number(X509_CRL* list, int kind, long value, bool is_critical) {
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, value);
    X509_CRL_add1_ext_i2d(list, kind, number, is_critical ? 1 : 0, 0);
    ASN1_INTEGER_free(number);
}

void add_unknown(X509_CRL* list) {
    ASN1_OBJECT* kind = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    const unsigned char nothing[] = {5, 0};
    ASN1_OCTET_STRING_set(value, nothing, sizeof nothing);
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, kind, 1, value);
    X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(kind);
}

/// The entries of a list that is about to be signed.
X509_REVOKED* first_entry(X509_CRL* list) {
    return sk_X509_REVOKED_value(X509_CRL_get_REVOKED(list), 0);
}

}   // namespace

TEST_CASE("found 30: whom a list names is revoked, whatever else the list does not cover") {
    const auto ca = make_ca("ca");
    const auto bad = make_client(ca, "bad@grid.example"), good = make_client(ca, "g@grid.example");
    const auto below = make_ca("below", &ca);
    using Change = std::function<void(X509_CRL*)>;
    const auto point = [](const char* value) -> Change {
        return
            [value](X509_CRL* list) { add_extension(list, NID_issuing_distribution_point, value); };
    };
    struct Row {
        const char* name;
        Change change;
        bool covers_clients, covers_authorities;
    };
    const std::vector<Row> rows{
        {"plain", {}, true, true},
        {"full name", point("critical,fullname:URI:http://ca.example/1"), true, true},
        {"users", point("critical,onlyuser:TRUE"), true, false},
        {"CAs", point("critical,onlyCA:TRUE"), false, true},
        {"attributes", point("critical,onlyAA:TRUE"), false, false},
        {"some reasons", point("critical,onlysomereasons:keyCompromise"), false, false},
        {"indirect", point("critical,indirectCRL:TRUE"), false, false},
        {"delta", [](X509_CRL* list) { add_number(list, NID_delta_crl, 1, true); }, false, false},
        {"unknown and critical", add_unknown, false, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto list = make_crl(ca, {.revoked = {bad.certificate.get()}, .change = row.change});
        const auto read = tls::verify_crl(list.get(), known({&ca}));
        REQUIRE(read.crl != nullptr);
        CHECK(read.complaint.empty() == (row.covers_clients && row.covers_authorities));
        CrlSet set;
        set.add(read.crl);
        const auto standing = [&](const Certificate& one, bool is_client) {
            // Of the path of a client below `below`, or of `ca` itself.
            std::vector<std::string> path{link(ca, one)};
            if (!is_client) path.insert(path.begin(), link(below, good));
            return set.check(path, now());
        };
        CHECK(standing(bad, true).standing == CrlSet::Standing::Revoked);
        CHECK(standing(bad, false).standing == CrlSet::Standing::Revoked);
        CHECK((standing(good, true).standing == CrlSet::Standing::Good) == row.covers_clients);
        CHECK(
            set.of(tls::key_hash_of(ca.certificate.get()), read.crl->scope)->covers(1) ==
            row.covers_authorities
        );
    }
}

TEST_CASE("found 30: a part of a CA's lists stands beside the others, and a full list fills the gap"
) {
    const auto ca = make_ca("ca");
    const auto a = make_client(ca, "a@grid.example"), b = make_client(ca, "b@grid.example");
    const auto c = make_client(ca, "c@grid.example");
    const auto authorities = known({&ca});
    CrlSet set;
    const auto add = [&](const Certificate& one, std::function<void(X509_CRL*)> change) {
        set.add(tls::verify_crl(
                    make_crl(ca, {.revoked = {one.certificate.get()}, .change = std::move(change)})
                        .get(),
                    authorities
        )
                    .crl);
    };
    add(a, [](X509_CRL* list) {
        add_extension(
            list, NID_issuing_distribution_point, "critical,onlysomereasons:keyCompromise"
        );
    });
    const auto standing = [&](const Certificate& one) {
        return set.check(std::vector{link(ca, one)}, now()).standing;
    };
    CHECK(standing(c) == CrlSet::Standing::Unknown);
    add(b, {});
    CHECK(set.size() == 2);
    CHECK(standing(a) == CrlSet::Standing::Revoked);
    CHECK(standing(b) == CrlSet::Standing::Revoked);
    CHECK(standing(c) == CrlSet::Standing::Good);
}

TEST_CASE("found 30: an entry that ends a hold revokes nothing, and one of another CA is that CA's"
) {
    const auto root = make_ca("root"), below = make_ca("below", &root), other = make_ca("other");
    const auto client = make_client(below, "a@grid.example");
    const auto authorities = known({&root, &below, &other});
    const auto ended =
        make_crl(root, {.revoked = {client.certificate.get()}, .change = [](X509_CRL* l) {
                            add_number(l, NID_delta_crl, 1, true);
                            ASN1_ENUMERATED* reason = ASN1_ENUMERATED_new();
                            ASN1_ENUMERATED_set(reason, 8);
                            X509_REVOKED_add1_ext_i2d(first_entry(l), NID_crl_reason, reason, 0, 0);
                            ASN1_ENUMERATED_free(reason);
                        }});
    CHECK(tls::verify_crl(ended.get(), authorities).crl->serials.empty());
    const auto about = [&](const Certificate& issuer) {
        return make_crl(root, {.revoked = {client.certificate.get()}, .change = [&](X509_CRL* l) {
                                   add_extension(
                                       l, NID_issuing_distribution_point,
                                       "critical,indirectCRL:TRUE"
                                   );
                                   GENERAL_NAMES* names = GENERAL_NAMES_new();
                                   GENERAL_NAME* name = GENERAL_NAME_new();
                                   GENERAL_NAME_set0_value(
                                       name, GEN_DIRNAME,
                                       X509_NAME_dup(X509_get_subject_name(issuer.certificate.get())
                                       )
                                   );
                                   sk_GENERAL_NAME_push(names, name);
                                   X509_REVOKED_add1_ext_i2d(
                                       first_entry(l), NID_certificate_issuer, names, 1, 0
                                   );
                                   GENERAL_NAMES_free(names);
                               }});
    };
    const auto standing = [&](const Certificate& named, const Certificate& issuer) {
        CrlSet set;
        set.add(tls::verify_crl(about(named).get(), authorities).crl);
        return set.check(std::vector{link(issuer, client)}, now()).standing;
    };
    CHECK(standing(below, below) == CrlSet::Standing::Revoked);
    CHECK(standing(below, root) == CrlSet::Standing::Unknown);   // the same serial, another CA
    CHECK(standing(root, root) == CrlSet::Standing::Revoked);
    CHECK(standing(other, other) == CrlSet::Standing::Unknown);   // which the root did not certify
}

TEST_CASE(
    "found 31: the number of a list says which is newer, and a CA that counts anew loses nothing"
) {
    const auto ca = make_ca("ca");
    const auto a = make_client(ca, "a@grid.example"), b = make_client(ca, "b@grid.example");
    const auto authorities = known({&ca});
    const auto read = [&](long number, long time, const Certificate& revoked) {
        const auto list = make_crl(
            ca, {.revoked = {revoked.certificate.get()},
                 .this_update = time,
                 .change = [number](X509_CRL* l) { add_number(l, NID_crl_number, number, false); }}
        );
        return tls::verify_crl(list.get(), authorities).crl;
    };
    CrlSet set;
    const auto is_revoked = [&](const Certificate& one) {
        return set.check(std::vector{link(ca, one)}, now()).standing == CrlSet::Standing::Revoked;
    };
    CHECK(set.add(read(255, -600, a)));
    CHECK_FALSE(set.add(read(254, -700, b)));   // older by both
    CHECK_FALSE(is_revoked(b));
    CHECK(set.add(read(256, -800, a)));   // a clock that was set right in between
    CHECK(is_revoked(a));
    CHECK_FALSE(set.add(read(1, -60, b)));   // counted anew: which is newer cannot be told
    CHECK(is_revoked(a));
    CHECK(is_revoked(b));
    CHECK(set.check(std::vector{link(ca, ca)}, now()).standing == CrlSet::Standing::Good);
}

}   // namespace tls_crl_test
