// server/bosh/body_codec.cpp: see body_codec.hpp.
#include "server/bosh/body_codec.hpp"

#include <limits>

#include "server/net/turn.hpp"
#include "server/stream/client_tag.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::bosh {

void BodyCodec::element(std::string& out, const xml::Element& element) {
    if (element.is("error", xml::ns::streams)) session_->say_error();
    xml::write(out, element, {});
}

void BodyCodec::stanza(std::string& out, const Outgoing& stanza) {
    if (stanza.to != Address::None)
        (out += stanza.to == Address::Bare ? bare_ : full_) += *stanza.text;
    else if (stanza.is_stanza())
        stream::append_client(out, *stanza.text);
    else
        out += *stanza.text;
}

void BodyCodec::set_addresses(const xml::Jid& bare, const xml::Jid& full) {
    bare_ = stream::message_tag(bare);
    full_ = stream::message_tag(full);
}

std::size_t BodyCodec::feed(std::string_view bytes) {
    constexpr std::string_view marks("\x01\x02\x03\x04", 4);
    std::size_t tags =
        is_whole_ ? std::numeric_limits<std::size_t>::max() : net::Turn::parse_tags_max;
    std::size_t taken = 0;
    while (taken < bytes.size() && tags > 0) {
        if (is_broken_) return bytes.size();
        const std::string_view rest = bytes.substr(taken);
        const std::size_t until = std::min(rest.find_first_of(marks), rest.size());
        if (until == 0) {
            mark(rest.front());
            ++taken;
            continue;
        }
        const std::string_view text = rest.substr(0, until);
        if (is_in_scope_) {
            scope_ += text;
            taken += text.size();
            continue;
        }
        const std::size_t size = is_whole_ ? text.size() : stream::piece_of(text, tags);
        parse(text.substr(0, size));
        taken += size;
    }
    return taken;
}

void BodyCodec::mark(char what) {
    if (what == stream_opens) {
        events_.emplace_back(
            xml::StreamOpen{session_->settings().header, std::string(xml::ns::client.uri())}
        );
    } else if (what == stream_closes) {
        events_.emplace_back(xml::StreamClose{});
    } else if (what == scope_edge) {
        is_in_scope_ = !is_in_scope_;
        if (!is_in_scope_) begin_document(scope_);
    } else if (parser_.pending_bytes() != 0) {
        fail(xml::ParseError::NotWellFormed, "a stanza does not end with its <body/>");
    } else if (!scope_.empty()) {
        scope_ = {};
        end_document();
    }
}

/// Limits and language are those of the stream.
void BodyCodec::begin_document(std::string_view head) {
    if (is_in_document_) end_document();
    is_in_document_ = true;
    parser_.set_lang(lang_);
    parser_.feed(head);
    if (auto event = parser_.next())
        if (auto* broken = std::get_if<xml::StreamBroken>(&*event))
            fail(broken->error, std::move(broken->text));
}

void BodyCodec::end_document() {
    parser_.restart();
    is_in_document_ = false;
}

void BodyCodec::parse(std::string_view text) {
    if (!is_in_document_) begin_document(stream::document_head);
    parser_.feed(text);
    while (auto event = parser_.next()) {
        if (auto* element = std::get_if<xml::Element>(&*event)) {
            events_.emplace_back(std::move(*element));
        } else if (auto* broken = std::get_if<xml::StreamBroken>(&*event)) {
            return fail(broken->error, std::move(broken->text));
        } else {
            return fail(xml::ParseError::BadFormat, "a <body/> holds stanzas");
        }
    }
}

void BodyCodec::fail(xml::ParseError error, std::string text) {
    if (std::exchange(is_broken_, true)) return;
    events_.emplace_back(xml::StreamBroken{error, std::move(text)});
}

std::optional<xml::StreamEvent> BodyCodec::next() {
    if (next_event_ == events_.size()) return std::nullopt;
    std::optional<xml::StreamEvent> event(std::move(events_[next_event_++]));
    if (next_event_ == events_.size()) {
        std::vector<xml::StreamEvent>().swap(events_);   // an idle session holds no memory
        next_event_ = 0;
    }
    return event;
}

void BodyCodec::restart() {
    std::vector<xml::StreamEvent>().swap(events_);
    next_event_ = 0;
    scope_ = {};
    is_in_scope_ = false;
    lang_ = {};
    end_document();
}

}   // namespace grid::server::bosh
