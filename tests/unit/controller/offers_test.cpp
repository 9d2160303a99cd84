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
    const auto data = offer("<data" + ns + ">QUJD REU=\n</data>");
    CHECK(data->kind == Kind::Data);
    CHECK(data->bytes == 5);
    CHECK(offer("<close" + ns + "/>")->kind == Kind::Close);
    CHECK(offer("<other" + ns + "/>")->kind == Kind::Begin);
    const std::string message = "<message xmlns='jabber:client'>";
    CHECK(read_packet(element(message + "<data" + ns + ">QQ==</data></message>"))->bytes == 1);
    CHECK(!read_packet(element(message + "<body>x</body></message>")).has_value());
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
