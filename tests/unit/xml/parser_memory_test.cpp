// tests/unit/xml/parser_memory_test.cpp: the memory and work that a peer can cost a parser.
#include <malloc.h>
#include <catch2/catch.hpp>

#include <time.h>

#include "xml/namespaces.hpp"
#include "xml_tests.hpp"

namespace parser_memory_test {

using namespace grid::xml;
using namespace grid::test;

namespace {

/// Bytes that are in use on the heap.
std::size_t heap_bytes() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::string number(std::size_t at) { return std::to_string(1'000'000 + at); }

}   // namespace

TEST_CASE("names that never repeat do not pile up on a stream that never rests") {
    StreamParser parser = opened();
    std::size_t sent = 0, names = 0, most = 0;
    const std::size_t before = heap_bytes();
    std::string record = "<message>";
    while (sent < 24UL * 1024 * 1024) {
        // Ends inside of a stanza each time.
        for (int i = 0; i < 400; ++i, ++names)
            record += "<n" + number(names) + " k" + number(names) + "='1'/></message><message>";
        REQUIRE(parser.feed(record));
        sent += record.size();
        record.clear();
        while (parser.next()) {
        }
        most = std::max(most, heap_bytes());
    }
    CHECK(most - std::min(most, before) < 4UL * 1024 * 1024);
}

TEST_CASE("what an unfinished stanza holds is known") {
    StreamParser parser = opened();
    CHECK(parser.held_bytes() == 0);
    CHECK(parser.unfinished() == nullptr);
    std::string text = "<message to='a@b'><q>";
    for (int i = 0; i < 10'000; ++i) text += "x<a/>";
    const std::size_t before = heap_bytes();
    REQUIRE(parser.feed(text));
    const std::size_t taken = heap_bytes() - before;
    // A sanitizer has an allocator of its own, of which mallinfo counts nothing.
    const bool is_counted = heap_bytes() != 0;
    CHECK(parser.held_bytes() > (is_counted ? taken / 2 : text.size()));
    CHECK(parser.held_bytes() < (is_counted ? taken * 2 : text.size() * 200));
    REQUIRE(parser.unfinished());
    CHECK(parser.unfinished()->is("message", ns::client));
    CHECK(parser.unfinished()->attr_or("to", "") == "a@b");
    CHECK(parser.stanzas() == 0);
    REQUIRE(parser.feed("</q></message>"));
    CHECK(parser.held_bytes() == 0);
    CHECK(parser.unfinished() == nullptr);
    CHECK(parser.stanzas() == 1);
}

TEST_CASE("a stranger's unfinished element costs its bytes and little more") {
    std::vector<StreamParser> parsers;
    const std::string text = "<auth xmlns='urn:s' a='b'>" + std::string(5000, 'A') + "<b>&amp;";
    const std::size_t before = heap_bytes();
    for (int i = 0; i < 200; ++i) {
        parsers.push_back(opened());
        parsers.back().hold_bytes_only(true);
        REQUIRE(parsers.back().feed(text));
    }
    CHECK((heap_bytes() - before) / 200 < text.size() + 2000);
    REQUIRE(parsers[7].unfinished());
    CHECK(parsers[7].unfinished()->is("auth", Ns::of("urn:s")));
    CHECK(parsers[7].pending_bytes() == text.size());
    REQUIRE(parsers[7].feed("</b></auth>"));
    CHECK(drain(parsers[7]) == std::vector<std::string>{text + "</b></auth>"});
    CHECK(parsers[7].pending_bytes() == 0);
    CHECK(parsers[7].unfinished() == nullptr);
}

TEST_CASE("a parser that holds bytes only reads the same, wherever its records end") {
    const std::string text =
        "<auth xmlns='urn:s'>QQ==</auth> \n<iq id='1'><b xmlns='urn:b'><![CDATA[]]]]>&gt;"
        "\xE2\x82\xAC</b></iq><r a=\"'>\"/></stream:stream>";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        StreamParser parser{Limits{}}, usual{Limits{}};
        parser.hold_bytes_only(true);
        const std::string all = header + text;
        for (std::size_t at = 0; at < all.size(); at += size)
            REQUIRE(parser.feed(std::string_view(all).substr(at, size)));
        usual.feed(all);
        REQUIRE(drain(parser) == drain(usual));
    }
    StreamParser parser = opened();
    parser.hold_bytes_only(true);
    for (const char c : std::string("<auth>")) REQUIRE(parser.feed({&c, 1}));
    CHECK_FALSE(parser.feed("</b>"));
}

TEST_CASE("a stream goes on behind every stanza, wherever its machine is replaced") {
    // Each stanza ends in another place of its record, so that some end at the very last byte.
    StreamParser parser = opened();
    std::string all;
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < 30'000; ++i) {
        const std::string text = "<message id='" + number(i) + "'><a" + number(i) + "/>" +
                                 std::string(i % 700, 't') + "</message>";
        all += text;
        expected.push_back(text);
    }
    std::size_t at = 0, got = 0;
    for (std::size_t size = 1; at < all.size(); size = size * 7 % 40'009) {
        REQUIRE(parser.feed(std::string_view(all).substr(at, size)));
        at += size;
        for (const auto& line : drain(parser)) {
            if (line != expected[got]) FAIL(line << " is not " << expected[got]);
            ++got;
        }
    }
    CHECK(got == expected.size());
    CHECK(parser.feed("</stream:stream>"));
    CHECK(drain(parser) == std::vector<std::string>{"close"});
}

namespace {

/// Of this thread: other programs on the machine do not count.
double processor_seconds() {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec);
}

/// The shortest of some runs, in seconds: parsing and writing of `stanza` under `declarations`.
double seconds_for(const std::string& header_more, const std::string& stanza) {
    double shortest = 1e9;
    for (int run = 0; run < 5; ++run) {
        StreamParser parser{Limits{}};
        parser.feed(
            "<stream:stream xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'" +
            header_more + ">"
        );
        (void)parser.next();
        const double begin = processor_seconds();
        parser.feed(stanza);
        const Element read = std::get<Element>(parser.next().value());
        std::vector<const Element*> ancestors{&read};
        const Element* item = read.first_child();
        for (; item->is("w", read.first_child()->ns()); item = item->first_child())
            ancestors.push_back(item);
        CHECK(write_detached(*item, ancestors).size() > 100'000);
        shortest = std::min(shortest, processor_seconds() - begin);
    }
    return shortest;
}

std::string declared(const std::string& letter, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string one = letter + std::to_string(i);
        text.append(" xmlns:").append(one).append("='urn:").append(one).append("'");
    }
    return text;
}

}   // namespace

TEST_CASE("work for each byte does not grow with the declarations in force") {
    const std::string colons(200'000, ':');
    std::string words, elements;
    for (int i = 0; i < 40'000; ++i) words += "k0:v ";
    for (int i = 0; i < 16'000; ++i) elements += "<k:v k:w=''/>";
    for (const std::string& content : {colons, words, elements}) {
        const auto within = [&](int count) {
            return "<iq xmlns:k='urn:k'><w xmlns='urn:w'" + declared("p", count) + "><w" +
                   declared("q", count) + "><w" + declared("r", count) + "><v>" + content +
                   "</v></w></w></w></iq>";
        };
        const double few = seconds_for("", within(0));
        const double many = seconds_for(declared("h", 28), within(30));
        CHECK(many < few * 6 + 0.002);   // 100 times as long before
    }
}

}   // namespace parser_memory_test
