// tests/unit/client/client_text_test.cpp: texts that gridctl's client reads and prints.
#include <catch2/catch.hpp>

#include "server/gridctl/xmpp/item_text.hpp"
#include "server/gridctl/xmpp/payload.hpp"
#include "server/gridctl/xmpp/recent.hpp"
#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace client_text_test {

using namespace grid::gridctl::xmpp;
using Catch::Matchers::Contains;
namespace xml = grid::xml;

namespace {

Payload readable(std::string_view text) {
    auto read = read_payload(text);
    REQUIRE(std::holds_alternative<Payload>(read));
    return std::get<Payload>(std::move(read));
}

std::string unreadable(std::string_view text) {
    auto read = read_payload(text);
    REQUIRE(std::holds_alternative<Unreadable>(read));
    return std::get<Unreadable>(read).why;
}

std::vector<std::string> texts_of(TextReader& reader) {
    std::vector<std::string> out;
    while (auto text = reader.next()) out.push_back(text->is_too_long ? "too long" : text->text);
    return out;
}

}   // namespace

TEST_CASE("a payload is an XML document or a JSON value", "[gridctl]") {
    CHECK(readable(" <?xml version='1.0'?>\n<x xmlns='urn:x'/>\n").element.is("x", xml::Ns("urn:x"))
    );
    CHECK(readable("\xEF\xBB\xBF<x xmlns='urn:x'/>").element.name() == "x");
    const Payload json = readable(" {\"n\": 1.0e400000, \"t\": \"<&\"}\r");
    CHECK(json.element.is("json", json_ns));
    CHECK(json.element.text() == "{\"n\": 1.0e400000, \"t\": \"<&\"}");
    CHECK(readable("7").element.text() == "7");
    CHECK(readable("\"\xEF\xBF\xBF\"").element.text() == "\"\\uffff\"");
    CHECK_THAT(unreadable("plain"), Contains("neither XML nor JSON"));
    CHECK_THAT(unreadable("<x>"), Contains("no XML document"));
    CHECK_THAT(unreadable("<!DOCTYPE x><x/>"), Contains("no XML document"));
    CHECK_THAT(unreadable(" \n"), Contains("no text"));
}

TEST_CASE("an item as it is printed can be published with its id", "[gridctl]") {
    Delivered item;
    item.topic = "t";
    item.id = "i1";
    item.time = 0;
    item.has_payload = true;
    item.payload = xml::Element("x", xml::Ns("urn:x"));
    item.payload.append("two\nlines\r");
    const std::string line = to_xml_line(item);
    CHECK(line.find('\n') == std::string::npos);
    const Payload back = readable(line);
    CHECK(back.id == "i1");
    CHECK(back.element.text() == "two\nlines\r");
    CHECK_THAT(
        unreadable("<item xmlns='http://jabber.org/protocol/pubsub#event'/>"),
        Contains("one payload")
    );
}

TEST_CASE("items as lines of JSON", "[gridctl]") {
    Delivered item;
    item.topic = "t";
    item.id = "i1";
    CHECK(
        to_json_line(item) == R"({"topic":"t","id":"i1","publisher":null,)"
                              R"("time":"1970-01-01T00:00:00.000Z","payload":null})"
    );
    item.publisher = "ann@grid.example";
    item.has_payload = true;
    item.payload = xml::Element("json", json_ns);
    item.payload.append("{\"a\": [1]}");
    CHECK_THAT(to_json_line(item), Contains(R"("payload":{"a":[1]})"));
    item.payload = xml::Element("x", xml::Ns("urn:x"));
    CHECK_THAT(to_json_line(item), Contains(R"("payload":"<x xmlns='urn:x'/>")"));
}

