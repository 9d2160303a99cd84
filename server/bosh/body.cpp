// server/bosh/body.cpp: see body.hpp.
#include "server/bosh/body.hpp"

#include <algorithm>
#include <charconv>

#include "server/stream/namespaces.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/qname.hpp"
#include "xml/writer.hpp"

namespace grid::server::bosh {
namespace {

constexpr std::string_view white_space = " \t\r\n";

/// Behind white space and an XML declaration.
std::string_view without_prolog(std::string_view text) {
    const auto trimmed = [&text] {
        text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
    };
    trimmed();
    if (!text.starts_with("<?xml")) return text;
    text.remove_prefix(std::min(text.find("?>"), text.size() - 2) + 2);
    trimmed();
    return text;
}

/// Of the start tag, with its `>`; 0: there is none.
std::size_t tag_size(std::string_view text) {
    char quote = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quote != 0)
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return at + 1;
    }
    return 0;
}

/// As written, with its prefix; empty: the text is no start tag.
std::string_view tag_name(std::string_view text) {
    if (!text.starts_with('<')) return {};
    return text.substr(1, std::min(text.find_first_of(" \t\r\n/>"), text.size()) - 1);
}

/// Before the end tag, which ends the text.
std::optional<std::string_view> inside(std::string_view rest, std::string_view name) {
    const std::string end_tag = "</" + std::string(name);
    const auto at = rest.rfind(end_tag);
    if (at == std::string_view::npos) return std::nullopt;
    auto end = rest.substr(at + end_tag.size());
    end.remove_prefix(std::min(end.find_first_not_of(white_space), end.size()));
    if (!end.starts_with('>') || end.find_first_not_of(white_space, 1) != std::string_view::npos)
        return std::nullopt;
    return rest.substr(0, at);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 && white_space.find(c) == std::string_view::npos;
}

xml::Limits limits_of_head() {
    xml::Limits limits;
    limits.stanza_bytes_max = 4'096;
    return limits;
}

}   // namespace

Result<Body, std::string> read_body(std::string_view text) {
    text = without_prolog(text);
    const std::size_t size = tag_size(text);
    const std::string_view name = tag_name(text);
    if (size == 0 || xml::split_qname(name).local != "body")
        return std::string("a request is a <body/>");
    std::string tag(text.substr(0, size));
    std::string_view content;
    const bool is_empty = tag.ends_with("/>");
    if (!is_empty) {
        const auto found = inside(text.substr(size), name);
        if (!found) return "the request does not end with </" + std::string(name) + ">";
        content = *found;
        tag.insert(tag.size() - 1, 1, '/');
    } else if (text.find_first_not_of(white_space, size) != std::string_view::npos) {
        return std::string("there is something behind <body/>");
    }
    if (std::any_of(content.begin(), content.end(), is_control))
        return std::string("a control character in the request");
    auto head = xml::parse_document(tag, limits_of_head());
    if (const auto* broken = std::get_if<xml::StreamBroken>(&head))
        return "the <body/> is not well-formed: " + broken->text;
    Body body(std::get<xml::Element>(std::move(head)), std::string(content));
    if (!body.head.is("body", stream::web_ns::httpbind))
        return std::string("the <body/> is not in http://jabber.org/protocol/httpbind");
    return body;
}

std::optional<std::uint64_t> number_of(const xml::Element& head, std::string_view name) {
    constexpr std::uint64_t largest = (1ULL << 53) - 1;
    const auto* text = head.attr(name);
    if (!text) return std::nullopt;
    std::uint64_t value = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, failure] = std::from_chars(text->data(), end, value);
    if (failure != std::errc{} || rest != end || value > largest) return std::nullopt;
    return value;
}

std::optional<std::string_view> xbosh_attr(const xml::Element& head, std::string_view name) {
    for (const auto& [written, value] : head.attrs()) {
        const auto [prefix, local] = xml::split_qname(written);
        if (local != name || prefix.empty()) continue;
        for (const xml::Declaration& each : head.declarations())
            if (each.prefix == prefix && each.uri == stream::web_ns::xbosh.uri()) return value;
    }
    return std::nullopt;
}

bool is_true(std::optional<std::string_view> value) { return value == "true" || value == "1"; }

std::string scope_of(const xml::Element& head) {
    const auto& declarations = head.declarations();
    if (declarations.empty()) return {};
    std::string prefix = "stream";   // the stream's own, so none of the client's
    while (std::ranges::find(declarations, prefix, &xml::Declaration::prefix) != declarations.end())
        prefix += '_';
    std::string tag = "<" + prefix + ":stream";
    xml::append_single_quoted_attr(tag, "xmlns:" + prefix, xml::ns::streams.uri());
    for (const auto& [declared, uri] : declarations)
        xml::append_single_quoted_attr(tag, declared.empty() ? "xmlns" : "xmlns:" + declared, uri);
    return tag += '>';
}

std::string write_body(const xml::Attrs& attributes, std::string_view content) {
    std::string out = "<body xmlns='http://jabber.org/protocol/httpbind'";
    out.reserve(content.size() + 512);
    for (const auto& [name, value] : attributes) xml::append_single_quoted_attr(out, name, value);
    if (content.empty()) return out += "/>";
    ((out += '>') += content) += "</body>";
    return out;
}

std::string write_end(std::string_view condition, std::string_view content) {
    xml::Attrs attributes{{"type", "terminate"}};
    if (!condition.empty()) attributes.push_back({"condition", std::string(condition)});
    // §17.3: for libraries that look for the prefix of a stream's error here.
    if (condition == "remote-stream-error")
        attributes.push_back({"xmlns:stream", "http://etherx.jabber.org/streams"});
    return write_body(attributes, content);
}

}   // namespace grid::server::bosh
