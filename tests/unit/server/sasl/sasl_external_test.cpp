// tests/unit/server/sasl/sasl_external_test.cpp: which identity EXTERNAL chooses (RFC 4422 A,
// XEP-0178).
#include <catch2/catch.hpp>

#include "server/sasl/external.hpp"

namespace sasl_external_test {

using namespace grid;
using server::sasl::Challenge;
using server::sasl::External;
using server::sasl::Failure;
using server::sasl::Step;
using server::sasl::Success;

namespace {

server::tls::Presented certificate(const std::vector<std::string>& jids) {
    server::tls::Presented presented;
    presented.present = presented.acceptable = true;
    for (const auto& jid : jids) presented.identities.push_back(xml::Jid::parse(jid).value());
    return presented;
}

/// `account JID`, `challenge`, or the condition.
std::string outcome(const Step& step) {
    if (const auto* success = std::get_if<Success>(&step))
        return "account " + success->account.str();
    if (std::holds_alternative<Challenge>(step)) return "challenge";
    const auto& failure = std::get<Failure>(step);
    CHECK_FALSE(failure.text.empty());
    return failure.condition + (failure.is_final ? "!" : "");
}

using Initial = std::optional<std::string>;

std::string start(
    const std::vector<std::string>& jids, const Initial& initial, const std::string& from = {}
) {
    const auto presented = certificate(jids);
    External external(presented, from.empty() ? xml::Jid() : xml::Jid::parse(from).value());
    return outcome(external.start(initial));
}

}   // namespace

TEST_CASE("one identity needs no authorization identity", "[sasl]") {
    CHECK(start({"a@g"}, "") == "account a@g");
    CHECK(start({"a@g"}, {}) == "account a@g");
    CHECK(start({"a@g"}, "", "a@g") == "account a@g");
}

TEST_CASE("an authorization identity must be one of the certificate's, bare", "[sasl]") {
    CHECK(start({"a@g", "b@g"}, "b@g") == "account b@g");
    CHECK(start({"a@g", "b@g"}, "B@G") == "account b@g");
    CHECK(start({"a@g"}, "b@g") == "invalid-authzid");
    CHECK(start({"a@g"}, "a@g/r") == "invalid-authzid");
    CHECK(start({"a@g"}, "g") == "invalid-authzid");
    CHECK(start({"a@g"}, "@") == "invalid-authzid");
    CHECK(start({"a@g"}, std::string("a@g\0", 4)) == "invalid-authzid");
    CHECK(start({"a@g"}, std::string("a@g\xff", 4)) == "invalid-authzid");
}

TEST_CASE("of several identities one must be named, by authzid or stream header", "[sasl]") {
    CHECK(start({"a@g", "b@g"}, "") == "invalid-authzid");
    CHECK(start({"a@g", "b@g"}, "", "b@g") == "account b@g");
    CHECK(start({"a@g", "b@g"}, {}, "b@g") == "account b@g");
    CHECK(start({"a@g", "b@g"}, "", "c@g") == "invalid-authzid");
    CHECK(start({"a@g", "b@g"}, "a@g", "b@g") == "account a@g");
}

TEST_CASE("without an initial response the client is asked which identity it means", "[sasl]") {
    const auto presented = certificate({"a@g", "b@g"});
    External external(presented, {});
    CHECK(outcome(external.start({})) == "challenge");
    CHECK(outcome(external.respond("b@g")) == "account b@g");
    CHECK(outcome(external.respond("")) == "invalid-authzid");
}

TEST_CASE("a certificate that stands for nobody is told why, for good", "[sasl]") {
    server::tls::Presented none;
    none.reason = "expired on 2026-01-01";
    External external(none, {});
    const auto step = external.start("");
    CHECK(outcome(step) == "not-authorized!");
    CHECK(std::get<Failure>(step).text == none.reason);
}

TEST_CASE("absent, empty and malformed messages are told apart (RFC 6120 6.4.2)", "[sasl]") {
    using server::sasl::decode;
    CHECK_FALSE(decode("").message);
    CHECK(decode("").is_valid);
    CHECK(decode("=").message == std::string());
    CHECK(decode("YUBn").message == std::string("a@g"));
    for (const char* bad : {"==", "YUBn ", " YUBn", "YUB", "YU\nBn", "Y*Bn", "===="})
        CHECK_FALSE(decode(bad).is_valid);
}

}   // namespace sasl_external_test
