// server/stream/stream_codec.cpp: see stream_codec.hpp.
#include "server/stream/stream_codec.hpp"

#include "server/net/turn.hpp"
#include "server/stream/header.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::stream {

void StreamCodec::open(std::string& out, const std::string& id, const xml::Jid& to) {
    out +=
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams' from='";
    xml::append_escaped_attr(out, domain_);
    out += "' id='";
    xml::append_escaped_attr(out, id);
    if (!to.empty()) {
        out += "' to='";
        xml::append_escaped_attr(out, to.str());
    }
    out += "' version='1.0' xml:lang='";
    out += our_lang;
    out += "'>";
}

void StreamCodec::element(std::string& out, const xml::Element& element) {
    xml::write(out, element, xml::ns::client.uri());
}

void StreamCodec::stanza(std::string& out, const Outgoing& stanza) {
    if (stanza.to != Address::None) out += stanza.to == Address::Bare ? bare_ : full_;
    out += *stanza.text;
}

void StreamCodec::close(std::string& out) { out += "</stream:stream>"; }

void StreamCodec::set_addresses(const xml::Jid& bare, const xml::Jid& full) {
    for (auto [tag, jid] : {std::pair(&bare_, &bare), std::pair(&full_, &full)}) {
        *tag = "<message to='";
        xml::append_escaped_attr(*tag, jid->str());
        *tag += '\'';
    }
}

std::size_t StreamCodec::feed(std::string_view bytes) {
    std::size_t tags = net::Turn::parse_tags_max;
    const std::size_t size = is_whole_ ? bytes.size() : piece_of(bytes, tags);
    parser_.feed(bytes.substr(0, size));
    return size;
}

}   // namespace grid::server::stream
