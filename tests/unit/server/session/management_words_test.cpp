// tests/unit/server/session/management_words_test.cpp: the elements of stream management
// (XEP-0198).
#include "server/session/management_words.hpp"

#include <catch2/catch.hpp>

#include "xml/limits.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"

namespace management_words_test {

using namespace grid;
using namespace grid::server;

namespace {

std::variant<sm::Word, xml::StreamError> said(const std::string& element) {
    const std::size_t name_end = element.find_first_of(" /");
    const std::string text =
        element.substr(0, name_end) + " xmlns='urn:xmpp:sm:3'" + element.substr(name_end);
    auto parsed = xml::parse_document(text, xml::Limits{});
    return sm::read(std::get<xml::Element>(parsed));
}

template <class Word>
Word word(const std::string& element) {
    return std::get<Word>(std::get<sm::Word>(said(element)));
}

std::string wrong(const std::string& element) { return word<sm::Wrong>(element).condition; }

std::string stream_error(const std::string& element) {
    return std::get<xml::StreamError>(said(element)).condition;
}

std::string written(const xml::Element& element) {
    return xml::to_string(element, xml::ns::client.uri());
}

}   // namespace

TEST_CASE("a client's words are read (XEP-0198 3 to 5)") {
    CHECK_FALSE(word<sm::Enable>("<enable/>").wants_resumption);
    CHECK(word<sm::Enable>("<enable resume='1'/>").wants_resumption);
    CHECK(word<sm::Enable>("<enable resume='true' max='60'/>").seconds == 60);
    CHECK_FALSE(word<sm::Enable>("<enable resume='false'/>").wants_resumption);
    CHECK(word<sm::Ack>("<a h='4294967295'/>").handled == 4294967295U);
    CHECK(word<sm::Resume>("<resume previd='t' h='7'/>").token == "t");
    CHECK(word<sm::Resume>("<resume previd='t' h='7'/>").handled == 7);
    word<sm::Request>("<r/>");
}

TEST_CASE("words that are not as they should be are refused") {
    for (const std::string& text :
         {"<enable resume='maybe'/>", "<enable max='-1'/>", "<enable max=''/>",
          "<resume previd='t'/>", "<resume h='1'/>", "<resume previd='' h='1'/>",
          "<resume previd='t' h='4294967296'/>", "<resume previd='t' h='1x'/>"})
        CHECK(wrong(text) == "bad-request");
    for (const std::string& text : {"<a/>", "<a h=''/>", "<a h='-1'/>", "<a h='4294967296'/>"})
        CHECK(stream_error(text) == "bad-format");
    for (const std::string& text : {"<enabled/>", "<resumed/>", "<failed/>", "<x/>"})
        CHECK(stream_error(text) == "unsupported-stanza-type");
}

TEST_CASE("the server's words") {
    CHECK(written(sm::enabled("", 0)) == "<enabled xmlns='urn:xmpp:sm:3'/>");
    CHECK(
        written(sm::enabled("t", 300)) ==
        "<enabled xmlns='urn:xmpp:sm:3' id='t' resume='true' max='300'/>"
    );
    CHECK(written(sm::resumed("t", 4)) == "<resumed xmlns='urn:xmpp:sm:3' previd='t' h='4'/>");
    CHECK(written(sm::ack(4)) == "<a xmlns='urn:xmpp:sm:3' h='4'/>");
    CHECK(*sm::request() == "<r xmlns='urn:xmpp:sm:3'/>");
    CHECK(
        written(sm::failed("item-not-found", 9)) ==
        "<failed xmlns='urn:xmpp:sm:3' h='9'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    const auto error = sm::handled_count_too_high(10, 8);
    CHECK(error.condition == "undefined-condition");
    CHECK(
        written(*error.application) ==
        "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/>"
    );
}

}   // namespace management_words_test
