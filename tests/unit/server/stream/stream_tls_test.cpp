// tests/unit/server/stream/stream_tls_test.cpp: STARTTLS, direct TLS, and what is sent in
// between.
#include <catch2/catch.hpp>

#include "script.hpp"
#include "xml/namespaces.hpp"

namespace stream_tls_test {

using namespace grid::test;

namespace {

const std::string starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const std::string proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const std::string injected =
    error_of("policy-violation", "something was sent in the clear behind &lt;starttls/>");

}   // namespace

TEST_CASE("before TLS STARTTLS is offered alone and required (RFC 6120 5.3.1)", "[stream]") {
    check({{client_header(), {offer_starttls}}});
}

TEST_CASE("after STARTTLS a new stream begins, with EXTERNAL for a good certificate", "[stream]") {
    check(secured(certificate_of({"ann@grid.example"})));
}

TEST_CASE("direct TLS begins without STARTTLS and does not offer it (XEP-0368)", "[stream]") {
    check(
        {
            {Tls{certificate_of({"ann@grid.example"})}, {"restart"}},
            {client_header(), {offer_external}},
        },
        true
    );
}

TEST_CASE("a stanza behind starttls closes the stream (RFC 6120 5.3.3)", "[stream]") {
    for (const std::string& behind :
         {auth("="), client_header(), std::string("<iq type='get'/>"), std::string("<>"),
          std::string("\x16\x03\x01\x02"), std::string("</stream:stream>")}) {
        INFO(behind);
        Stage stage;
        stage.play(client_header());
        const auto done = stage.play(starttls + behind);
        // The parser may need more bytes to see what it is; then the caller sees them pending.
        if (done.size() == 2) {
            CHECK(stage.render(stage.negotiation().on_injected()).front() == injected);
            continue;
        }
        REQUIRE(done.size() == 4);
        CHECK(done[1] == "starttls");
        CHECK(done[2] == injected);
        CHECK(done[3].starts_with("close stream error policy-violation"));
        CHECK(stage.negotiation().on_tls({}).empty());
    }
}

TEST_CASE("half an element behind starttls closes the stream", "[stream]") {
    Stage stage;
    stage.play(client_header());
    CHECK(stage.play(starttls + "<auth xmlns=").size() == 2);
    const auto done = stage.render(stage.negotiation().on_injected());
    REQUIRE(done.size() == 2);
    CHECK(done.front() == injected);
    CHECK(done.back().starts_with("close stream error policy-violation"));
}

TEST_CASE("injected bytes are no matter outside STARTTLS", "[stream]") {
    Stage stage;
    stage.play(client_header());
    CHECK(stage.negotiation().on_injected().empty());
    CHECK(stage.play(starttls) == std::vector<std::string>{proceed, "starttls"});
}

TEST_CASE("during the handshake a deadline closes without a word", "[stream]") {
    Stage stage(true);
    const auto done = stage.render(stage.negotiation().on_timeout());
    REQUIRE(done.size() == 1);
    CHECK(done.front().starts_with("close stream error connection-timeout"));
}

TEST_CASE("TLS inside TLS is refused (5.4.2.2)", "[stream]") {
    check(
        secured(certificate_of({"ann@grid.example"})) +
        Script{
            {starttls,
             {"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>",
              "close STARTTLS was asked for inside TLS"}}
        }
    );
}

TEST_CASE("before TLS nobody authenticates (6.5.4)", "[stream]") {
    check({
        {client_header(), {offer_starttls}},
        {auth("="), {failure_of("encryption-required", "authentication is possible under TLS only")}
        },
        {starttls, {proceed, "starttls"}},
    });
}

TEST_CASE("a stanza before authentication gets not-authorized (4.9.3.12)", "[stream]") {
    const std::vector<std::string> refused{
        error_of("not-authorized", "a stanza was sent before authentication"),
        "close stream error not-authorized"
    };
    for (const std::string& stanza :
         {"<message/>", "<presence/>",
          "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"}) {
        check({{client_header(), {offer_starttls}}, {stanza, refused}});
        check(secured(certificate_of({"ann@grid.example"})) + Script{{stanza, refused}});
    }
}

TEST_CASE("an unknown element gets unsupported-stanza-type (4.9.3.24)", "[stream]") {
    const std::vector<std::string> refused{
        error_of("unsupported-stanza-type", "unknown here: &lt;pubsub/>"),
        "close stream error unsupported-stanza-type"
    };
    check({{client_header(), {offer_starttls}}, {"<pubsub xmlns='urn:x'/>", refused}});
    check(
        secured(certificate_of({"ann@grid.example"})) + Script{{"<pubsub xmlns='urn:x'/>", refused}}
    );
}

TEST_CASE("what is refused whatever is in it, is refused at its start tag", "[stream]") {
    const auto begun = [](Stage& stage, const std::string& name, const grid::xml::Ns& ns) {
        return stage.render(stage.negotiation().on_start_tag(grid::xml::Element(name, ns)));
    };
    for (const bool is_secured : {false, true}) {
        Stage stage;
        stage.play(client_header());
        if (is_secured) {
            stage.play(starttls);
            stage.play(Tls{certificate_of({"ann@grid.example"})});
            stage.play(client_header());
        }
        CHECK(begun(stage, "starttls", grid::xml::ns::tls).empty());
        CHECK(begun(stage, "auth", grid::xml::ns::sasl).empty());
        CHECK(
            begun(stage, "q", grid::xml::ns::pubsub).back() ==
            "close stream error "
            "unsupported-stanza-type: unknown here: <q/>"
        );
        CHECK(begun(stage, "q", grid::xml::ns::pubsub).empty());
    }
    Stage stage;
    stage.play(client_header());
    CHECK(begun(stage, "message", grid::xml::ns::client)
              .back()
              .starts_with("close stream error not-authorized"));
}

TEST_CASE("what was said before TLS is forgotten (5.4.3.3)", "[stream]") {
    Stage stage;
    stage.play(client_header("to='grid.example' version='1.0' from='eve@grid.example' xml:lang='de'"
    ));
    stage.play(starttls);
    stage.play(Tls{certificate_of({"ann@grid.example"})});
    CHECK(stage.negotiation().lang().empty());
    stage.play(client_header());
    CHECK(stage.play(auth("=")) == std::vector<std::string>{"admit ann@grid.example"});
}

TEST_CASE("too many elements before login get policy-violation", "[stream]") {
    Stage stage;
    stage.config.sasl.attempts_max = 100;
    stage.config.limits.pre_auth_stanzas_max = 3;
    stage.play(client_header());
    for (int i = 0; i < 3; ++i) CHECK(stage.play(auth("=")).size() == 1);
    CHECK(stage.play(auth("=")).back().starts_with("close stream error policy-violation"));
}

}   // namespace stream_tls_test
