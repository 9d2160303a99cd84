// tests/fuzz/xml_jid.cpp: addresses from nowhere: what is accepted is canonical and stays so.
//
// clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I .
//     tests/fuzz/xml_jid.cpp xml/*.cpp -lexpat -licuuc -o build/fuzz_xml_jid
// mkdir -p build/corpus_jid && build/fuzz_xml_jid -max_len=64 -max_total_time=60 build/corpus_jid
#include <cstdint>
#include <cstdlib>
#include <string>

#include "xml/base64.hpp"
#include "xml/datetime.hpp"
#include "xml/jid.hpp"

using namespace grid::xml;

static void require(bool holds) {
    if (!holds) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (auto jid = Jid::parse(text)) {
        auto again = Jid::parse(jid->str());
        require(again.has_value() && *again == *jid);
        Jid stored = Jid::from_canonical(jid->str());
        require(stored.local() == jid->local() && stored.domain() == jid->domain());
        require(stored.resource() == jid->resource() && !jid->domain().empty());
        auto made = Jid::make(jid->local(), jid->domain(), jid->resource());
        require(made.has_value() && *made == *jid);
    }
    if (auto bytes = parse_base64(text)) require(to_base64(*bytes) == text);
    require(parse_base64(to_base64(text)) == text);
    if (auto time = parse_datetime(text)) {
        const Millis day = 86'400'000;   // an offset may lead out of the four digits
        if (*time > -62'167'219'200'000 + day && *time < 253'402'300'800'000 - day)
            require(parse_datetime(to_datetime(*time)) == *time);
    }
    return 0;
}
