// xml/rsm.hpp: result set management (XEP-0059).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::xml {

/// The page that a requester asks for. `before` with an empty string means the last page (§2.5).
struct RsmRequest {
    std::optional<std::uint32_t> max;
    std::optional<std::string> after, before;
    std::optional<std::uint32_t> index;

    /// The `<set/>` inside `parent`; nothing when there is none; bad-request when it is malformed.
    static Result<std::optional<RsmRequest>, StanzaError> parse(const Element& parent);
};

/// A page's description of itself. An empty page has no first and last (§2.3).
struct RsmReply {
    std::string first, last;
    std::optional<std::size_t> first_index;
    std::optional<std::size_t> count;

    Element to_element() const;
};

}   // namespace grid::xml
