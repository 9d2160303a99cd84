// tests/bench/load/framer.hpp: cuts an XML stream into stanzas by counting tags, without a
// parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace grid::bench {

struct Frame {
    enum class Kind { Incomplete, Open, Stanza, Close };
    Kind kind = Kind::Incomplete;
    std::string_view text;
    std::size_t consumed = 0;   // also counts white space before it
};

// `open`: the stream's opening tag has been read. Counts on servers that write no comments, no
// CDATA and no '>' inside attribute values; all that are measured here escape it.
Frame next_frame(std::string_view input, bool open);

// The value of an attribute of the first tag, empty if it is not there.
std::string_view attribute(std::string_view stanza, std::string_view name);

// The name of the defined condition in a stanza error, with the text if there is one.
std::string condition(std::string_view stanza);

}   // namespace grid::bench
