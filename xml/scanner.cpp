// xml/scanner.cpp: the ends of tags, references and CDATA sections.
#include "xml/scanner.hpp"

#include <algorithm>
#include <array>

#include "xml/qname.hpp"

namespace grid::xml {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr bool is_qname_byte(char c) { return is_name_byte(c) || c == ':'; }

constexpr std::array<bool, 256> ends_tag_run = [] {
    std::array<bool, 256> made{};
    made['<'] = made['>'] = made['\''] = made['"'] = true;
    return made;
}();

constexpr std::array<bool, 256> ends_text = [] {
    std::array<bool, 256> made{};
    made['<'] = made['&'] = true;
    return made;
}();

std::size_t end_of_text(std::string_view bytes, std::size_t at) {
    while (at < bytes.size() && !ends_text[static_cast<unsigned char>(bytes[at])]) ++at;
    return at;
}

char last_solid(std::string_view bytes, char before) {
    while (!bytes.empty() && is_space(bytes.back())) bytes.remove_suffix(1);
    return bytes.empty() ? before : bytes.back();
}

}   // namespace

Scanner::Scan Scanner::scan(std::string_view bytes) {
    Scan result{0};
    for (std::size_t at = 0; at < bytes.size() && !result.restricted;) {
        switch (mode_) {
            case Mode::Text:
                at = result.ready = end_of_text(bytes, at);
                if (at == bytes.size()) break;
                mode_ = bytes[at++] == '<' ? Mode::Less : Mode::Reference;
                count_ = 0;
                continue;   // a tag or reference that began here is complete only with its end
            case Mode::Less:
            case Mode::Bang:
                result.restricted = less(bytes[at++]);
                break;
            case Mode::Declaration:
                at = declaration(bytes, at);
                break;
            case Mode::Tag:
                at = tag(bytes, at);
                break;
            case Mode::Cdata:
                at = cdata(bytes, at);
                break;
            case Mode::Reference:
                // A name byte continues the reference; any other byte ends it, or is an error that
                // Expat reports.
                if (char c = bytes[at++]; !is_qname_byte(c) && c != '#') mode_ = Mode::Text;
                break;
        }
        // CDATA may be of any length, and Expat takes it in pieces.
        if (mode_ == Mode::Text || mode_ == Mode::Cdata) result.ready = at;
    }
    return result;
}

/// True for markup that RFC 6120 §11.1 forbids.
bool Scanner::less(char c) {
    if (mode_ == Mode::Bang) {
        if (c != '[') return true;   // `<![` can only be a CDATA section
        mode_ = Mode::Cdata;
    } else if (c == '!') {
        mode_ = Mode::Bang;
    } else if (c == '?') {
        if (!declaration_) return true;
        mode_ = Mode::Declaration;
    } else {
        mode_ = is_qname_byte(c) || c == '/' ? Mode::Tag : Mode::Text;
    }
    declaration_ = false;
    quote_ = 0;
    last_ = c;
    return false;
}

std::size_t Scanner::tag(std::string_view bytes, std::size_t at) {
    const std::size_t begin = at;
    for (; at < bytes.size(); ++at) {
        const char c = bytes[at];
        if (!ends_tag_run[static_cast<unsigned char>(c)]) continue;
        if (quote_ && c == quote_) {
            quote_ = 0;
        } else if (c == '<') {
            mode_ = Mode::Text;   // never legal here
        } else if (!quote_ && c == '>') {
            mode_ = Mode::Text;
        } else if (!quote_) {
            if (last_solid(bytes.substr(begin, at - begin), last_) == '=')
                quote_ = c;
            else
                mode_ = Mode::Text;   // a quote that opens no value
        }
        if (mode_ == Mode::Text) return at + 1;
    }
    last_ = last_solid(bytes.substr(begin), last_);
    return at;
}

std::size_t Scanner::declaration(std::string_view bytes, std::size_t at) {
    while (at < bytes.size()) {
        const char before = last_;
        last_ = bytes[at++];
        if (before == '?' && last_ == '>') {
            mode_ = Mode::Text;
            break;
        }
    }
    return at;
}

std::size_t Scanner::cdata(std::string_view bytes, std::size_t at) {
    while (at < bytes.size()) {
        const char c = bytes[at++];
        if (c == ']') {
            count_ = static_cast<std::uint8_t>(std::min(count_ + 1, 2));
        } else {
            const bool closes = c == '>' && count_ == 2;
            count_ = 0;
            if (!closes) continue;
            mode_ = Mode::Text;
            break;
        }
    }
    return at;
}

}   // namespace grid::xml
