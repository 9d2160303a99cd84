// server/bosh/body_codec.hpp: a stream in the bodies of HTTP requests (XEP-0206).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/bosh/session.hpp"
#include "server/stream/codec.hpp"

namespace grid::server::bosh {

/// Reads what a Session has put together from the requests, and writes stanzas that carry their own
/// namespaces.
class BodyCodec final : public stream::Codec {
public:
    BodyCodec(std::shared_ptr<Session> session, const xml::Limits& limits)
        : session_(std::move(session)), parser_(limits) {}

    // Framer. The `<body/>` around them is the session's.
    void open(std::string& /*out*/, const std::string& /*id*/, const xml::Jid& /*to*/) override {}
    void element(std::string& out, const xml::Element& element) override;
    void stanza(std::string& out, const Outgoing& stanza) override;
    void close(std::string& /*out*/) override {}
    void set_addresses(const xml::Jid& bare, const xml::Jid& full) override;

    // Codec
    std::size_t feed(std::string_view bytes) override;
    std::optional<xml::StreamEvent> next() override;
    void restart() override;
    void restart_behind() override {}   // a `<body/>` says that it begins a stream
    void set_limits(const xml::Limits& limits) override { parser_.set_limits(limits); }
    void hold_bytes_only(bool is_so) override { parser_.hold_bytes_only(is_whole_ = is_so); }
    void set_lang(std::string lang) override { parser_.set_lang(lang_ = std::move(lang)); }
    std::size_t pending_bytes() const override { return parser_.pending_bytes(); }
    std::size_t held_bytes() const override { return parser_.held_bytes(); }
    const xml::Element* unfinished() const override { return parser_.unfinished(); }
    std::uint64_t stanzas() const override { return parser_.stanzas(); }

private:
    void mark(char what);
    void parse(std::string_view text);
    void begin_document(std::string_view head);
    void end_document();
    void fail(xml::ParseError error, std::string text);

    std::shared_ptr<Session> session_;
    std::string bare_, full_;   // `<message xmlns='jabber:client' to='…'`
    xml::StreamParser parser_;
    std::vector<xml::StreamEvent> events_;
    std::size_t next_event_ = 0;
    bool is_whole_ = false;   // all bytes are fed at once
    bool is_in_document_ = false, is_broken_ = false;
    std::string lang_;
    std::string scope_;   // of this `<body/>`, which then is a document of its own
    bool is_in_scope_ = false;
};

}   // namespace grid::server::bosh
