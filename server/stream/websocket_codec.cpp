// server/stream/websocket_codec.cpp: see websocket_codec.hpp.
#include "server/stream/websocket_codec.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "server/net/turn.hpp"
#include "server/stream/client_tag.hpp"
#include "server/stream/header.hpp"
#include "server/stream/namespaces.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::stream {

namespace websocket = net::websocket;
using websocket::Opcode;
using xml::ParseError;

WebSocketCodec::WebSocketCodec(std::string domain, const xml::Limits& limits)
    : domain_(std::move(domain)), parser_(limits), stanza_bytes_max_(limits.stanza_bytes_max) {}

// Out.

void WebSocketCodec::open(std::string& out, const std::string& id, const xml::Jid& to) {
    xml::Element open("open", web_ns::framing, {{"from", domain_}, {"id", id}});
    if (!to.empty()) open.set("to", to.str());
    open.set("version", "1.0").set("xml:lang", our_lang);
    element(out, open);
}

void WebSocketCodec::element(std::string& out, const xml::Element& element) {
    if (is_end_said_) return;
    websocket::append_frame(out, Opcode::Text, xml::to_string(element));
}

void WebSocketCodec::stanza(std::string& out, const Outgoing& stanza) {
    if (is_end_said_) return;
    const std::string& text = *stanza.text;
    if (stanza.to != Address::None) {
        const std::string& tag = stanza.to == Address::Bare ? bare_ : full_;
        websocket::append_head(out, Opcode::Text, tag.size() + text.size());
        (out += tag) += text;
    } else if (!stanza.is_stanza()) {
        websocket::append_frame(out, Opcode::Text, text);
    } else {
        websocket::append_head(out, Opcode::Text, text.size() + client_ns_size());
        append_client(out, text);
    }
}

void WebSocketCodec::close(std::string& out) {
    if (is_ended_) return;   // the peer has ended the layer below
    element(out, xml::Element("close", web_ns::framing));
}

void WebSocketCodec::end(std::string& out) {
    if (std::exchange(is_end_said_, true)) return;
    websocket::append_close(out, code_);
}

void WebSocketCodec::set_addresses(const xml::Jid& bare, const xml::Jid& full) {
    bare_ = message_tag(bare);
    full_ = message_tag(full);
}

std::string WebSocketCodec::take_answers() { return std::exchange(pong_, {}); }

std::string WebSocketCodec::ping() {
    std::string out;
    if (!is_end_said_) websocket::append_frame(out, Opcode::Ping, {});
    return out;
}

// In.

std::size_t WebSocketCodec::feed(std::string_view bytes) {
    std::size_t tags =
        is_whole_ ? std::numeric_limits<std::size_t>::max() : net::Turn::parse_tags_max;
    std::size_t taken = 0;
    while (taken < bytes.size() && tags > 0) {
        if (is_broken_ || is_ended_) return bytes.size();
        const std::string_view rest = bytes.substr(taken);
        taken += is_in_frame_ ? take_payload(rest, tags) : take_head(rest);
    }
    return taken;
}

std::size_t WebSocketCodec::take_head(std::string_view bytes) {
    const std::size_t before = head_.size();
    head_.append(bytes.substr(0, websocket::head_bytes_max - before));
    auto head = websocket::read_head(head_);
    if (!head) return head_.size() - before;
    head_.clear();
    if (!head->fault.empty()) {
        fail(ParseError::BadFormat, std::move(head->fault), CloseCode::ProtocolError);
        return bytes.size();
    }
    frame_ = std::move(*head);
    begin_frame();
    return frame_.bytes - before;
}

void WebSocketCodec::begin_frame() {
    is_in_frame_ = true;
    frame_left_ = frame_.size;
    if (frame_.is_control())
        control_.clear();
    else
        begin_data();
    if (frame_left_ == 0 && !is_broken_) end_frame();
}

void WebSocketCodec::begin_data() {
    if (frame_.opcode == Opcode::Binary)
        return fail(
            ParseError::BadFormat, "XMPP is text: a binary frame was sent",
            CloseCode::UnsupportedData
        );
    if ((frame_.opcode == Opcode::Continuation) != is_in_message_)
        return fail(
            ParseError::BadFormat,
            is_in_message_ ? "a message began before the one before it was complete"
                           : "a continuation of no message",
            CloseCode::ProtocolError
        );
    // Before any of it has come; the parser counts it once more, over all fragments.
    if (frame_.size > stanza_bytes_max_)
        return fail(
            ParseError::TooLarge,
            "a frame of " + std::to_string(frame_.size) + " bytes: an element may have " +
                std::to_string(stanza_bytes_max_) + " here",
            CloseCode::TooBig
        );
    if (std::exchange(is_in_message_, true)) return;
    has_begun_ = is_skipped_ = false;
    elements_ = 0;
}

