// tests/unit/xml/jid_test.cpp: addresses by RFC 7622, its examples first.
#include "xml/jid.hpp"

#include <catch2/catch.hpp>

namespace jid_test {

using namespace grid::xml;

namespace {

std::string parsed(std::string_view text) {
    auto jid = Jid::parse(text);
    return jid ? jid->str() : "error: " + jid.error().message();
}

JidErrc error_of(std::string_view text) {
    auto jid = Jid::parse(text);
    return jid ? JidErrc{} : static_cast<JidErrc>(jid.error().value());
}

}   // namespace

TEST_CASE("RFC 7622 table 1: valid addresses") {
    for (std::string_view text :
         {"juliet@example.com", "juliet@example.com/foo", "juliet@example.com/foo bar",
          "juliet@example.com/foo@bar", "foo\\20bar@example.com", "fussball@example.com",
          "fu\u00DFball@example.com", "\u03C0@example.com", "\u03C3@example.com/foo",
          "\u03C2@example.com/foo", "king@example.com/\u265A", "example.com", "example.com/foobar",
          "a.example.com/b@example.net"})
        CHECK(parsed(text) == text);
    CHECK(parsed("\u03A3@example.com/foo") == "\u03C3@example.com/foo");
}

TEST_CASE("RFC 7622 table 2: what is no address") {
    CHECK(error_of("\"juliet\"@example.com") == JidErrc::BadLocal);
    CHECK(error_of("foo bar@example.com") == JidErrc::BadLocal);
    CHECK(error_of("juliet@example.com/ foo") == JidErrc::BadResource);
    CHECK(error_of("@example.com/") == JidErrc::Empty);
    CHECK(error_of("henry\u2163@example.com") == JidErrc::BadLocal);
    CHECK(error_of("\u265A@example.com") == JidErrc::BadLocal);
    CHECK(error_of("juliet@") == JidErrc::Empty);
    CHECK(error_of("/foobar") == JidErrc::Empty);
}

TEST_CASE("an address is taken apart at the first slash, then at the first at") {
    auto jid = Jid::parse("a.example/b@c.example/d");
    REQUIRE(jid.has_value());
    CHECK(jid->local().empty());
    CHECK(jid->domain() == "a.example");
    CHECK(jid->resource() == "b@c.example/d");
    CHECK(error_of("a@b@c.example") == JidErrc::BadDomain);
    CHECK(error_of("a@b.example/") == JidErrc::Empty);
    CHECK(error_of("") == JidErrc::Empty);
    CHECK(error_of("@b.example") == JidErrc::Empty);
}

TEST_CASE("each part of an address, and its bare form") {
    auto jid = Jid::parse("Probe@Grid.Example./Sensor 1");
    REQUIRE(jid.has_value());
    CHECK(jid->str() == "probe@grid.example/Sensor 1");
    CHECK(jid->local() == "probe");
    CHECK(jid->domain() == "grid.example");
    CHECK(jid->resource() == "Sensor 1");
    CHECK_FALSE(jid->is_bare());
    CHECK(jid->bare_view() == "probe@grid.example");
    CHECK(jid->bare().is_bare());
    CHECK(jid->bare() == *Jid::parse("probe@grid.example"));
    CHECK(jid->bare().with_prepared_resource("x/y").resource() == "x/y");
    CHECK(std::hash<Jid>{}(*jid) == std::hash<Jid>{}(*Jid::parse(jid->str())));
}

TEST_CASE("an empty address equals no parsed one") {
    Jid none;
    CHECK(none.empty());
    CHECK(none.is_bare());
    CHECK(none.domain().empty());
    CHECK_FALSE(none == *Jid::parse("a"));
}

TEST_CASE("make joins parts and refuses what parse would") {
    CHECK(Jid::make("A", "B.example", "C")->str() == "a@b.example/C");
    CHECK(Jid::make("", "b.example")->str() == "b.example");
    CHECK_FALSE(Jid::make("a", "").has_value());
    CHECK_FALSE(Jid::make("a@b", "c").has_value());
    CHECK_FALSE(Jid::make("a", "b/c").has_value());
}

TEST_CASE("from_canonical finds the parts again") {
    for (std::string text : {"a", "a@b", "a@b/c", "a/c", "a/c@d", "a@b/c@d/e"}) {
        Jid stored = Jid::from_canonical(text);
        auto fresh = Jid::parse(text);
        REQUIRE(fresh.has_value());
        CHECK(stored == *fresh);
        CHECK(stored.local() == fresh->local());
        CHECK(stored.domain() == fresh->domain());
        CHECK(stored.resource() == fresh->resource());
    }
}

TEST_CASE("a part has 1023 octets at most") {
    const std::string most(1023, 'a'), more(1024, 'a');
    CHECK(Jid::parse(most + "@b.example/" + most).has_value());
    CHECK(error_of(more + "@b.example") == JidErrc::TooLong);
    CHECK(error_of("a@b.example/" + more) == JidErrc::TooLong);
    std::string domain = "a";
    while (domain.size() < 1024) domain += ".aaaaaaa";
    CHECK(error_of(domain) == JidErrc::TooLong);
    // The prepared form counts: NFC of U+0958 is longer than it was.
    std::string grows;
    for (int i = 0; i < 341; ++i) grows += "\u0958";
    CHECK(grows.size() == 1023);
    CHECK(error_of("a@b.example/" + grows) == JidErrc::TooLong);
}

TEST_CASE("what RFC 7622 3.3.1 excludes from the local part") {
    for (char c : std::string_view("\"&':<>")) {
        CHECK(error_of("a" + std::string(1, c) + "b@example.com") == JidErrc::BadLocal);
        CHECK(Jid::parse("example.com/a" + std::string(1, c) + "b").has_value());
    }
    CHECK_FALSE(prepare_local("a@b").has_value());
    CHECK_FALSE(prepare_local("a/b").has_value());
    CHECK_FALSE(prepare_local("a\uFF02b").has_value());   // a full-width quote is one
    CHECK(*prepare_local("A\\27B!#$%()*+,-.;=?[]^_`{|}~") == "a\\27b!#$%()*+,-.;=?[]^_`{|}~");
}

TEST_CASE("host names are LDH labels") {
    CHECK(parsed("A-1.EXAMPLE") == "a-1.example");
    CHECK(parsed("localhost") == "localhost");
    CHECK(parsed("192.0.2.1") == "192.0.2.1");
    for (std::string_view text :
         {"a..b", ".a", "a.b..", ".", "-a.b", "a-.b", "a b", "a_b.c", "a!b", "a%b", "ab--c.d",
          "a:5222", "a\\b", "[a", "a]"}) {
        INFO(text);
        CHECK_FALSE(Jid::parse(text).has_value());
    }
    CHECK(Jid::parse(std::string(63, 'a') + ".b").has_value());
    CHECK(error_of(std::string(64, 'a') + ".b") == JidErrc::BadDomain);
}

TEST_CASE("an underscore passes only where the caller is lenient") {
    CHECK(error_of("grid_Controller.jabber") == JidErrc::BadDomain);
    CHECK(Jid::parse("grid_Controller.jabber", true)->str() == "grid_controller.jabber");
    CHECK_FALSE(Jid::parse("grid Controller.jabber", true).has_value());
}

TEST_CASE("IPv6 literals have one spelling") {
    CHECK(parsed("a@[2001:DB8:0:0:0:0:0:1]/x") == "a@[2001:db8::1]/x");
    CHECK(parsed("[::]") == "[::]");
    CHECK(parsed("[::ffff:192.0.2.1]") == "[::ffff:192.0.2.1]");
    for (std::string_view text :
         {"[]", "[::1", "[::1].", "[1]", "[::g]", "[::1%eth0]", "[192.0.2.1]"})
        CHECK_FALSE(Jid::parse(text).has_value());
}

TEST_CASE("internationalized domains are U-labels, lower-case") {
    CHECK(parsed("B\u00DCCHER.example") == "b\u00FCcher.example");
    CHECK(parsed("xn--bcher-kva.example") == "b\u00FCcher.example");
    CHECK(parsed("XN--BCHER-KVA.example.") == "b\u00FCcher.example");
    CHECK(parsed("fa\u00DF.example") == "fa\u00DF.example");
    CHECK(parsed("b\u00FCcher\u3002example\u3002") == "b\u00FCcher.example");
    CHECK(parsed("bu\u0308cher.example") == "b\u00FCcher.example");
    CHECK(parsed("\u05D0\u05D1.example") == "\u05D0\u05D1.example");
}

TEST_CASE("what IDNA2008 refuses is no domain") {
    for (std::string_view text :
         {"\u265A.example", "a\u2665b.example", "xn--a.example", "xn--.example",
          "xn--zzzzzzz9999.example", "xn--bcher-kva1.example", "-\u00FC.example", "\u00FC..example",
          "\u0301a.example", "\u05D0a.example", "a\u200Db.example", "\u00FC_b.example",
          "\u2163\u00FC example", "xn--fo-5ja\u00FC.example", "l\u00B7a.example"}) {
        INFO(text);
        CHECK(error_of(text) == JidErrc::BadDomain);
    }
    CHECK(parsed("l\u00B7l.example") == "l\u00B7l.example");
}

}   // namespace jid_test
