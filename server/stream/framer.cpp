// server/stream/framer.cpp: a stream of XML on a TCP connection.
#include "server/stream/framer.hpp"

#include "server/stream/header.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::stream {

void StreamFramer::open(std::string& out, const std::string& id, const xml::Jid& to) {
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

void StreamFramer::element(std::string& out, const xml::Element& element) {
    xml::write(out, element, xml::ns::client.uri());
}

void StreamFramer::stanza(std::string& out, const Outgoing& stanza) {
    if (stanza.to != Address::None) out += stanza.to == Address::Bare ? bare_ : full_;
    out += *stanza.text;
}

void StreamFramer::close(std::string& out) { out += "</stream:stream>"; }

void StreamFramer::set_addresses(const xml::Jid& bare, const xml::Jid& full) {
    for (auto [tag, jid] : {std::pair(&bare_, &bare), std::pair(&full_, &full)}) {
        *tag = "<message to='";
        xml::append_escaped_attr(*tag, jid->str());
        *tag += '\'';
    }
}

}   // namespace grid::server::stream
