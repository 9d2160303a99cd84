// tests/fuzz/xml_parser.cpp: streams from nowhere: parsed whole and in pieces, written, parsed
// again.
//
// clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I .
//     tests/fuzz/xml_parser.cpp xml/*.cpp -lexpat -licuuc -o build/fuzz_xml_parser
// mkdir -p build/corpus && build/fuzz_xml_parser -max_len=4096 -max_total_time=60 build/corpus
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

using namespace grid::xml;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

struct Outcome {
    std::vector<std::string> events;
    std::vector<Element> stanzas;
    bool broken = false;
    std::size_t pending = 0;

    bool operator==(const Outcome& other) const { return events == other.events; }
};

Limits small_limits() {
    Limits limits;
    limits.stanza_bytes_max = 2000;
    limits.depth_max = 20;
    limits.attributes_max = 8;
    limits.declarations_max = 8;
    limits.bindings_max = 20;
    limits.elements_max = 100;
    limits.name_bytes_max = 100;
    limits.header_bytes_max = 1000;
    return limits;
}

void take(StreamParser& parser, Outcome& outcome) {
    while (auto event = parser.next()) {
        require(!outcome.broken);
        if (auto* open = std::get_if<StreamOpen>(&*event)) {
            outcome.events.push_back("open " + to_string(open->header));
        } else if (auto* stanza = std::get_if<Element>(&*event)) {
            outcome.events.push_back(to_string(*stanza));
            outcome.stanzas.push_back(std::move(*stanza));
        } else if (std::holds_alternative<StreamClose>(*event)) {
            outcome.events.push_back("close");
        } else {
            outcome.broken = true;
        }
    }
}

/// Pieces of `step` bytes; 0 for all at once.
Outcome run(std::string_view bytes, std::size_t step) {
    StreamParser parser(small_limits());
    Outcome outcome;
    bool going = true;
    while (!bytes.empty() && going) {
        std::string_view piece = bytes.substr(0, step ? step : bytes.size());
        bytes.remove_prefix(piece.size());
        going = parser.feed(piece);
        take(parser, outcome);
        require(going != outcome.broken);
        require(outcome.broken || parser.pending_bytes() <= 2000);
    }
    outcome.pending = parser.pending_bytes();
    return outcome;
}

/// Written XML can be read again, and has the same meaning.
void check_round_trip(const Element& stanza) {
    Limits ample;
    ample.elements_max = ample.attributes_max = ample.declarations_max = ample.bindings_max =
        100000;
    const std::string text = to_string(stanza);
    auto again = parse_document(text, ample);
    require(std::holds_alternative<Element>(again));
    require(to_string(std::get<Element>(again)) == text);

    const Element* child = stanza.first_child();
    if (!child) return;
    const Element* ancestors[] = {&stanza};
    const std::string detached = write_detached(*child, ancestors);
    auto payload = parse_document("<x xmlns='urn:elsewhere'>" + detached + "</x>", ample);
    require(std::holds_alternative<Element>(payload));
    const Element* moved = std::get<Element>(payload).first_child();
    require(moved && moved->is(child->name(), child->ns()));
    require(moved->attrs().size() == child->attrs().size());
    require(moved->text() == child->text());
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string header =
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:h='urn:h' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>";
    const std::string stream = data[0] & 1 ? bytes : header + bytes;
    Outcome whole = run(stream, 0);
    for (std::size_t step : {std::size_t(1), std::size_t(1 + data[0] / 2)}) {
        Outcome pieces = run(stream, step);
        require(whole == pieces);
        // One may still wait for the end of a tag in which the other has found an error.
        require(whole.broken == pieces.broken || (whole.broken ? pieces : whole).pending > 0);
    }
    for (const Element& stanza : whole.stanzas) check_round_trip(stanza);
    parse_document(bytes, small_limits());
    return 0;
}