TEST_CASE("a JSON payload is printed as it was written, in one line", "[gridctl]") {
    const auto printed = [](const std::string& text) {
        Delivered item;
        item.has_payload = true;
        item.payload = xml::Element("json", json_ns);
        item.payload.append(text);
        const std::string line = to_json_line(item);
        const std::string mark = R"("payload":)";
        return line.substr(line.find(mark) + mark.size());
    };
    for (const std::string text :
         {"1e999", "-1E-999", "12345678901234567890123", "1.0", "-0", R"({"a":1,"a":2})",
          R"(" \" \\")", R"("\u0041")", "[]"})
        CHECK(printed(text) == text + "}");
    CHECK(printed("\n{\t\"a b\" : [ 1 ,\r\n \"\\\" : \" ] }\n") == R"({"a b":[1,"\" : "]}})");
    const std::string deep = std::string(100, '[') + std::string(100, ']');
    CHECK(printed(deep) == deep + "}");
    for (const std::string text : {"Infinity", "NaN", "{", "01", "", "1 2", "'a'"})
        CHECK_THAT(printed(text), Catch::Matchers::StartsWith("\"<json xmlns='"));
}

TEST_CASE("lines are cut wherever reads end", "[gridctl]") {
    const std::string input = "one\n\n  \ntwo\r\nthree";
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
        TextReader reader(true);
        std::vector<std::string> all;
        for (const std::string& part : {input.substr(0, cut), input.substr(cut)}) {
            reader.feed(part);
            for (auto& text : texts_of(reader)) all.push_back(text);
            CHECK(reader.is_hungry());
        }
        reader.end();
        for (auto& text : texts_of(reader)) all.push_back(text);
        CHECK(all == std::vector<std::string>{"one", "two\r", "three"});
        CHECK_FALSE(reader.is_hungry());
    }
}

TEST_CASE("lines have their numbers, blank ones too", "[gridctl]") {
    TextReader reader(true);
    reader.feed("a\n\nb\n");
    CHECK(reader.next()->line == 1);
    CHECK(reader.next()->line == 3);
    CHECK_FALSE(reader.next());
}

TEST_CASE("a line without end takes no more room than a line may have", "[gridctl]") {
    TextReader reader(true);
    const std::string piece(1024UL * 1024, 'x');
    for (int n = 0; n < 9; ++n) reader.feed(piece);
    CHECK(texts_of(reader) == std::vector<std::string>{"too long"});
    for (int n = 0; n < 9; ++n) reader.feed(piece);
    CHECK(texts_of(reader).empty());
    reader.feed("x\nnext\n");
    const auto rest = texts_of(reader);
    REQUIRE_FALSE(rest.empty());
    CHECK(rest.back() == "next");
    TextReader whole(false);
    for (int n = 0; n < 9; ++n) whole.feed(piece);
    CHECK(texts_of(whole) == std::vector<std::string>{"too long"});
}

TEST_CASE("the whole input is one text", "[gridctl]") {
    TextReader reader(false);
    reader.feed("<x>\n");
    CHECK_FALSE(reader.next());
    CHECK(reader.is_hungry());
    reader.feed("</x>\n");
    reader.end();
    CHECK(reader.next()->text == "<x>\n</x>\n");
    CHECK_FALSE(reader.next());
}

TEST_CASE("texts that were met lately are known, up to a bound", "[gridctl]") {
    Recent recent(2);
    CHECK(recent.add("a"));
    CHECK(recent.add("b"));
    CHECK_FALSE(recent.add("a"));
    CHECK(recent.add("c"));
    CHECK_FALSE(recent.has("a"));
    CHECK(recent.has("b"));
}

TEST_CASE("requests as they are sent", "[gridctl]") {
    SubscribeOptions options;
    options.filter = "n >= 7";
    options.lease_until = 0;
    const std::string text = xml::to_string(subscribe_request("t", "a@b/c", options));
    CHECK_THAT(
        text, Contains("<subscribe node='t' jid='a@b/c'/>") && Contains("x-grid#filter") &&
                  Contains("n >= 7") && Contains("1970-01-01T00:00:00.000Z")
    );
    CHECK(xml::to_string(subscribe_request("t", "j", {})).find("options") == std::string::npos);
    ArchivePage page;
    page.topic = "t";
    page.is_last_item = true;
    CHECK_THAT(
        xml::to_string(archive_request(page)), Contains("<max>1</max>") && Contains("<before/>")
    );
}

}   // namespace client_text_test
