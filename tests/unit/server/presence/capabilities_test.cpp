// tests/unit/server/presence/capabilities_test.cpp: capabilities of clients, their hashes
// (XEP-0115 §5.2 to §5.4), and the nodes that clients ask for.
#include "server/presence/capabilities.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "server/presence/interests.hpp"
#include "xml/parser.hpp"

namespace capabilities_test {

namespace presence = grid::server::presence;
namespace xml = grid::xml;
using grid::server::Interests;

namespace {

xml::Element parsed(const std::string& text) {
    auto document = xml::parse_document("<x xmlns='jabber:client'>" + text + "</x>", xml::Limits{});
    REQUIRE(std::holds_alternative<xml::Element>(document));
    return *std::get<xml::Element>(document).first_child();
}

xml::Element query(const std::string& inside) {
    return parsed("<query xmlns='http://jabber.org/protocol/disco#info'>" + inside + "</query>");
}

const std::string simple =
    "<identity category='client' type='pc' name='Exodus 0.9.1'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/>"
    "<feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/muc'/>"
    "<feature var='http://jabber.org/protocol/caps'/>";

std::string info_form(const std::string& type) {
    return "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='" + type +
           "'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
           "<field var='ip_version' "
           "type='text-multi'><value>ipv4</value><value>ipv6</value></field>"
           "<field var='os'><value>Mac</value></field>"
           "<field var='os_version'><value>10.5.1</value></field>"
           "<field var='software'><value>Psi</value></field>"
           "<field var='software_version'><value>0.11</value></field></x>";
}

const std::string complex_head =
    "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
    "<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/>"
    "<feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/muc'/>";

presence::Capabilities answer(const std::string& id, const std::string& inside) {
    return presence::read_answer(parsed(
        "<iq type='result' id='" + id + "'><query xmlns='http://jabber.org/protocol/disco#info'>" +
        inside + "</query></iq>"
    ));
}

presence::Caps caps(const std::string& ver) { return {"sha-1", "https://example.com", ver}; }

}   // namespace

TEST_CASE("capabilities: the hashes of XEP-0115's examples") {
    CHECK(presence::verification_of(query(simple), "sha-1") == "QgayPKawpkPSDYmwT/WM94uAlu0=");
    CHECK(
        presence::verification_of(query(complex_head + info_form("hidden")), "sha-1") ==
        "q07IKJEyjvHSyhy//CH0CxmKi8w="
    );
    CHECK(presence::verification_of(query(simple), "sha-256").size() == 44);
    CHECK(presence::verification_of(query(simple), "md5").empty());
}

TEST_CASE("capabilities: an ill-formed answer proves nothing") {
    const std::string feature = "<feature var='http://jabber.org/protocol/muc'/>";
    CHECK(presence::verification_of(query(simple + feature), "sha-1").empty());
    CHECK(presence::verification_of(
              query(simple + "<identity category='client' type='pc' name='Exodus 0.9.1'/>"), "sha-1"
    )
              .empty());
    const std::string form = info_form("hidden");
    CHECK(presence::verification_of(query(complex_head + form + form), "sha-1").empty());
    // A separator within a text could stand for two texts (XEP-0115 §8.5).
    CHECK(presence::verification_of(query("<feature var='a&lt;b'/>"), "sha-1").empty());
    // A form without a hidden FORM_TYPE is passed over.
    CHECK(
        presence::verification_of(query(complex_head + info_form("text-single")), "sha-1") ==
        presence::verification_of(query(complex_head), "sha-1")
    );
}

TEST_CASE("capabilities: claims that could not be verified are none") {
    const auto read = [](const std::string& c) {
        return presence::read_caps(parsed("<presence>" + c + "</presence>"));
    };
    const std::string start = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' ";
    CHECK(read(start + "node='n' ver='v'/>") == presence::Caps{"sha-1", "n", "v"});
    CHECK_FALSE(read(start + "node='n'/>"));
    CHECK_FALSE(read(start + "ver='v'/>"));
    CHECK_FALSE(read(start + "node='n' ver='" + std::string(2000, 'v') + "'/>"));
    CHECK_FALSE(read("<c/>"));
}

TEST_CASE("capabilities: names of nodes that a client asks for, within a bound") {
    const auto found = answer(
        "caps-1-sha-1",
        "<feature var='a+notify'/><feature var='b'/>"
        "<feature var='+notify'/><feature var='c+notify'/>"
    );
    REQUIRE(found.wants != nullptr);
    CHECK(*found.wants == presence::Wants{"a", "c"});
    std::string many;
    for (int i = 0; i < 1'000; ++i)
        many += "<feature var='" + std::to_string(i) + std::string(97, 'x') + "+notify'/>";
    CHECK(answer("caps-1-sha-1", many).wants->size() < 83);
    CHECK(presence::read_answer(parsed("<iq type='error' id='caps-1-sha-1'/>")).wants == nullptr);
}

TEST_CASE("interests: a proved version is known of all, a false one of its session alone") {
    Interests interests;
    const std::string features = "<feature var='mood+notify'/>";
    const std::string ver = presence::verification_of(query(features), "sha-1");
    auto step = interests.heard(1, caps(ver));
    REQUIRE_FALSE(step.question.empty());
    CHECK_FALSE(interests.wants(1, "mood"));
    CHECK_FALSE(interests.learned(1, answer("caps-99-sha-1", features)).is_changed);
    CHECK_FALSE(interests.learned(2, answer(step.question, features)).is_changed);
    CHECK(interests.learned(1, answer(step.question, features)).is_changed);
    CHECK(interests.wants(1, "mood"));
    CHECK_FALSE(interests.learned(1, answer(step.question, "")).is_changed);   // answered once

    CHECK(interests.heard(2, caps(ver)).question.empty());
    CHECK(interests.wants(2, "mood"));
    CHECK_FALSE(interests.heard(2, caps(ver)).is_changed);   // the same again

    step = interests.heard(3, caps("a lie"));
    CHECK(interests.learned(3, answer(step.question, features)).is_changed);
    CHECK(interests.wants(3, "mood"));
    CHECK_FALSE(interests.heard(4, caps("a lie")).question.empty());

    CHECK(interests.heard(1, std::nullopt).is_changed);
    CHECK_FALSE(interests.wants(1, "mood"));
    CHECK(interests.forget(2));
    CHECK_FALSE(interests.forget(2));
}

TEST_CASE("interests: the versions that are remembered have a bound") {
    Interests interests;
    const auto learn = [&](std::size_t number) {
        const std::string features = "<feature var='" + std::to_string(number) + "+notify'/>";
        const std::string ver = presence::verification_of(query(features), "sha-1");
        const auto step = interests.heard(number, caps(ver));
        if (!step.question.empty()) interests.learned(number, answer(step.question, features));
        interests.forget(number);
        return !step.question.empty();
    };
    for (std::size_t i = 0; i < Interests::versions_max; ++i) CHECK(learn(i));
    CHECK_FALSE(learn(0));   // known, and now the latest
    CHECK(learn(Interests::versions_max));
    CHECK_FALSE(learn(0));
    CHECK(learn(1));   // version 1 gave way
}

}   // namespace capabilities_test
