// tests/unit/server/stream/websocket_codec_test.cpp: frames become events, however they are cut.
#include "server/stream/websocket_codec.hpp"

#include <catch2/catch.hpp>

#include "server/net/turn.hpp"
#include "xml/writer.hpp"

namespace websocket_codec_test {

using namespace grid;
using namespace grid::server;
using net::websocket::Opcode;
using stream::WebSocketCodec;

namespace {

constexpr const char* open_text =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='grid.example' version='1.0'/>";

/// A client's frame, masked.
std::string frame(Opcode opcode, std::string payload, bool is_final = true) {
    std::string out;
    net::websocket::append_head(out, opcode, payload.size());
    if (!is_final) out[0] = static_cast<char>(out[0] & 0x7f);
    out[1] = static_cast<char>(out[1] | 0x80);
    const std::array<unsigned char, 4> mask{0x12, 0x34, 0x56, 0x78};
    out.append(reinterpret_cast<const char*>(mask.data()), mask.size());
    net::websocket::unmask(payload.data(), payload.size(), mask, 0);
    return out + payload;
}

std::string text(const std::string& payload) { return frame(Opcode::Text, payload); }

std::string name_of(const xml::StreamEvent& event) {
    if (const auto* open = std::get_if<xml::StreamOpen>(&event))
        return "open " + open->header.name();
    if (const auto* element = std::get_if<xml::Element>(&event)) return xml::to_string(*element);
    if (const auto* broken = std::get_if<xml::StreamBroken>(&event))
        return "broken " + xml::to_stream_error(*broken).condition;
    return "close";
}

struct Fed {
    explicit Fed(const xml::Limits& limits = {}) : codec("grid.example", limits) {}

    std::vector<std::string> feed(std::string_view bytes, std::size_t piece = 1 << 20) {
        std::vector<std::string> out;
        while (!bytes.empty()) {
            std::string_view part = bytes.substr(0, piece);
            bytes.remove_prefix(part.size());
            while (!part.empty()) {
                const auto taken = codec.feed(part);
                REQUIRE(taken > 0);
                part.remove_prefix(taken);
                while (auto event = codec.next()) out.push_back(name_of(*event));
            }
        }
        return out;
    }

    WebSocketCodec codec;
};

using Events = std::vector<std::string>;

}   // namespace

TEST_CASE("messages become events, however the bytes and the frames are cut", "[websocket]") {
    const std::string iq = "<iq xmlns=\"jabber:client\" id=\"1\"/>";
    const std::string bytes = text(open_text) + frame(Opcode::Text, iq.substr(0, 7), false) +
                              frame(Opcode::Ping, "between") +
                              frame(Opcode::Continuation, "", false) +
                              frame(Opcode::Continuation, iq.substr(7)) +
                              text("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
        Fed fed;
        INFO(piece);
        CHECK(
            fed.feed(bytes, piece) ==
            Events{"open open", "<iq xmlns='jabber:client' id='1'/>", "close"}
        );
        std::string pong;
        net::websocket::append_frame(pong, Opcode::Pong, "between");
        CHECK(fed.codec.take_answers() == pong);
        CHECK(fed.codec.take_answers().empty());
        CHECK(fed.codec.pending_bytes() == 0);
    }
}

TEST_CASE("what is no element in a message of its own is refused", "[websocket]") {
    struct Bad {
        const char* name;
        std::string bytes;
        const char* condition;
    };
    const std::vector<Bad> all{
        {"nothing", text(""), "bad-format"},
        {"white space", text(" <iq/>"), "bad-format"},
        {"text behind", text("<iq/>x"), "bad-format"},
        {"no end", text("<iq>"), "not-well-formed"},
        {"no end of the tag", text("<iq"), "not-well-formed"},
        {"the end of the document", text("</stream:stream>"), "bad-format"},
        {"binary", frame(Opcode::Binary, "<iq/>"), "bad-format"},
        {"a continuation of nothing", frame(Opcode::Continuation, "<iq/>"), "bad-format"},
        {"a message within one", frame(Opcode::Text, "<iq", false) + text("<iq/>"), "bad-format"},
        {"no mask", std::string("\x81\x05<iq/>"), "bad-format"},
        {"an extension", std::string("\xc1\x85\0\0\0\0<iq/>", 11), "bad-format"},
        {"a long ping", frame(Opcode::Ping, std::string(126, 'x')), "bad-format"},
        {"a size in too many bytes", std::string("\x81\xfe\0\x05\0\0\0\0<iq/>", 13), "bad-format"},
        {"a negative size", std::string("\x81\xff\xff\0\0\0\0\0\0\0\0\0\0\0", 14), "bad-format"},
        {"too large a frame", text(std::string(1'001, '<')), "policy-violation"},
        {"an undeclared prefix", text("<a:iq/>"), "bad-namespace-prefix"},
        {"a comment", text("<!-- -->"), "restricted-xml"},
    };
    for (const Bad& bad : all) {
        INFO(bad.name);
        xml::Limits limits;
        limits.stanza_bytes_max = 1'000;
        Fed fed(limits);
        fed.feed(text(open_text));
        const auto events = fed.feed(bad.bytes + text("<after/>"));
        REQUIRE_FALSE(events.empty());
        CHECK(events.back() == std::string("broken ") + bad.condition);
    }
}

TEST_CASE("the second element of a message is refused, the first was an event", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text));
    CHECK(fed.feed(text("<a/><b/>")) == Events{"<a/>", "broken bad-format"});
}

TEST_CASE("fragments without end are as large as the element in them", "[websocket]") {
    xml::Limits limits;
    limits.stanza_bytes_max = 1'000;
    Fed fed(limits);
    fed.feed(text(open_text) + frame(Opcode::Text, "<message><body>", false));
    Events events;
    for (int i = 0; i < 12 && events.empty(); ++i)
        events = fed.feed(frame(Opcode::Continuation, std::string(100, 'x'), false));
    CHECK(events == Events{"broken policy-violation"});
}

TEST_CASE("a message is pending from its first byte, also when it is empty", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text));
    CHECK(fed.codec.pending_bytes() == 0);
    fed.feed(frame(Opcode::Text, "", false));
    CHECK(fed.codec.pending_bytes() != 0);
    fed.feed(frame(Opcode::Continuation, "<a/>"));
    CHECK(fed.codec.pending_bytes() == 0);
}

