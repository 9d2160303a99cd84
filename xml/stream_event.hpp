// xml/stream_event.hpp: events of a stream: its header, its stanzas, its end, or its fault.
#pragma once

#include <string>
#include <variant>

#include "xml/element.hpp"

namespace grid::xml {

/// Why a stream cannot go on; the names are those of RFC 6120 §4.9.3.
enum class ParseError {
    NotWellFormed = 1,     // <not-well-formed/>
    RestrictedXml,         // comment, processing instruction, DTD, foreign entity (§11.1)
    UnsupportedEncoding,   // not UTF-8
    BadNamespacePrefix,    // a prefix that nobody declared
    InvalidNamespace,      // stream element not in the streams namespace
    BadFormat,             // text between stanzas
    TooLarge,              // a limit of xml/limits.hpp: <policy-violation/>
};

struct StreamOpen {
    Element header;   // the stream element without children
    /// The default namespace that the header declares (`jabber:client`, …).
    std::string content_ns;
};

struct StreamClose {};

struct StreamBroken {
    ParseError error;
    std::string text;   // for a person: what was found, and which limit
};

using StreamEvent = std::variant<StreamOpen, Element, StreamClose, StreamBroken>;

}   // namespace grid::xml
