// tests/unit/server/stream/stream_sasl_test.cpp: SASL EXTERNAL inside the stream (RFC 6120 6,
// XEP-0178).
#include <catch2/catch.hpp>

#include "script.hpp"

namespace stream_sasl_test {

using namespace grid::test;

namespace {

const std::string success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const auto ann = certificate_of({"ann@grid.example"});
const auto two = certificate_of({"a@grid.example", "b@grid.example"});

const std::string ann_authzid = "YW5uQGdyaWQuZXhhbXBsZQ==", b_authzid = "YkBncmlkLmV4YW1wbGU=";

Script refused_once(const std::string& sent, const std::string& failure) {
    return secured(ann) + Script{{sent, {failure}}, {auth("="), {"admit ann@grid.example"}}};
}

}   // namespace

TEST_CASE("example: one xmppAddr, empty authorization identity (XEP-0178 c2s)", "[stream]") {
    check(
        secured(ann) +
        Script{
            {auth("="), {"admit ann@grid.example"}},
            {Admitted{}, {success, "restart"}},
            {client_header(), {offer_bind}},
        }
    );
}

TEST_CASE("no initial response is answered with success at once", "[stream]") {
    check(
        secured(ann) +
        Script{{auth(""), {"admit ann@grid.example"}}, {Admitted{}, {success, "restart"}}}
    );
}

TEST_CASE("an authorization identity chooses (XEP-0178 c2s, case 2)", "[stream]") {
    check(secured(ann) + Script{{auth(ann_authzid), {"admit ann@grid.example"}}});
    check(secured(two) + Script{{auth(b_authzid), {"admit b@grid.example"}}});
    check(
        secured(two, "to='grid.example' from='b@grid.example' version='1.0'") +
        Script{{auth("="), {"admit b@grid.example"}}}
    );
    check(
        secured(two) +
        Script{
            {auth("="),
             {failure_of(
                 "invalid-authzid",
                 "the certificate stands for several addresses: say which one as authorization "
                 "identity"
             )}}
        }
    );
    check(
        secured(two) +
        Script{
            {auth(""), {"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"}},
            {"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + b_authzid + "</response>",
             {"admit b@grid.example"}},
        }
    );
}

TEST_CASE("another's name as authorization identity is refused (6.5.6)", "[stream]") {
    check(refused_once(
        auth(b_authzid),
        failure_of("invalid-authzid", "the certificate does not stand for b@grid.example")
    ));
}

TEST_CASE("the header's from must be who logs in (4.9.3.9)", "[stream]") {
    check(
        secured(ann, "to='grid.example' from='eve@grid.example' version='1.0'") +
        Script{
            {auth("="),
             {error_of("invalid-from", "the header's 'from' is not ann@grid.example"),
              "close stream error invalid-from"}}
        }
    );
    check(
        secured(ann) +
        Script{
            {auth("="), {"admit ann@grid.example"}},
            {Admitted{}, {success, "restart"}},
            {client_header("to='grid.example' from='eve@grid.example' version='1.0'"),
             {"{header}" + error_of("invalid-from", "the header's 'from' is not ann@grid.example"),
              "close stream error invalid-from"}},
        }
    );
    check(
        secured(ann) +
        Script{
            {auth("="), {"admit ann@grid.example"}},
            {Admitted{}, {success, "restart"}},
            {client_header("to='grid.example' from='ann@grid.example/x' version='1.0'"),
             {offer_bind}},
        }
    );
}

TEST_CASE("each malformed attempt gets its condition and may be repeated (6.5)", "[stream]") {
    const std::string sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    check(refused_once(
        auth("*"), failure_of("incorrect-encoding", "the initial response is no base64")
    ));
    check(refused_once(
        "<auth " + sasl + " mechanism='PLAIN'>AGEAYg==</auth>",
        failure_of("invalid-mechanism", "the only mechanism here is EXTERNAL")
    ));
    check(refused_once(
        "<auth " + sasl + "/>",
        failure_of("invalid-mechanism", "the only mechanism here is EXTERNAL")
    ));
    check(refused_once(
        auth("<x/>"), failure_of("malformed-request", "text is expected in &lt;auth/>")
    ));
    check(refused_once(
        "<response " + sasl + "/>",
        failure_of("malformed-request", "a response without a challenge")
    ));
    check(refused_once("<abort " + sasl + "/>", "<failure " + sasl + "><aborted/></failure>"));
}

TEST_CASE("an exchange can be aborted, and answered wrongly (6.5.1)", "[stream]") {
    const std::string sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    const Line challenged{auth(""), {"<challenge " + sasl + "/>"}};
    check(
        secured(two) +
        Script{
            challenged,
            {"<abort " + sasl + "/>", {"<failure " + sasl + "><aborted/></failure>"}},
            {"<response " + sasl + ">=</response>",
             {failure_of("malformed-request", "a response without a challenge")}},
        }
    );
    check(
        secured(two) +
        Script{
            challenged,
            {"<response " + sasl + ">?</response>",
             {failure_of("incorrect-encoding", "the response is no base64")}},
            challenged,
            {"<response " + sasl + "><x/></response>",
             {failure_of("malformed-request", "text is expected in &lt;response/>")}},
        }
    );
    check(
        secured(two) +
        Script{
            {"<success " + sasl + "/>",
             {error_of("unsupported-stanza-type", "unknown to SASL: &lt;success/>"),
              "close stream error unsupported-stanza-type"}},
        }
    );
}

TEST_CASE("too many failed attempts end the stream (6.4.5)", "[stream]") {
    const auto failure = failure_of("incorrect-encoding", "the initial response is no base64");
    check(
        secured(ann) +
        Script{
            {auth("*"), {failure}},
            {auth("*"), {failure}},
            {auth("*"),
             {failure + error_of(
                            "policy-violation",
                            "too many failed attempts to authenticate, the last: incorrect-encoding"
                        ),
              "close stream error policy-violation"}},
        }
    );
}

TEST_CASE(
    "a client without a certificate is told so at once, since no mechanism is left", "[stream]"
) {
    grid::server::tls::Presented none;
    none.reason = "no client certificate was presented";
    auto script = secured(none);
    script.back().actions = {
        "{header}" + error_of("not-authorized", none.reason), "close stream error not-authorized"
    };
    check(script);
}

TEST_CASE(
    "a certificate that cannot log in: EXTERNAL is not offered, and says why (S86)", "[stream]"
) {
    grid::server::tls::Presented expired;
    expired.present = true;
    expired.reason = "the certificate expired on 2026-01-01";
    for (const auto& bad : {expired, certificate_of({})}) {
        auto script = secured(bad);
        script.back().actions = {
            "{header}<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"
            "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>"
            "</stream:features>"
        };
        auto failure = failure_of("not-authorized", bad.reason);
        check(
            script +
            Script{
                {auth("="),
                 {failure + "</stream:stream>",
                  "close authentication failed, not-authorized: " + bad.reason}}
            }
        );
    }
}

TEST_CASE("an account that may not enter gets the controller's reason (6.5.2)", "[stream]") {
    check(
        secured(ann) +
        Script{
            {auth("="), {"admit ann@grid.example"}},
            {Refused{"account-disabled", "disabled by an administrator"},
             {failure_of("account-disabled", "disabled by an administrator")}},
            {auth("="), {"admit ann@grid.example"}},
            {Admitted{}, {success, "restart"}},
        }
    );
}

TEST_CASE("each refused attempt is there for the log, once, with the certificate", "[stream]") {
    Stage stage;
    auto presented = certificate_of({"ann@grid.example"});
    presented.issuer = "CN=grid CA";
    for (const auto& line : secured(presented)) stage.play(line.input);
    CHECK_FALSE(stage.negotiation().take_refusal());
    stage.play(auth(b_authzid));
    const auto refusal = stage.negotiation().take_refusal();
    REQUIRE(refusal);
    CHECK(refusal->condition == "invalid-authzid");
    CHECK(refusal->text == "the certificate does not stand for b@grid.example");
    CHECK(refusal->subject == "CN=test");
    CHECK(refusal->issuer == "CN=grid CA");
    CHECK_FALSE(stage.negotiation().take_refusal());
    stage.play(auth("="));
    stage.play(Refused{"account-disabled", "disabled"});
    CHECK(stage.negotiation().take_refusal()->condition == "account-disabled");
}

TEST_CASE("what comes before the answer to auth is refused", "[stream]") {
    check(
        secured(ann) +
        Script{
            {auth("="), {"admit ann@grid.example"}},
            {"<iq type='get' id='1'/>",
             {error_of("not-authorized", "sent before the last request was answered"),
              "close stream error not-authorized"}},
            {Admitted{}, {}},   // too late
        }
    );
}

}   // namespace stream_sasl_test
