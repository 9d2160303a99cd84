// tests/unit/server/tls/tls_ocsp_test.cpp: OCSP answers that may be believed, and for how long.
#include <catch2/catch.hpp>

#include "make_revocation.hpp"
#include "server/clock.hpp"
#include "server/tls/revocation/ocsp_cache.hpp"
#include "server/tls/revocation/ocsp_recheck.hpp"

namespace tls_ocsp_test {

using namespace grid::server;
using namespace grid::test;
using Catch::Contains;

namespace {

struct Asked {
    Certificate ca = make_ca("ca"), client = make_client(ca, "a@grid.example");
    tls::OcspSubject subject = *tls::ocsp_subject(client.certificate.get(), ca.certificate.get());
    tls::OcspQuestion question = tls::make_question(subject, true);
    tls::StorePtr anchors{X509_STORE_new()};

    Asked() { X509_STORE_add_cert(anchors.get(), ca.certificate.get()); }
    auto read(const std::string& der) const {
        return tls::read_answer(der, subject, question, anchors.get());
    }
    auto read(const OcspSpec& spec) const { return read(make_ocsp(subject, question, ca, spec)); }
    std::string why(const OcspSpec& spec) const {
        auto answer = read(spec);
        return answer ? std::string() : answer.error();
    }
};

}   // namespace

TEST_CASE("S84: an answer that the issuer signed is believed: good, revoked, unknown") {
    const Asked asked;
    CHECK_FALSE(asked.question.der.empty());
    const auto good = asked.read(OcspSpec{});
    REQUIRE(good.has_value());
    CHECK(good->standing == tls::OcspStanding::Good);
    CHECK(good->next_update > now());
    const auto revoked = asked.read(OcspSpec{.status = V_OCSP_CERTSTATUS_REVOKED});
    CHECK(revoked->standing == tls::OcspStanding::Revoked);
    CHECK(revoked->revoked_at > 0);
    CHECK(
        asked.read(OcspSpec{.status = V_OCSP_CERTSTATUS_UNKNOWN})->standing ==
        tls::OcspStanding::Unknown
    );
    CHECK(asked.read(OcspSpec{.next_update = 0})->next_update == 0);
    CHECK(asked.read(OcspSpec{.repeats_nonce = false}).has_value());   // many do not
}

TEST_CASE(
    "S86: an answer by another key, about another certificate, old, replayed or broken is none"
) {
    const Asked asked;
    const auto impostor = make_ca("ca");
    const auto by_impostor = make_ocsp(asked.subject, asked.question, impostor);
    CHECK_THAT(asked.read(by_impostor).error(), Contains("signature"));
    // Another client of the same CA has no say, though the CA signed its certificate.
    const auto by_client = make_ocsp(asked.subject, asked.question, asked.client);
    CHECK_THAT(asked.read(by_client).error(), Contains("signature"));
    const auto other = make_client(asked.ca, "b@grid.example");
    const auto about_other =
        *tls::ocsp_subject(other.certificate.get(), asked.ca.certificate.get());
    CHECK_THAT(
        asked.read(make_ocsp(about_other, asked.question, asked.ca)).error(),
        Contains("another certificate")
    );
    CHECK_THAT(asked.why({.this_update = -7200, .next_update = -3600}), Contains("not current"));
    CHECK_THAT(asked.why({.this_update = 3600, .next_update = 7200}), Contains("not current"));
    const auto earlier = tls::make_question(asked.subject, true);
    CHECK_THAT(asked.read(make_ocsp(asked.subject, earlier, asked.ca)).error(), Contains("replay"));
    CHECK_THAT(asked.read("").error(), Contains("cannot be read"));
    CHECK_THAT(asked.read("<html>no</html>").error(), Contains("cannot be read"));
    std::string der = make_ocsp(asked.subject, asked.question, asked.ca);
    der.resize(der.size() / 2);
    CHECK_FALSE(asked.read(der).has_value());
    CHECK_FALSE(tls::ocsp_subject(asked.client.certificate.get(), nullptr).has_value());
}

TEST_CASE("S86: without a nextUpdate an answer is believed while it is fresh, nonce or not") {
    const Asked asked;
    for (const bool repeats : {true, false}) {
        CHECK(asked.why({.this_update = -60, .next_update = 0, .repeats_nonce = repeats}).empty());
        CHECK_THAT(
            asked.why({.this_update = -7200, .next_update = 0, .repeats_nonce = repeats}),
            Contains("not current")
        );
    }
}

TEST_CASE("S84: a certificate is asked about again when its answer ends, once at a time") {
    tls::RecheckPlan plan;
    const auto due = [&](std::int64_t time, std::size_t max = 10) {
        std::string links;
        for (const auto& [link, subject] : plan.take_due(time, max))
            links += (links.empty() ? "" : " ") + link + "=" + subject.name;
        return links;
    };
    const auto watch = [&](const std::string& link, std::int64_t until, std::int64_t time) {
        plan.watch(link, tls::OcspSubject{nullptr, "n-" + link, {}, {}}, until, time);
    };
    watch("a", 20'000, 0);
    watch("b", 5'000, 0);
    watch("c", 0, 0);   // no answer: in a minute
    CHECK(due(4'999).empty());
    CHECK(due(20'000, 1) == "b=n-b");
    CHECK(due(20'000) == "a=n-a");
    CHECK(due(50'000).empty());   // their answers are on the way
    watch("a", 60'000, 50'000);   // another login does not change that
    CHECK(due(50'000).empty());
    plan.put_off("a", 90'000, 50'000);
    plan.put_off("b", 0, 50'000);   // the responder is silent: again in a minute
    CHECK(due(89'999) == "c=n-c");
    CHECK(due(110'000) == "a=n-a b=n-b");
    plan.put_off("a", 100'000, 110'000);   // an answer that has ended is not asked for all the time
    CHECK(due(110'999).empty());
    CHECK(due(111'000) == "a=n-a");
    // Unused entries are dropped; one that may be of a login which is going on stays.
    watch("d", 1'000, 111'000);
    CHECK(due(112'000) == "d=n-d");
    for (const char* link : {"a", "b", "c", "d", "unknown"}) plan.drop(link, 112'000);
    CHECK(plan.size() == 1);
    CHECK(due(172'000) == "d=n-d");
    plan.drop("d", 172'000);
    CHECK(plan.size() == 0);
}

TEST_CASE("the cache keeps answers until their nextUpdate, a bounded number of them") {
    tls::OcspCache cache(3, 60'000);
    const auto keep = [&](const std::string& id, std::int64_t next, std::int64_t time) {
        cache.keep(id, {tls::OcspStanding::Good, 0, next, 0}, time);
    };
    keep("a", 10'000, 0);
    CHECK(cache.find("a", 9'999) != nullptr);
    CHECK(cache.find("a", 10'000) == nullptr);
    CHECK(cache.size() == 0);
    keep("b", 1'000'000, 0);   // no longer than configured
    CHECK(cache.find("b", 59'999) != nullptr);
    CHECK(cache.find("b", 60'000) == nullptr);
    keep("c", 0, 0);   // newer information is always there
    CHECK(cache.find("c", 1) == nullptr);
    cache.keep_failure("d", "down", 0);
    REQUIRE(cache.find("d", 1) != nullptr);
    CHECK(cache.find("d", 1)->failure == "down");
    CHECK(cache.find("d", 5'000) == nullptr);
    for (const char* id : {"1", "2", "3", "4", "5"}) keep(id, 50'000, 0);
    CHECK(cache.size() == 3);
    CHECK(cache.find("2", 1) == nullptr);
    CHECK(cache.find("3", 1) != nullptr);
    keep("3", 50'000, 2);   // again: no second place
    CHECK(cache.size() == 3);
}

}   // namespace tls_ocsp_test
