// xml/stream_error.hpp: why a stream ends (RFC 6120 §4.9).
#pragma once

#include <optional>
#include <string>

#include "xml/element.hpp"
#include "xml/stream_event.hpp"

namespace grid::xml {

struct StreamError {
    std::string condition;   // a defined condition of §4.9.3, e.g. "policy-violation"
    std::string text;        // for a person
    std::optional<Element> application;
    std::string condition_text = {};   // content of <see-other-host/>: HOST:PORT

    /// `<stream:error>` with its condition and text.
    Element to_element() const;
};

StreamError to_stream_error(const StreamBroken& broken);

}   // namespace grid::xml
