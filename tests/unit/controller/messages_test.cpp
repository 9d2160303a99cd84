// tests/unit/controller/messages_test.cpp: traits of messages, and elements that are added to them.
#include "controller/messages/message.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "../../stories/grid_stage.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace messages_test {

using namespace grid::controller;
using grid::test::difference;
using grid::test::parse;

namespace {

const std::string body = "<body>x</body>";
const grid::xml::Ns forward{"urn:xmpp:forward:0"};
const std::string state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const std::string thread = "<thread>t</thread>";

std::string hint(const std::string& name) { return "<" + name + " xmlns='urn:xmpp:hints'/>"; }

MessageTraits traits(const std::string& type, const std::string& inside) {
    return traits_of(
        parse("<message xmlns='jabber:client' type='" + type + "'>" + inside + "</message>")
    );
}

}   // namespace

TEST_CASE("messages: which wait for an account that is away", "[messages]") {
    struct Row {
        const char* type;
        std::string inside;
        bool has_content, may_wait, is_archived;
    };
    const std::vector<Row> rows{
        {"chat", body, true, true, true},
        {"normal", body, true, true, true},
        {"nonsense", body, true, true, true},
        {"chat", "", false, false, false},
        {"chat", state, false, false, false},
        {"chat", state + thread, false, false, false},
        {"normal", state, false, false, false},
        {"chat", state + body, true, true, true},
        {"chat", "<x xmlns='urn:x'/>", true, true, false},
        {"chat", state + hint("store"), false, true, true},
        {"chat", body + hint("no-store"), true, false, false},
        {"chat", body + hint("no-permanent-store"), true, true, false},
        {"chat", body + hint("store") + hint("no-store"), true, false, false},
        {"headline", body, false, false, false},
        {"groupchat", body + hint("store"), false, false, false},
        {"error", body + hint("store"), false, false, false},
    };
    for (const Row& row : rows) {
        INFO(row.type << " " << row.inside);
        const auto found = traits(row.type, row.inside);
        CHECK(found.has_content == row.has_content);
        CHECK(found.may_wait == row.may_wait);
        CHECK(found.is_archived == row.is_archived);
    }
}

TEST_CASE("messages: which are copied (XEP-0280 §6.1)", "[messages]") {
    CHECK(traits("chat", "").is_copied);
    CHECK(traits("normal", body).is_copied);
    CHECK_FALSE(traits("normal", "<x xmlns='urn:x'/>").is_copied);
    CHECK(traits("normal", state).is_copied);
    CHECK(traits("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>").is_copied);
    CHECK(traits("normal", "<markable xmlns='urn:xmpp:chat-markers:0'/>").is_copied);
    CHECK(traits("normal", "<x xmlns='jabber:x:conference' jid='r@m'/>").is_copied);
    const std::string muc = "<x xmlns='http://jabber.org/protocol/muc#user'>";
    CHECK(traits("normal", muc + "<invite/></x>").is_copied);
    CHECK_FALSE(traits("normal", muc + "</x>").is_copied);
    for (const char* type : {"headline", "groupchat", "error"})
        CHECK_FALSE(traits(type, body).is_copied);
    CHECK_FALSE(traits("chat", body + "<private xmlns='urn:xmpp:carbons:2'/>").is_copied);
    CHECK_FALSE(traits("chat", body + hint("no-copy")).is_copied);
}

TEST_CASE("messages: what only the server may say is taken off", "[messages]") {
    auto message = parse(
        "<message xmlns='jabber:client'>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='a@grid.example' id='1'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='GRID.example' id='2'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.example' id='3'/>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='4'/>"
        "<delay xmlns='urn:xmpp:delay' from='grid.example' stamp='2001-01-01T00:00:00Z'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='pubsub.grid.example' id='5'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='othergrid.example' id='6'/>"
        "<delay xmlns='urn:xmpp:delay' from='pubsub.grid.example' stamp='2001-01-01T00:00:00Z'/>"
        "<delay xmlns='urn:xmpp:delay' stamp='2002-01-01T00:00:00Z'/>text</message>"
    );
    strip_forged(message, "grid.example");
    CHECK(
        difference(
            message,
            "<message xmlns='jabber:client'>"
            "<stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.example' id='3'/>"
            "<origin-id xmlns='urn:xmpp:sid:0' id='4'/>"
            "<stanza-id xmlns='urn:xmpp:sid:0' by='othergrid.example' id='6'/>"
            "<delay xmlns='urn:xmpp:delay' stamp='2002-01-01T00:00:00Z'/>text</message>"
        ) == ""
    );
}

TEST_CASE(
    "messages: what is added stands inside, whatever prefixes its sender used", "[messages]"
) {
    for (const char* written :
         {"<message xmlns='jabber:client' to='a@b'/>",
          "<message xmlns='jabber:client' to='a@b'><body>&lt;/message&gt;</body></message>",
          "<c:message xmlns:c='jabber:client' to='a@b'><c:body>x</c:body></c:message>"}) {
        INFO(written);
        auto message = parse(written);
        const std::string text =
            grid::xml::to_string(without_prefix(message), grid::xml::ns::client.uri());
        auto expected = message;
        expected.add(parse("<stanza-id xmlns='urn:xmpp:sid:0' by='o&apos;x@b' id='1'/>"));
        const std::string with_id = with_child(text, stanza_id("o'x@b", "1"));
        const auto framed = [](const std::string& stanza) {
            return *parse("<stream xmlns='jabber:client'>" + stanza + "</stream>").first_child();
        };
        CHECK(difference(framed(with_id), grid::xml::to_string(expected, "")) == "");
        const auto copy = framed("<message" + carbon("sent", "a@b", "chat", with_id));
        CHECK(copy.attr_or("from", "") == "a@b");
        CHECK(copy.attr_or("type", "") == "chat");
        const auto* sent = copy.child("sent", carbons_ns);
        REQUIRE(sent != nullptr);
        const auto* forwarded = sent->child("forwarded", forward);
        REQUIRE(forwarded != nullptr);
        CHECK(difference(*forwarded->first_child(), grid::xml::to_string(expected, "")) == "");
    }
}

}   // namespace messages_test
