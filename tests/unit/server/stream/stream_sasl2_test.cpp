// tests/unit/server/stream/stream_sasl2_test.cpp: the Extensible SASL Profile and Bind 2
// (XEP-0388, XEP-0386), and stream management within them (XEP-0198 §9).
#include <catch2/catch.hpp>

#include "script.hpp"
#include "xml/base64.hpp"

namespace stream_sasl2_test {

using namespace grid::test;
namespace controller = grid::controller;

namespace {

const auto ann = certificate_of({"ann@grid.example"});
const std::string sasl2 = "xmlns='urn:xmpp:sasl:2'";
const std::string external = "<initial-response></initial-response>";

std::string authenticate(const std::string& inner, const std::string& mechanism = "EXTERNAL") {
    return "<authenticate " + sasl2 + " mechanism='" + mechanism + "'>" + inner + "</authenticate>";
}
std::string bind2(const std::string& inner = "") {
    return "<bind xmlns='urn:xmpp:bind:0'>" + inner + "</bind>";
}
const std::string enable = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const std::string not_found =
    "<failed xmlns='urn:xmpp:sm:3' h='3'>"
    "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
const std::string malformed =
    "<failed xmlns='urn:xmpp:sm:3'>"
    "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
std::string resume(const std::string& attributes = "previd='t' h='7'") {
    return "<resume xmlns='urn:xmpp:sm:3' " + attributes + "/>";
}
std::string succeeded(const std::string& jid, const std::string& more = "") {
    return "<success " + sasl2 + "><authorization-identifier>" + jid +
           "</authorization-identifier>" + more + "</success>";
}
const std::string resumed =
    succeeded("ann@grid.example/r", "<resumed xmlns='urn:xmpp:sm:3' previd='t' h='5'/>");
std::string failed(const std::string& condition, const std::string& text = "") {
    return "<failure " + sasl2 + "><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" +
           (text.empty() ? "" : "<text xml:lang='en'>" + text + "</text>") + "</failure>";
}

const std::string features = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>";
const std::string management = "<sm xmlns='urn:xmpp:sm:3'/>";
const std::string limits =
    "<limits "
    "xmlns='urn:xmpp:stream-limits:0'><max-bytes>524288</max-bytes>"
    "<idle-seconds>600</idle-seconds></limits><ver xmlns='urn:xmpp:features:rosterver'/>"
    "<sub xmlns='urn:xmpp:features:pre-approval'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>";
const std::string before_bind =
    features +
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
    "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>" +
    management + limits;
const std::string after_bind = features + management + limits;
const std::string after_bind_managed = features + limits;   // not twice
const std::string bound = "<bound xmlns='urn:xmpp:bind:0'/>";

std::string resource_of(const std::vector<std::string>& actions) {
    REQUIRE(actions.size() == 1);
    REQUIRE(actions.front().starts_with("bind "));
    return actions.front().substr(5);
}

/// A stage on which the certificate was accepted, and whose `<authenticate/>` binds.
std::string resource_for(const std::string& inner) {
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    REQUIRE(stage.play(authenticate(external + inner)).front() == "admit ann@grid.example");
    return resource_of(stage.play(Admitted{}));
}

}   // namespace

TEST_CASE("EXTERNAL, then the resource by an iq on the same stream", "[stream]") {
    check(
        secured(ann) +
        Script{
            {authenticate(external), {"admit ann@grid.example"}},
            {Admitted{}, {succeeded("ann@grid.example") + before_bind}},
            {"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
             {"bind "}},
            {Bound{"ann@grid.example/r"},
             {"<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
              "<jid>ann@grid.example/r</jid></bind></iq>"}},
        }
    );
}

TEST_CASE("Bind 2: one request from a certificate to a resource", "[stream]") {
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    CHECK(
        stage.play(authenticate(external + bind2())) ==
        std::vector<std::string>{"admit ann@grid.example"}
    );
    CHECK_FALSE(resource_of(stage.play(Admitted{})).empty());
    CHECK(
        stage.play(Bound{"ann@grid.example/r"}) ==
        std::vector<std::string>{succeeded("ann@grid.example/r", bound) + after_bind}
    );
    CHECK(stage.negotiation().is_bound());
}

TEST_CASE(
    "a resource is the tag and the server's part, the same for one installation", "[stream]"
) {
    const std::string agent = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>";
    const std::string tag = bind2("<tag>Desk</tag>");
    const std::string named = resource_for(tag + agent);
    CHECK(named.starts_with("Desk/"));
    CHECK(named.find("d4565fa7") == std::string::npos);
    CHECK(resource_for(tag + agent) == named);
    CHECK(resource_for(bind2() + agent) == named.substr(5));
    CHECK(resource_for(tag + "<user-agent id='another'/>") != named);
    CHECK(resource_for(tag) != named);   // of this stream alone
}

TEST_CASE("Bind 2 switches stream management and copies on with the resource", "[stream]") {
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    const std::string copies = "<enable xmlns='urn:xmpp:carbons:2'/>";
    stage.play(authenticate(external + bind2(copies + enable)));
    CHECK(resource_of(stage.play(Admitted{})).ends_with(" with copies managed"));
    CHECK(
        stage.play(Bound{"ann@grid.example/r", true}) ==
        std::vector<std::string>{
            succeeded(
                "ann@grid.example/r",
                "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='t' "
                "resume='true' max='60'/></bound>"
            ) +
            after_bind_managed
        }
    );
}

TEST_CASE("a session is resumed with the login, and nothing is bound", "[stream]") {
    Stage stage;
    const Script script = secured(ann) + Script{
                                             {authenticate(external + resume() + bind2(enable)),
                                              {"admit ann@grid.example"}},
                                             {Admitted{}, {"resume t 7 in " + resumed}},
                                             {Resumed{}, {}},
                                         };
    for (const Line& line : script) stage.play(line.input);
    CHECK(stage.negotiation().is_bound());
    check(script);
}

TEST_CASE("where no session is resumed with the login, bind takes its place", "[stream]") {
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    stage.play(authenticate(external + resume() + bind2()));
    stage.play(Admitted{});
    CHECK_FALSE(resource_of(stage.play(NotResumed{})).empty());
    CHECK(
        stage.play(Bound{"ann@grid.example/r"}) ==
        std::vector<std::string>{succeeded("ann@grid.example/r", not_found + bound) + after_bind}
    );
    check(
        secured(ann) +
        Script{
            {authenticate(external + resume()), {"admit ann@grid.example"}},
            {Admitted{}, {"resume t 7 in " + resumed}},
            {NotResumed{}, {succeeded("ann@grid.example", not_found) + before_bind}},
            {"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
             {"bind "}},
        }
    );
}

TEST_CASE("a count that is too high ends the login that resumes", "[stream]") {
    check(
        secured(ann) +
        Script{
            {authenticate(external + resume() + bind2()), {"admit ann@grid.example"}},
            {Admitted{}, {"resume t 7 in " + resumed}},
            {NotResumed{grid::xml::StreamError{"undefined-condition", "too high", {}}},
             {error_of("undefined-condition", "too high"),
              "close stream error undefined-condition: too high"}},
        }
    );
}

TEST_CASE("malformed words of stream management are said, and cost no login", "[stream]") {
    for (const std::string wrong : {"previd='t'", "h='7'", "previd='' h='7'", "previd='t' h='x'"})
        check(
            secured(ann) +
            Script{
                {authenticate(external + resume(wrong)), {"admit ann@grid.example"}},
                {Admitted{}, {succeeded("ann@grid.example", malformed) + before_bind}},
            }
        );
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    stage.play(authenticate(external + bind2("<enable xmlns='urn:xmpp:sm:3' max='soon'/>")));
    CHECK(resource_of(stage.play(Admitted{})).find("managed") == std::string::npos);
    CHECK(
        stage.play(Bound{"ann@grid.example/r"}) ==
        std::vector<std::string>{
            succeeded(
                "ann@grid.example/r", "<bound xmlns='urn:xmpp:bind:0'>" + malformed + "</bound>"
            ) +
            after_bind
        }
    );
}

TEST_CASE("a login that fails resumes nothing", "[stream]") {
    check(
        secured(ann) +
        Script{
            {authenticate(external + resume()), {"admit ann@grid.example"}},
            {Refused{"account-disabled", "it is off"}, {failed("account-disabled", "it is off")}},
            {authenticate(external), {"admit ann@grid.example"}},
            {Admitted{}, {succeeded("ann@grid.example") + before_bind}},
        }
    );
}

TEST_CASE("SASL2: each malformed request", "[stream]") {
    const auto refused = [](const std::string& sent, const std::string& failure) {
        check(
            secured(ann) +
            Script{{sent, {failure}}, {authenticate(external), {"admit ann@grid.example"}}}
        );
    };
    refused(
        authenticate(external, "PLAIN"),
        failed("invalid-mechanism", "the only mechanism here is EXTERNAL")
    );
    refused(
        authenticate("<initial-response>*</initial-response>"),
        failed("incorrect-encoding", "the initial response is no base64")
    );
    refused(
        authenticate("<initial-response>=</initial-response>"),   // of RFC 6120 only
        failed("incorrect-encoding", "the initial response is no base64")
    );
    refused(
        authenticate(external + bind2("<tag>\xC2\xAD\xE2\x80\x8B</tag>")),
        failed("malformed-request", "the tag cannot stand in a resource")
    );
    // With the server's part it would be longer than a resource may be.
    refused(
        authenticate(external + bind2("<tag>" + std::string(1020, 'x') + "</tag>")),
        failed("malformed-request", "the tag cannot stand in a resource")
    );
    // A response without a request.
    check(
        secured(ann) +
        Script{
            {"<response " + sasl2 + "/>",
             {error_of("unsupported-stanza-type", "no authentication is going on"),
              "close stream error unsupported-stanza-type"}}
        }
    );
}

TEST_CASE("SASL2: an account that may not enter, and a resource that cannot be had", "[stream]") {
    check(
        secured(ann) +
        Script{
            {authenticate(external + bind2()), {"admit ann@grid.example"}},
            {Refused{"account-disabled", "it is off"}, {failed("account-disabled", "it is off")}},
            {authenticate(external), {"admit ann@grid.example"}},
        }
    );
    Stage stage;
    for (const Line& line : secured(ann)) stage.play(line.input);
    stage.play(authenticate(external + bind2()));
    stage.play(Admitted{});
    CHECK(
        stage.play(NotBound{grid::xml::resource_constraint("too many streams")}) ==
        std::vector<std::string>{failed("temporary-auth-failure", "too many streams")}
    );
    CHECK_FALSE(stage.negotiation().is_bound());
    CHECK(stage.play(auth("=")) == std::vector<std::string>{"admit ann@grid.example"});
}

TEST_CASE("SASL2: the header's from must be who logs in", "[stream]") {
    check(
        secured(ann, "to='grid.example' from='eve@grid.example' version='1.0'") +
        Script{
            {authenticate(external),
             {failed("invalid-authzid", "the header's 'from' is not ann@grid.example")}}
        }
    );
}

TEST_CASE("SCRAM takes two round trips, in both profiles", "[stream]") {
    // RFC 7677 §3; the nonce of the server is the id of the event.
    controller::LoginKeys keys;
    keys.keys = controller::derive_keys(controller::ScramHash::Sha256, "pencil", "salt", 4'096);
    keys.generation = "first";
    for (const bool is_second : {false, true}) {
        Stage stage;
        stage.config.sasl.passwords = true;
        stage.config.sasl.mechanisms = {"SCRAM-SHA-256"};
        for (const Line& line : secured({})) stage.play(line.input);
        const std::string first = grid::xml::to_base64("n,,n=ann,r=abc");
        const auto asked = stage.play(
            is_second
                ? authenticate(
                      "<initial-response>" + first + "</initial-response>", "SCRAM-SHA-256"
                  )
                : "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>" +
                      first + "</auth>"
        );
        CHECK(asked == std::vector<std::string>{"find ann@grid.example"});
        const auto challenge = stage.play(Keys{keys});
        REQUIRE(challenge.size() == 1);
        const std::string space =
            is_second ? "urn:xmpp:sasl:2" : "urn:ietf:params:xml:ns:xmpp-sasl";
        CHECK(challenge.front().starts_with("<challenge xmlns='" + space + "'>"));
        const auto refused = stage.play(
            "<response xmlns='" + space + "'>" + grid::xml::to_base64("c=biws,r=abc,p=YWJj") +
            "</response>"
        );
        REQUIRE(refused.size() == 1);
        CHECK(refused.front().find("<not-authorized") != std::string::npos);
        const auto refusal = stage.negotiation().take_refusal();
        REQUIRE(refusal.has_value());
        CHECK(refusal->by_password);
        CHECK(refusal->claimed == "ann@grid.example");
    }
}

}   // namespace stream_sasl2_test
