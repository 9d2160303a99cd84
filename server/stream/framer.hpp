// server/stream/framer.hpp: stanzas and the ends of a stream as a transport carries them.
#pragma once

#include <string>

#include "server/session/transport.hpp"
#include "xml/element.hpp"
#include "xml/jid.hpp"

namespace grid::server::stream {

/// Appends to `out`. One per connection, on its strand.
class Framer {
public:
    virtual ~Framer() = default;
    /// The beginning of a stream, in answer to the client's. `to` may be empty. (RFC 6120 §4.7)
    virtual void open(std::string& out, const std::string& id, const xml::Jid& to) = 0;
    /// An element of the stream itself: features, SASL, a stream error.
    virtual void element(std::string& out, const xml::Element& element) = 0;
    virtual void stanza(std::string& out, const Outgoing& stanza) = 0;
    /// The end of the stream (§4.4).
    virtual void close(std::string& out) = 0;

    /// Of the session, before the first stanza to one of them.
    virtual void set_addresses(const xml::Jid& bare, const xml::Jid& full) = 0;
};

/// XML on a TCP connection: one document, in which `jabber:client` is the default namespace.
class StreamFramer final : public Framer {
public:
    explicit StreamFramer(std::string domain) : domain_(std::move(domain)) {}

    void open(std::string& out, const std::string& id, const xml::Jid& to) override;
    void element(std::string& out, const xml::Element& element) override;
    void stanza(std::string& out, const Outgoing& stanza) override;
    void close(std::string& out) override;
    void set_addresses(const xml::Jid& bare, const xml::Jid& full) override;

private:
    std::string domain_;
    std::string bare_, full_;   // `<message to='…'`
};

}   // namespace grid::server::stream
