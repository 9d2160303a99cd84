// tests/unit/xml/stanza_test.cpp: answers go back to where the question came from.
#include "xml/stanza.hpp"

#include <catch2/catch.hpp>

#include "xml/namespaces.hpp"
#include "xml/stream_error.hpp"
#include "xml_tests.hpp"

namespace stanza_test {

using namespace grid::xml;
using grid::test::element_of;

namespace {

const Element request = element_of(
    "<iq xmlns='jabber:client' type='get' id='7' from='a@b/c' to='p.b'><ping "
    "xmlns='urn:xmpp:ping'/></iq>"
);

}   // namespace

TEST_CASE("a result swaps the addresses and keeps the id") {
    CHECK(
        to_string(iq_result(request), "jabber:client") ==
        "<iq type='result' id='7' from='p.b' to='a@b/c'/>"
    );
    CHECK(
        to_string(iq_result(request, Element("query", ns::version)), "jabber:client") ==
        "<iq type='result' id='7' from='p.b' to='a@b/c'><query xmlns='jabber:iq:version'/></iq>"
    );
}

TEST_CASE("an answer has no address that the request had not") {
    Element bare = element_of("<iq xmlns='jabber:client' type='set' id='1'/>");
    CHECK(to_string(iq_result(bare), "jabber:client") == "<iq type='result' id='1'/>");
}

TEST_CASE("an error reply has condition, text and application condition, in the order of RFC 6120"
) {
    StanzaError error = item_not_found("no node 'x'");
    error.application = Element("unsupported", ns::pubsub_errors, {{"feature", "f"}});
    CHECK(
        to_string(error_reply(request, error), "jabber:client") ==
        "<iq type='error' id='7' from='p.b' to='a@b/c'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no node 'x'</text>"
        "<unsupported xmlns='http://jabber.org/protocol/pubsub#errors' feature='f'/></error></iq>"
    );
}

TEST_CASE("an error reply to a message is a message, in its namespace") {
    Element message = element_of("<message xmlns='jabber:component:accept' from='a' to='b'/>");
    CHECK(
        to_string(error_reply(message, service_unavailable("")), "jabber:component:accept") ==
        "<message type='error' from='b' to='a'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
}

TEST_CASE("gone carries its new address") {
    StanzaError error;
    error.type = "cancel";
    error.condition = "gone";
    error.condition_text = "xmpp:new@b";
    CHECK(
        to_string(error.to_element(), "jabber:client") ==
        "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:new@b</gone>"
        "</error>"
    );
}

TEST_CASE("each shorthand has the type that RFC 6120 8.3.3 gives it") {
    auto named = [](const StanzaError& error) { return error.type + "/" + error.condition; };
    CHECK(named(bad_request("")) == "modify/bad-request");
    CHECK(named(item_not_found("")) == "cancel/item-not-found");
    CHECK(named(forbidden("")) == "auth/forbidden");
    CHECK(named(not_allowed("")) == "cancel/not-allowed");
    CHECK(named(service_unavailable("")) == "cancel/service-unavailable");
    CHECK(named(feature_not_implemented("")) == "cancel/feature-not-implemented");
    CHECK(named(internal_server_error("")) == "cancel/internal-server-error");
    CHECK(named(resource_constraint("")) == "wait/resource-constraint");
    CHECK(named(jid_malformed("")) == "modify/jid-malformed");
}

TEST_CASE("an iq has one of four types") {
    auto typed = [](std::string type) {
        return iq_type(Element("iq", {{"type", std::move(type)}}));
    };
    CHECK(typed("get") == IqType::Get);
    CHECK(typed("set") == IqType::Set);
    CHECK(typed("result") == IqType::Result);
    CHECK(typed("error") == IqType::Error);
    CHECK_FALSE(typed("Get"));
    CHECK_FALSE(iq_type(Element("iq")));
}

TEST_CASE("a stream error carries its application condition") {
    StreamError error{"conflict", "replaced", Element("resumed", Ns{"urn:x"})};
    CHECK(
        to_string(error.to_element()) ==
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
        "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>replaced</text>"
        "<resumed xmlns='urn:x'/></stream:error>"
    );
}

}   // namespace stanza_test
