// tests/unit/server/stream/stream_register_test.cpp: a stranger asks for an account on its stream
// (XEP-0077 3.1).
#include <catch2/catch.hpp>

#include "script.hpp"

namespace stream_register_test {

using namespace grid::test;
namespace xml = grid::xml;

namespace {

using Done = std::vector<std::string>;

std::string ask(const std::string& kind, const std::string& inner, const std::string& more = "") {
    return "<iq id='r' type='" + kind + "'" + more + "><query xmlns='jabber:iq:register'>" + inner +
           "</query></iq>";
}
const std::string both = "<username>ann</username><password>pencil</password>";

/// Under TLS, without a certificate.
void secure(Stage& stage) {
    stage.config.sasl.passwords = stage.config.registration.in_band = true;
    for (const Line& line : secured({})) stage.play(line.input);
}

std::string only(const Done& done) {
    REQUIRE(done.size() == 1);
    return done.front();
}

}   // namespace

TEST_CASE("a stranger learns what is needed, and asks", "[stream]") {
    Stage stage;
    secure(stage);
    CHECK(only(stage.play(ask("get", ""))).find("<username/><password/>") != std::string::npos);
    CHECK(stage.play(ask("set", both, " to='grid.example'")) == Done{"register ann"});
    CHECK(
        only(stage.play(Registered{xml::StanzaError{"cancel", "conflict", {}, "taken", {}}})
        ).find("<conflict") != std::string::npos
    );
    CHECK(stage.play(ask("set", both)) == Done{"register ann"});
    CHECK(stage.play(Registered{}) == Done{"<iq type='result' id='r'/>"});
    // And may log in now.
    const std::string auth_of =
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>"
        "biwsbj1hbm4scj1hYmM=</auth>";   // n,,n=ann,r=abc
    CHECK(stage.play(auth_of) == Done{"find ann@grid.example"});
}

TEST_CASE("requests that are none", "[stream]") {
    Stage stage;
    secure(stage);
    for (const char* inner : {"", "<username>ann</username>", "<password>x</password>"})
        CHECK(only(stage.play(ask("set", inner))).find("<not-acceptable") != std::string::npos);
    CHECK(only(stage.play(ask("set", "<remove/>"))).find("<not-allowed") != std::string::npos);
    CHECK(stage.play(ask("result", both)).empty());   // an answer is never answered
    CHECK(only(stage.play(ask("other", both))).find("<bad-request") != std::string::npos);
    Stage other;
    secure(other);
    CHECK(other.play(ask("set", both, " to='else.example'")).back().starts_with("close "));
}

TEST_CASE("where it is switched off, a stranger's iq ends its stream", "[stream]") {
    for (const bool has_passwords : {false, true}) {
        Stage stage;
        stage.config.registration.in_band = !has_passwords;
        stage.config.sasl.passwords = has_passwords;
        for (const Line& line : secured(certificate_of({"ann@grid.example"})))
            stage.play(line.input);
        CHECK(stage.play(ask("get", "")).back().starts_with("close stream error not-authorized"));
    }
}

}   // namespace stream_register_test