TEST_CASE("a piece has a bound of tags, and nothing behind a fault is looked at", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text));
    std::string many;
    for (std::size_t i = 0; i < 2 * net::Turn::parse_tags_max; ++i) many += text("<a/>");
    CHECK(fed.codec.feed(many) < many.size());
    CHECK(fed.codec.feed(frame(Opcode::Binary, "x")) != 0);
}

TEST_CASE("after a restart the rest of a message is skipped, and frames go on", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text));
    CHECK(fed.feed(frame(Opcode::Text, "<auth/>", false)) == Events{"<auth/>"});
    fed.codec.restart();
    CHECK(fed.feed(frame(Opcode::Continuation, "  ")).empty());
    CHECK(fed.feed(text(open_text)) == Events{"open open"});
}

TEST_CASE("a restart behind an event leaves what has come to the new stream", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text));
    fed.codec.feed(text("<auth/>") + text(open_text) + text("<iq/>"));
    REQUIRE(fed.codec.next().has_value());
    fed.codec.restart_behind();
    CHECK(name_of(*fed.codec.next()) == "open open");
    CHECK(name_of(*fed.codec.next()) == "<iq/>");
    REQUIRE(fed.feed(text("<auth/>")) == Events{"<auth/>"});
    fed.codec.restart_behind();
    CHECK(fed.feed(text("<other/>")) == Events{"open other"});
}

TEST_CASE("the peer's Close frame ends it, ours is written once", "[websocket]") {
    Fed fed;
    fed.feed(text(open_text) + frame(Opcode::Close, "\x03\xe9"));
    CHECK(fed.codec.is_ended());
    std::string out;
    fed.codec.close(out);
    CHECK(out.empty());
    fed.codec.end(out);
    CHECK(out == std::string("\x88\x02\x03\xe8", 4));
    fed.codec.end(out);
    fed.codec.element(out, xml::Element("x"));
    CHECK(out.size() == 4);
}

TEST_CASE("a Close frame that none may send is answered so", "[websocket]") {
    const auto answer_to = [](const std::string& payload) {
        Fed fed;
        fed.feed(text(open_text) + frame(Opcode::Close, payload));
        CHECK(fed.codec.is_ended());
        std::string out;
        fed.codec.end(out);
        REQUIRE(out.size() == 4);
        return static_cast<unsigned char>(out[2]) * 256 + static_cast<unsigned char>(out[3]);
    };
    const auto code = [](int number) {
        return std::string{static_cast<char>(number / 256), static_cast<char>(number % 256)};
    };
    for (const int good : {1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999})
        CHECK(answer_to(code(good)) == 1000);
    for (const int bad : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
        CHECK(answer_to(code(bad)) == 1002);
    CHECK(answer_to("") == 1000);
    CHECK(answer_to("\x03") == 1002);
    CHECK(answer_to(code(1000) + "gr\xC3\xBC\xC3\x9F") == 1000);
    CHECK(answer_to(code(1000) + "\xC3") == 1002);
}

TEST_CASE("what leaves is a frame each, with its own namespace", "[websocket]") {
    WebSocketCodec codec("grid.example", {});
    const auto jid = xml::Jid::parse("ann@grid.example/one").value();
    codec.set_addresses(jid.bare(), jid);
    const auto bytes = [](const char* given) { return std::make_shared<const std::string>(given); };
    std::string out, expected;
    codec.stanza(out, Outgoing::message(Address::Full, bytes(" id='1'><x/></message>")));
    codec.stanza(out, Outgoing::stanza(bytes("<iq id='2'/>")));
    codec.stanza(out, Outgoing::stanza(bytes("<presence/>")));
    codec.stanza(out, Outgoing::whole(StanzaKind::Element, bytes("<r xmlns='urn:xmpp:sm:3'/>")));
    codec.close(out);
    for (const char* whole :
         {"<message xmlns='jabber:client' to='ann@grid.example/one' id='1'><x/></message>",
          "<iq xmlns='jabber:client' id='2'/>", "<presence xmlns='jabber:client'/>",
          "<r xmlns='urn:xmpp:sm:3'/>", "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"})
        net::websocket::append_frame(expected, Opcode::Text, whole);
    CHECK(out == expected);
}

TEST_CASE("sizes of frames at the edges of their forms", "[websocket]") {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65'535U, 65'536U, 70'000U}) {
        std::string bytes = frame(Opcode::Text, std::string(size, 'x'));
        const auto head = net::websocket::read_head(bytes);
        REQUIRE(head);
        CHECK(head->fault.empty());
        CHECK(head->size == size);
        CHECK(head->bytes + size == bytes.size());
        for (std::size_t part = 0; part < head->bytes; ++part)
            CHECK_FALSE(net::websocket::read_head(bytes.substr(0, part)));
    }
    // RFC 6455 §1.3.
    CHECK(net::websocket::accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

}   // namespace websocket_codec_test
