// server/stream/stream_codec.hpp: one XML document each way, on a TCP connection (RFC 6120 §4).
#pragma once

#include "server/stream/codec.hpp"

namespace grid::server::stream {

/// `jabber:client` is the default namespace of what it writes. To components it says
/// `jabber:component:accept` (XEP-0114), and reads that as `jabber:client`.
class StreamCodec final : public Codec {
public:
    StreamCodec(std::string domain, const xml::Limits& limits, bool is_for_component = false)
        : domain_(std::move(domain)), parser_(limits), is_for_component_(is_for_component) {}

    // Framer
    void open(std::string& out, const std::string& id, const xml::Jid& to) override;
    void element(std::string& out, const xml::Element& element) override;
    void stanza(std::string& out, const Outgoing& stanza) override;
    void close(std::string& out) override;
    void set_addresses(const xml::Jid& bare, const xml::Jid& full) override;

    // Codec
    std::size_t feed(std::string_view bytes) override;
    std::optional<xml::StreamEvent> next() override;
    void restart() override { parser_.restart(); }
    void restart_behind() override { parser_.restart_behind(); }
    void set_limits(const xml::Limits& limits) override { parser_.set_limits(limits); }
    void hold_bytes_only(bool is_so) override {
        parser_.hold_bytes_only(is_whole_ = is_so);
        parser_.pause_behind_elements(is_so);
    }
    void set_lang(std::string lang) override { parser_.set_lang(std::move(lang)); }
    std::size_t pending_bytes() const override { return parser_.pending_bytes(); }
    std::size_t held_bytes() const override { return parser_.held_bytes(); }
    const xml::Element* unfinished() const override { return parser_.unfinished(); }
    std::uint64_t stanzas() const override { return parser_.stanzas(); }

private:
    std::string domain_;
    std::string bare_, full_;   // `<message to='…'`
    xml::StreamParser parser_;
    bool is_whole_ = false;   // all bytes are fed at once
    bool is_for_component_;
};

}   // namespace grid::server::stream
