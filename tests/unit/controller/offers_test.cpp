// tests/unit/controller/offers_test.cpp: which stanzas are about streams of bulk data.
#include "controller/bulk/offers.hpp"

#include <catch2/catch.hpp>

#include "xml/parser.hpp"

namespace offers_test {

using namespace grid::controller::bulk;

namespace {

grid::xml::Element element(const std::string& text) {
    auto parsed = grid::xml::parse_document(text, {});
    REQUIRE(std::holds_alternative<grid::xml::Element>(parsed));
    return std::get<grid::xml::Element>(std::move(parsed));
}

std::optional<Offer> offer(const std::string& text) { return read_offer(element(text)); }

}   // namespace

TEST_CASE("offers: by their namespaces") {
    using Kind = Offer::Kind;
    CHECK(
        offer("<query xmlns='http://jabber.org/protocol/bytestreams' sid='a'/>")->kind ==
        Kind::Begin
    );
    CHECK(offer("<query xmlns='http://jabber.org/protocol/bytestreams' sid='a'/>")->sid == "a");
    CHECK(offer("<si xmlns='http://jabber.org/protocol/si'/>")->kind == Kind::Begin);
    CHECK(offer("<si xmlns='http://jabber.org/protocol/si' id='b'/>")->sid == "b");
    CHECK(
        offer("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/>")->kind == Kind::Begin
    );
    CHECK(
        offer("<jingle xmlns='urn:xmpp:jingle:1' action='session-accept'/>")->kind == Kind::Follow
    );
    CHECK(!offer("<query xmlns='jabber:iq:version'/>").has_value());
    CHECK(!offer("<open xmlns='urn:other'/>").has_value());
}

TEST_CASE("offers: in-band streams") {
    using Kind = Offer::Kind;
    const std::string ns = " xmlns='http://jabber.org/protocol/ibb' sid='s'";
    const auto open = offer("<open" + ns + " block-size='4096'/>");
    CHECK(open->kind == Kind::Open);
    CHECK(open->sid == "s");
    CHECK(open->bytes == 4096);
    CHECK(offer("<open" + ns + " block-size='-1'/>")->bytes == 0);
    CHECK(offer("<open" + ns + " block-size='4096abc'/>")->bytes == 0);
    const auto data = offer("<data seq='0'" + ns + ">QUJD REU=\n</data>");
    CHECK(data->kind == Kind::Data);
    CHECK(data->bytes == 5);
    CHECK(offer("<close" + ns + "/>")->kind == Kind::Close);
    CHECK(offer("<other" + ns + "/>")->kind == Kind::Begin);
    const std::string message = "<message xmlns='jabber:client'>";
    CHECK(read_packet(element(message + "<data" + ns + ">QQ==</data></message>"))->bytes == 1);
    CHECK(!read_packet(element(message + "<body>x</body></message>")).has_value());
}

TEST_CASE("offers: a packet is base64 text with a number, and nothing else") {
    const std::string begin = "<data xmlns='http://jabber.org/protocol/ibb' sid='s'";
    const auto is_wrong = [&](const std::string& rest) {
        return !offer(begin + rest)->wrong.empty();
    };
    const std::string line(76, 'Q');
    for (const std::string& good :
         {std::string(" seq='0'/>"), std::string(" seq='65535'>QUJD</data>"),
          std::string(" seq='1'>QQ==</data>"), std::string(" seq='1'>\n    QUI=\n  </data>"),
          " seq='1'>" + line + "\r\n" + line + "\r\n</data>"}) {
        INFO(good);
        CHECK_FALSE(is_wrong(good));
    }
    for (const std::string& bad :
         {std::string(">QUJD</data>"), std::string(" seq=''>QUJD</data>"),
          std::string(" seq='65536'>QUJD</data>"), std::string(" seq='-1'>QUJD</data>"),
          std::string(" seq='000001'>QUJD</data>"), std::string(" seq='1 '>QUJD</data>"),
          std::string(" seq='1' more='x'>QUJD</data>"),
          std::string(" seq='1'>QUJD<x>QUJD</x></data>"), std::string(" seq='1'>@@@@</data>"),
          std::string(" seq='1'>QUJ</data>"), std::string(" seq='1'>QQ==QUJD</data>"),
          std::string(" seq='1'>====</data>"),
          " seq='1'>QUJD" + std::string(100, ' ') + "</data>"}) {
        INFO(bad);
        CHECK(is_wrong(bad));
    }
    CHECK_FALSE(
        offer("<close xmlns='http://jabber.org/protocol/ibb' sid='s'><x/></close>")->wrong.empty()
    );
}

TEST_CASE("offers: beside a packet a message has markings alone") {
    const std::string data = "<data xmlns='http://jabber.org/protocol/ibb' sid='s' seq='0'/>";
    const auto is_wrong = [&](const std::string& more) {
        const std::string begin = "<message xmlns='jabber:client'>", end = "</message>";
        return !read_packet(element(begin + data + more + end))->wrong.empty() ||
               !read_packet(element(begin + more + data + end))->wrong.empty();
    };
    CHECK_FALSE(is_wrong(""));
    CHECK_FALSE(is_wrong(
        "<thread>t</thread><no-copy xmlns='urn:xmpp:hints'/>"
        "<amp xmlns='http://jabber.org/protocol/amp'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
    ));
    CHECK(is_wrong("<body>hello</body>"));
    CHECK(is_wrong("<x xmlns='jabber:x:oob'><url>https://x/</url></x>"));
    CHECK(is_wrong(data));
    CHECK(is_wrong("<open xmlns='http://jabber.org/protocol/ibb' sid='k' block-size='10'/>"));
}

TEST_CASE("offers: what stands in a stanza beyond a usual frame counts as bytes") {
    Offer packet;
    packet.kind = Offer::Kind::Data;
    packet.bytes = 3000;   // 4000 digits
    CHECK(counted_bytes(packet, 4300) == 3000);
    CHECK(counted_bytes(packet, 4000 + 1024 + 500) == 3500);
    Offer close;
    close.kind = Offer::Kind::Close;
    CHECK(counted_bytes(close, 200) == 0);
    CHECK(counted_bytes(close, 2024) == 1000);
}

TEST_CASE("offers: activation at the proxy") {
    const std::string ns = " xmlns='http://jabber.org/protocol/bytestreams'";
    const auto found =
        read_activation(element("<query" + ns + " sid='s'><activate>b@x/y</activate></query>"));
    REQUIRE(found.has_value());
    CHECK(found->sid == "s");
    CHECK(found->target == "b@x/y");
    CHECK(!read_activation(element("<query" + ns + " sid='s'/>")).has_value());
    CHECK(!read_activation(element("<query xmlns='urn:x'><activate/></query>")).has_value());
}

TEST_CASE("offers: the bytes that base64 stands for") {
    for (const auto& [text, bytes] :
         {std::pair("", 0U), std::pair("QQ==", 1U), std::pair("QUI=", 2U), std::pair("QUJD", 3U),
          std::pair("QUJD\nQQ==", 4U)})
        CHECK(decoded_bytes(text) == bytes);
}

}   // namespace offers_test
