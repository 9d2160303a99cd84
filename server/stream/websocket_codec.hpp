// server/stream/websocket_codec.hpp: a stream in the messages of a WebSocket (RFC 7395).
#pragma once

#include <string>
#include <vector>

#include "server/net/websocket_frame.hpp"
#include "server/stream/codec.hpp"

namespace grid::server::stream {

/// Each element is a text message of its own, with its own namespaces. Messages of a client
/// are parsed as they arrive, within the limits of any stream, in however many fragments.
class WebSocketCodec final : public Codec {
public:
    WebSocketCodec(std::string domain, const xml::Limits& limits);

    // Framer
    void open(std::string& out, const std::string& id, const xml::Jid& to) override;
    void element(std::string& out, const xml::Element& element) override;
    void stanza(std::string& out, const Outgoing& stanza) override;
    void close(std::string& out) override;
    void set_addresses(const xml::Jid& bare, const xml::Jid& full) override;

    // Codec
    std::size_t feed(std::string_view bytes) override;
    std::optional<xml::StreamEvent> next() override;
    void restart() override;
    void restart_behind() override;
    void set_limits(const xml::Limits& limits) override;
    void hold_bytes_only(bool is_so) override { parser_.hold_bytes_only(is_whole_ = is_so); }
    void set_lang(std::string lang) override { parser_.set_lang(std::move(lang)); }
    std::size_t pending_bytes() const override;
    std::size_t held_bytes() const override { return parser_.held_bytes(); }
    const xml::Element* unfinished() const override { return parser_.unfinished(); }
    std::uint64_t stanzas() const override { return parser_.stanzas(); }
    std::string take_answers() override;
    std::string ping() override;
    bool is_ended() const override { return is_ended_; }
    void end(std::string& out) override;

private:
    using CloseCode = net::websocket::CloseCode;

    std::size_t take_head(std::string_view bytes);
    std::size_t take_payload(std::string_view bytes, std::size_t& tags);
    void begin_frame();
    void begin_data();
    void end_frame();
    void end_control();
    void end_message();
    std::size_t parse(std::string_view text, std::size_t& tags);
    void collect();
    xml::StreamEvent to_event(xml::Element element);
    void fail(xml::ParseError error, std::string text, CloseCode code);
    void begin_document();

    std::string domain_;
    std::string bare_, full_;   // `<message xmlns='jabber:client' to='…'`
    xml::StreamParser parser_;
    std::size_t stanza_bytes_max_;
    std::vector<xml::StreamEvent> events_;
    std::size_t next_event_ = 0;

    std::string head_;   // of a frame, as far as it has arrived
    net::websocket::FrameHead frame_;
    std::uint64_t frame_left_ = 0;
    bool is_in_frame_ = false;

    std::string control_;   // the payload of a control frame that is arriving
    std::string pong_;      // an answer to the last ping, framed
    bool is_in_message_ = false, has_begun_ = false;   // of it: the first byte has come
    bool is_skipped_ = false;    // the rest of it: the stream began anew meanwhile
    std::size_t elements_ = 0;   // complete ones in it
    bool is_whole_ = false;      // all bytes are fed at once
    bool is_in_document_ = false, is_header_due_ = true;
    bool is_broken_ = false;     // further bytes are thrown away
    bool is_ended_ = false;      // the peer's Close frame has come
    bool is_end_said_ = false;   // our Close frame was written
    CloseCode code_ = CloseCode::Normal;
};

}   // namespace grid::server::stream
