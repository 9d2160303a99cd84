// server/gridctl/xmpp/payload.cpp: see server/gridctl/xmpp/payload.hpp.
#include "server/gridctl/xmpp/payload.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);   // a byte order mark
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// A payload stands in four elements of a stanza.
xml::Limits limits_of_payload() {
    xml::Limits limits;
    limits.stanza_bytes_max = TextReader::bytes_max;
    limits.depth_max -= 5;
    limits.elements_max -= 5;
    limits.named = "";
    return limits;
}

/// An XML declaration is no part of a payload; the parser of stanzas takes none.
std::string_view without_declaration(std::string_view text) {
    if (!text.starts_with("<?xml")) return text;
    const std::size_t end = text.find("?>");
    return end == std::string_view::npos ? text : trimmed(text.substr(end + 2));
}

std::variant<Payload, Unreadable> read_xml(std::string_view text) {
    auto parsed = xml::parse_document(without_declaration(text), limits_of_payload());
    if (const auto* broken = std::get_if<xml::StreamBroken>(&parsed))
        return Unreadable{"no XML document that can be sent: " + broken->text};
    Payload payload;
    xml::Element& root = std::get<xml::Element>(parsed);
    const bool is_item = root.is("item", xml::ns::pubsub_event) || root.is("item", xml::ns::pubsub);
    if (is_item) {
        const xml::Element* inner = root.first_child();
        if (!inner || root.child_count() != 1) return Unreadable{"an <item/> holds one payload"};
        payload.id = root.attr_or("id", "");
        payload.element = *inner;
    } else {
        payload.element = std::move(root);
    }
    payload.bytes = xml::to_string(payload.element).size();
    return payload;
}

/// Characters that JSON may hold and XML may not (XML 1.0 §2.2), as JSON writes them otherwise.
std::string fit_for_xml(std::string_view json) {
    std::string out;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const std::string_view three = json.substr(i, 3);
        if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
            out += three[2] == '\xBE' ? "\\ufffe" : "\\uffff";
            i += 2;
        } else {
            out += json[i];
        }
    }
    return out;
}

std::variant<Payload, Unreadable> read_json(std::string_view text) {
    boost::json::error_code error;
    boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
    if (error) return Unreadable{"neither XML nor JSON: " + error.message()};
    Payload payload;
    payload.element = xml::Element("json", json_ns);
    payload.element.append(fit_for_xml(text));
    payload.bytes = xml::to_string(payload.element).size();
    return payload;
}

}   // namespace

std::variant<Payload, Unreadable> read_payload(std::string_view text) {
    const std::string_view all = trimmed(text);
    if (all.empty()) return Unreadable{"there is no text"};
    return all.front() == '<' ? read_xml(all) : read_json(all);
}

void TextReader::feed(std::string_view bytes) {
    if (is_skipping_) {
        const std::size_t end = is_by_lines_ ? bytes.find('\n') : std::string_view::npos;
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end);   // the line's end stays, and ends what was cut
        is_skipping_ = false;
    }
    buffer_.erase(0, begin_);
    looked_at_ -= begin_;
    begin_ = 0;
    buffer_ += bytes;
}

bool TextReader::is_hungry() const {
    if (is_ended_) return false;
    return !is_by_lines_ || buffer_.find('\n', looked_at_) == std::string::npos;
}

std::optional<TextReader::Text> TextReader::next() {
    while (true) {
        const std::size_t end = is_by_lines_ ? buffer_.find('\n', looked_at_) : std::string::npos;
        if (end == std::string::npos && pending() > bytes_max) {
            buffer_.clear();
            begin_ = looked_at_ = 0;
            is_skipping_ = true;
            return Text{{}, is_by_lines_ ? line_ + 1 : 0, true};
        }
        looked_at_ = buffer_.size();
        if (end == std::string::npos && (!is_ended_ || pending() == 0)) return std::nullopt;
        const std::size_t stop = std::min(end, buffer_.size());
        Text text;
        text.text = buffer_.substr(begin_, stop - begin_);
        text.line = is_by_lines_ ? ++line_ : 0;
        begin_ = looked_at_ = std::min(stop + 1, buffer_.size());
        if (!is_by_lines_ || !trimmed(text.text).empty()) return text;
    }
}

}   // namespace grid::gridctl::xmpp
