// xml/limits.hpp: the limits on the memory that a peer may make the parser hold. Counted while
// bytes arrive, not after.
#pragma once

#include <cstddef>

namespace grid::xml {

struct Limits {
    std::size_t stanza_bytes_max = 512 * 1024;
    std::size_t depth_max = 64;            // elements inside one stanza
    std::size_t attributes_max = 64;       // per element
    std::size_t declarations_max = 32;     // namespace declarations per element
    std::size_t bindings_max = 128;        // … in force at one place inside a stanza
    std::size_t elements_max = 16384;      // per stanza
    std::size_t name_bytes_max = 1024;     // element, attribute, prefix
    std::size_t header_bytes_max = 8192;   // the stream header
    /// Before the name of a limit, where an error names it to whom it stopped.
    const char* named = "limits.";
};

}   // namespace grid::xml
