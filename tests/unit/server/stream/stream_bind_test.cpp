// tests/unit/server/stream/stream_bind_test.cpp: resource binding (RFC 6120 7).
#include <catch2/catch.hpp>

#include "script.hpp"

namespace stream_bind_test {

using namespace grid::test;

namespace {

Script authenticated() {
    return secured(certificate_of({"ann@grid.example"})) +
           Script{
               {auth("="), {"admit ann@grid.example"}},
               {Admitted{}, {"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "restart"}},
               {client_header(), {offer_bind}},
           };
}

std::string bind_request(
    const std::string& content, const std::string& attributes = "type='set' id='b1'"
) {
    return "<iq " + attributes + "><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" + content +
           "</bind></iq>";
}

std::string bound(const std::string& jid) {
    return "<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + jid +
           "</jid></bind></iq>";
}

std::string refused(
    const std::string& type, const std::string& condition, const std::string& text
) {
    return "<iq type='error' id='b1'><error type='" + type + "'><" + condition +
           " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
           "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>" +
           text + "</text></error></iq>";
}

}   // namespace

TEST_CASE("a resource is made by the server when none is asked for (7.6)", "[stream]") {
    for (const std::string& nothing : {"", "<resource/>", "<resource></resource>"})
        check(
            authenticated() +
            Script{
                {bind_request(nothing), {"bind "}},
                {Bound{"ann@grid.example/r1"}, {bound("ann@grid.example/r1")}},
            }
        );
}

TEST_CASE("a resource that is asked for is prepared (7.7)", "[stream]") {
    check(
        authenticated() +
        Script{
            {bind_request("<resource>Desk 1</resource>"), {"bind Desk 1"}},
            {Bound{"ann@grid.example/Desk 1"}, {bound("ann@grid.example/Desk 1")}},
        }
    );
}

TEST_CASE("a bad resource gets bad-request and may be corrected (7.7.2.1)", "[stream]") {
    const std::string too_long(1024, 'x');
    Stage stage;
    for (const auto& line : authenticated()) stage.play(line.input);
    for (const std::string& bad : {too_long, std::string("a&#x85;b")}) {
        INFO(bad);
        const auto done = stage.play(bind_request("<resource>" + bad + "</resource>"));
        REQUIRE(done.size() == 1);
        CHECK(done.front().starts_with("<iq type='error' id='b1'><error type='modify'><bad-request")
        );
    }
    CHECK(
        stage.play(bind_request("<resource>good</resource>")) ==
        std::vector<std::string>{"bind good"}
    );
}

TEST_CASE(
    "a conflict or a full account is said, and bind may be tried again (7.7.2.2)", "[stream]"
) {
    const grid::xml::StanzaError conflict{"modify", "conflict", {}, "taken", {}};
    const grid::xml::StanzaError full{"wait", "resource-constraint", {}, "32 resources", {}};
    check(
        authenticated() +
        Script{
            {bind_request("<resource>a</resource>"), {"bind a"}},
            {NotBound{conflict}, {refused("modify", "conflict", "taken")}},
            {bind_request(""), {"bind "}},
            {NotBound{full}, {refused("wait", "resource-constraint", "32 resources")}},
            {bind_request("<resource>b</resource>"), {"bind b"}},
            {Bound{"ann@grid.example/b"}, {bound("ann@grid.example/b")}},
        }
    );
}

TEST_CASE("an iq without an id, or a get, binds nothing", "[stream]") {
    check(
        authenticated() +
        Script{
            {bind_request("", "type='get' id='b1'"),
             {refused("modify", "bad-request", "a resource is bound with type='set'")}},
        }
    );
    Stage stage;
    for (const auto& line : authenticated()) stage.play(line.input);
    const auto done = stage.play(bind_request("", "type='set'"));
    REQUIRE(done.size() == 1);
    CHECK(done.front().starts_with("<iq type='error'><error type='modify'><bad-request"));
}

TEST_CASE("an iq is looked at before bind as it is after it (8.1.2.1, 8.2.3, 8.3.1)", "[stream]") {
    Stage stage;
    for (const auto& line : authenticated()) stage.play(line.input);
    for (const char* type : {"result", "error"})
        CHECK(stage.play(bind_request("", "id='b1' type='" + std::string(type) + "'")).empty());
    const std::string two =
        "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><x/></iq>";
    CHECK(stage.play(two).front().find("<bad-request") != std::string::npos);
    CHECK(
        stage.play(bind_request("", "type='set' id='b1' from='ann@grid.example'")) ==
        std::vector<std::string>{"bind "}
    );
    for (const char* from : {"x@y/z", "bob@grid.example", "@@"})
        check(
            authenticated() +
            Script{
                {bind_request("", "type='set' id='b1' from='" + std::string(from) + "'"),
                 {error_of("invalid-from", "'from' is not the address of this stream"),
                  "close stream error invalid-from"}},
            }
        );
}

TEST_CASE("a client's own error ends the stream without another one (4.9.1)", "[stream]") {
    Stage stage;
    for (const auto& line : authenticated()) stage.play(line.input);
    CHECK(
        stage.play("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                   "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>later</text></stream:error>"
        ) ==
        std::vector<std::string>{
            "</stream:stream>", "close the peer ended the stream with an error, reset: later"
        }
    );
}

TEST_CASE("before a resource is bound any other stanza gets not-authorized (7.1)", "[stream]") {
    for (const std::string& stanza :
         {std::string("<message to='b@grid.example'/>"), std::string("<presence/>"),
          std::string("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"),
          std::string("<iq type='set' id='1'><session "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"),
          bind_request("", "type='set' id='b1' to='pubsub.grid.example'")}) {
        INFO(stanza);
        check(
            authenticated() +
            Script{
                {stanza,
                 {error_of("not-authorized", "a resource must be bound before any other stanza"),
                  "close stream error not-authorized"}},
            }
        );
    }
    check(
        authenticated() +
        Script{{bind_request("", "type='set' id='b1' to='grid.example'"), {"bind "}}}
    );
}

TEST_CASE("authenticating twice is no element that is known then", "[stream]") {
    check(
        authenticated() +
        Script{
            {auth("="),
             {error_of("unsupported-stanza-type", "unknown here: &lt;auth/>"),
              "close stream error unsupported-stanza-type"}},
        }
    );
}

TEST_CASE("once bound, the negotiation has nothing more to say", "[stream]") {
    Stage stage;
    for (const auto& line : authenticated()) stage.play(line.input);
    stage.play(bind_request(""));
    CHECK_FALSE(stage.negotiation().is_bound());
    stage.play(Bound{"ann@grid.example/r"});
    CHECK(stage.negotiation().is_bound());
    CHECK(stage.negotiation().on_timeout().empty());
    CHECK(stage.negotiation().on_shutdown().empty());
    CHECK(stage.play("<message/>").empty());
}

TEST_CASE("the identity that is admitted and bound carries the certificate", "[stream]") {
    Stage stage;
    auto presented = certificate_of({"ann@grid.example"});
    presented.fingerprint = "f00";
    for (const auto& line : secured(presented)) stage.play(line.input);
    grid::xml::StreamParser parser({});
    parser.feed(client_header() + auth("="));
    parser.next();
    const auto actions = stage.negotiation().on_event(*parser.next(), "id");
    REQUIRE(actions.size() == 1);
    const auto& admit = std::get<stream::Admit>(actions.front());
    CHECK(admit.identity->fingerprint == "f00");
    CHECK(admit.identity->anchor == "anchor");
}

TEST_CASE(
    "capabilities are a feature after login when the server has a hash (XEP-0115 6.3)", "[stream]"
) {
    Stage stage(false, "HASH=");
    std::vector<std::string> done;
    for (const auto& line : authenticated()) done = stage.play(line.input);
    CHECK(
        done.back().find(
            "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://grid.example/' "
            "ver='HASH='/>"
        ) != std::string::npos
    );
}

}   // namespace stream_bind_test