/// Of the payload of a frame, at most a buffer full.
std::size_t WebSocketCodec::take_payload(std::string_view bytes, std::size_t& tags) {
    thread_local std::array<char, 16 * 1024> scratch;
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>({frame_left_, bytes.size(), scratch.size()}
        ));
    const auto at = static_cast<std::size_t>(frame_.size - frame_left_);
    std::copy_n(bytes.data(), size, scratch.data());
    websocket::unmask(scratch.data(), size, frame_.mask, at);
    const std::string_view text(scratch.data(), size);
    std::size_t taken = size;
    if (frame_.is_control())
        control_ += text;
    else if (!is_skipped_)
        taken = parse(text, tags);
    frame_left_ -= taken;
    if (frame_left_ == 0 && !is_broken_) end_frame();
    return taken;
}

std::size_t WebSocketCodec::parse(std::string_view text, std::size_t& tags) {
    // RFC 7395 §3.3: no white space, no declaration before the element.
    if (!std::exchange(has_begun_, true) && text.front() != '<') {
        fail(
            ParseError::BadFormat, "a message begins with '<', and holds one element",
            CloseCode::InvalidData
        );
        return text.size();
    }
    const std::size_t size = is_whole_ ? text.size() : piece_of(text, tags);
    begin_document();
    parser_.feed(text.substr(0, size));
    collect();
    return size;
}

/// The document goes on over all messages, from one header of the client to the next.
void WebSocketCodec::begin_document() {
    if (std::exchange(is_in_document_, true)) return;
    parser_.feed(document_head);
    parser_.next();
}

void WebSocketCodec::collect() {
    while (!is_broken_) {
        auto event = parser_.next();
        if (!event) return;
        if (auto* element = std::get_if<xml::Element>(&*event)) {
            if (++elements_ > 1)
                return fail(
                    ParseError::BadFormat, "a message holds one element", CloseCode::InvalidData
                );
            events_.push_back(to_event(std::move(*element)));
        } else if (auto* broken = std::get_if<xml::StreamBroken>(&*event)) {
            return fail(
                broken->error, std::move(broken->text),
                broken->error == ParseError::TooLarge ? CloseCode::TooBig : CloseCode::InvalidData
            );
        } else {   // </stream:stream>
            return fail(
                ParseError::BadFormat, "a stream over a WebSocket ends with <close/>",
                CloseCode::InvalidData
            );
        }
    }
}

xml::StreamEvent WebSocketCodec::to_event(xml::Element element) {
    if (element.is("close", web_ns::framing)) return xml::StreamClose{};
    const bool is_header = std::exchange(is_header_due_, false);
    if (!is_header && !element.is("open", web_ns::framing)) return element;
    return xml::StreamOpen{std::move(element), std::string(xml::ns::client.uri())};
}

void WebSocketCodec::end_frame() {
    is_in_frame_ = false;
    if (frame_.is_control()) return end_control();
    if (frame_.is_final) end_message();
}

void WebSocketCodec::end_control() {
    if (frame_.opcode == Opcode::Ping) {   // RFC 6455 §5.5.3: of several the last may be answered
        pong_.clear();
        if (!is_end_said_) websocket::append_frame(pong_, Opcode::Pong, control_);
    }
    if (frame_.opcode == Opcode::Close) {
        is_ended_ = true;
        if (!websocket::is_close_payload(control_)) code_ = CloseCode::ProtocolError;
    }
    control_.clear();
}

void WebSocketCodec::end_message() {
    is_in_message_ = false;
    if (is_skipped_) return;
    if (parser_.pending_bytes() != 0)
        fail(
            ParseError::NotWellFormed, "the element does not end with its message",
            CloseCode::InvalidData
        );
    else if (elements_ == 0)
        fail(ParseError::BadFormat, "a message holds one element", CloseCode::InvalidData);
}

void WebSocketCodec::fail(ParseError error, std::string text, CloseCode code) {
    if (std::exchange(is_broken_, true)) return;
    code_ = code;
    events_.emplace_back(xml::StreamBroken{error, std::move(text)});
}

std::optional<xml::StreamEvent> WebSocketCodec::next() {
    if (next_event_ == events_.size()) return std::nullopt;
    std::optional<xml::StreamEvent> event(std::move(events_[next_event_++]));
    if (next_event_ == events_.size()) {
        std::vector<xml::StreamEvent>().swap(events_);   // an idle connection holds no memory
        next_event_ = 0;
    }
    return event;
}

/// The frames go on where they were.
void WebSocketCodec::restart() {
    std::vector<xml::StreamEvent>().swap(events_);
    next_event_ = 0;
    parser_.restart();
    is_in_document_ = false;
    is_header_due_ = true;
    is_skipped_ = true;
}

/// Messages that have come already may begin with the header. Each element stands in a message of
/// its own, with its own namespaces, so that the document goes on.
void WebSocketCodec::restart_behind() { is_header_due_ = next_event_ == events_.size(); }

void WebSocketCodec::set_limits(const xml::Limits& limits) {
    stanza_bytes_max_ = limits.stanza_bytes_max;
    parser_.set_limits(limits);
}

/// A message that has begun is pending, also while its fragments are empty.
std::size_t WebSocketCodec::pending_bytes() const {
    return parser_.pending_bytes() + (is_in_message_ || is_in_frame_ ? 1 : 0);
}

}   // namespace grid::server::stream
