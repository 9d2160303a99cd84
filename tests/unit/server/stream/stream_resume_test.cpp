// tests/unit/server/stream/stream_resume_test.cpp: stream management before a resource is bound
// (XEP-0198 §3, §5).
#include <catch2/catch.hpp>

#include "script.hpp"

namespace stream_resume_test {

using namespace grid::test;

namespace {

const std::string unexpected =
    "<failed xmlns='urn:xmpp:sm:3'>"
    "<unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
const std::string malformed =
    "<failed xmlns='urn:xmpp:sm:3'>"
    "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
const std::string not_found =
    "<failed xmlns='urn:xmpp:sm:3' h='3'>"
    "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
const std::string bind_request =
    "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

std::string said(const std::string& name, const std::string& attributes = "") {
    return "<" + name + " xmlns='urn:xmpp:sm:3' " + attributes + "/>";
}

Script logged_in() {
    return secured(certificate_of({"ann@grid.example"})) +
           Script{
               {auth("="), {"admit ann@grid.example"}},
               {Admitted{}, {"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "restart"}},
               {client_header(), {offer_bind}},
           };
}

}   // namespace

TEST_CASE("a session is resumed in place of bind", "[stream]") {
    Stage stage;
    const Script script = logged_in() + Script{
                                            {said("resume", "previd='t' h='7'"), {"resume t 7"}},
                                            {Resumed{}, {}},
                                        };
    for (const Line& line : script) stage.play(line.input);
    CHECK(stage.negotiation().is_bound());
    check(script);
}

TEST_CASE("where a session is not resumed a resource may be bound", "[stream]") {
    check(
        logged_in() +
        Script{
            {said("resume", "previd='t' h='7'"), {"resume t 7"}},
            {NotResumed{}, {not_found}},
            {said("resume", "previd='u' h='0'"), {"resume u 0"}},
            {NotResumed{}, {not_found}},
            {bind_request, {"bind "}},
        }
    );
}

TEST_CASE("a count that is too high ends the stream that resumes", "[stream]") {
    check(
        logged_in() +
        Script{
            {said("resume", "previd='t' h='7'"), {"resume t 7"}},
            {NotResumed{grid::xml::StreamError{"undefined-condition", "too high", {}}},
             {error_of("undefined-condition", "too high"),
              "close stream error undefined-condition: too high"}},
        }
    );
}

TEST_CASE("all else of stream management comes after bind", "[stream]") {
    check(
        logged_in() +
        Script{
            {said("enable", "resume='true'"), {unexpected}},
            {said("r"), {unexpected}},
            {said("a", "h='0'"), {unexpected}},
            {said("resume", "previd='t'"), {malformed}},
            {said("enable", "max='x'"), {malformed}},
            {bind_request, {"bind "}},
        }
    );
    check(
        secured(certificate_of({"ann@grid.example"})) +
        Script{
            {said("enable"), {unexpected}},
            {said("resume", "previd='t' h='7'"), {unexpected}},
            {auth("="), {"admit ann@grid.example"}},
        }
    );
}

TEST_CASE("before TLS stream management ends the stream", "[stream]") {
    check({
        {client_header(), {offer_starttls}},
        {said("resume", "previd='t' h='7'"),
         {error_of("unsupported-stanza-type", "unknown here: &lt;resume/>"),
          "close stream error unsupported-stanza-type: unknown here: <resume/>"}},
    });
}

TEST_CASE("whoever resumes waits for the answer", "[stream]") {
    check(
        logged_in() +
        Script{
            {said("resume", "previd='t' h='7'"), {"resume t 7"}},
            {bind_request,
             {error_of("not-authorized", "sent before the last request was answered"),
              "close stream error not-authorized: sent before the last request was "
              "answered"}},
        }
    );
}

}   // namespace stream_resume_test
