// server/stream/stream_codec.cpp: see stream_codec.hpp.
#include "server/stream/stream_codec.hpp"

#include "server/net/turn.hpp"
#include "server/stream/header.hpp"
#include "server/stream/namespaces.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::stream {

namespace {

/// The same in `jabber:client`, as far as the component's own namespace goes.
xml::Element as_of_client(const xml::Element& element) {
    if (element.is_text()) return element;
    xml::Element out(
        element.name(), element.ns() == component_ns ? xml::ns::client : element.ns(),
        element.attrs()
    );
    out.set_prefix(element.prefix());
    for (const auto& [prefix, uri] : element.declarations()) out.declare(prefix, uri);
    for (const xml::Element& node : element.nodes()) out.add(as_of_client(node));
    return out;
}

}   // namespace

std::optional<xml::StreamEvent> StreamCodec::next() {
    auto event = parser_.next();
    if (is_for_component_ && event)
        if (auto* element = std::get_if<xml::Element>(&*event)) return as_of_client(*element);
    return event;
}

void StreamCodec::open(std::string& out, const std::string& id, const xml::Jid& to) {
    if (is_for_component_) {   // XEP-0114 §3: in the component's own name
        out +=
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
            "xmlns:stream='http://etherx.jabber.org/streams' from='";
        xml::append_escaped_attr(out, to.empty() ? domain_ : to.str());
        out += "' id='";
        xml::append_escaped_attr(out, id);
        out += "'>";
        return;
    }
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
