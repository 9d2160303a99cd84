// server/stream/client_tag.cpp: see client_tag.hpp.
#include "server/stream/client_tag.hpp"

#include <algorithm>

#include "xml/writer.hpp"

namespace grid::server::stream {
namespace {
constexpr std::string_view client_ns = " xmlns='jabber:client'";
}   // namespace

std::size_t client_ns_size() { return client_ns.size(); }

void append_client(std::string& out, std::string_view stanza) {
    const std::size_t name_end = std::min(stanza.find_first_of(" />"), stanza.size());
    out.append(stanza.substr(0, name_end)).append(client_ns).append(stanza.substr(name_end));
}

std::string message_tag(const xml::Jid& to) {
    std::string tag = "<message";
    tag += client_ns;
    xml::append_single_quoted_attr(tag, "to", to.str());
    return tag;
}

}   // namespace grid::server::stream
