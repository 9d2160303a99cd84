// server/stream/peer_error.cpp: see peer_error.hpp.
#include "server/stream/peer_error.hpp"

#include "xml/namespaces.hpp"

namespace grid::server::stream {

std::optional<std::string> error_of_peer(const xml::Element& element) {
    if (!element.is("error", xml::ns::streams)) return std::nullopt;
    std::string condition = "no condition", text;
    for (const xml::Element* child : element.children()) {
        if (child->ns() != xml::ns::stream_errors) continue;
        if (child->name() == "text")
            text = ": " + child->text();
        else
            condition = child->name();
    }
    return "the peer ended the stream with an error, " + condition + text;
}

}   // namespace grid::server::stream
