// xml/writer.cpp: elements to text, with the namespace declarations that the text needs.
#include "xml/writer.hpp"

#include <array>
#include <optional>

#include "xml/qname.hpp"
#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

enum Class : unsigned char { Plain, InText = 1, InAttr = 2, Foreign = 4 };

// Bytes that cannot simply be copied, and where. A quote matters only in attributes; white space
// other than a blank would be normalized away there, and a CR by every reader (XML 1.0 §2.11,
// §3.3.3).
constexpr std::array<unsigned char, 256> classes = [] {
    std::array<unsigned char, 256> made{};
    for (std::size_t c = 0; c < 0x20; ++c) made[c] = Foreign;
    for (std::size_t c = 0x80; c < 0x100; ++c) made[c] = Foreign;
    made['\t'] = made['\n'] = InAttr;
    made['\r'] = InText | InAttr;
    made['&'] = made['<'] = made['>'] = InText | InAttr;
    made['\''] = made['"'] = InAttr;
    return made;
}();

constexpr std::string_view replacement = "\xEF\xBF\xBD";   // U+FFFD

std::string_view reference(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '\'':
            return "&apos;";
        case '"':
            return "&quot;";
        case '\t':
            return "&#9;";
        case '\n':
            return "&#10;";
        case '\r':
            return "&#13;";
        default:
            return replacement;
    }
}

void append_escaped(std::string& out, std::string_view text, unsigned char mask) {
    std::size_t done = 0, at = 0;
    auto flush = [&] { out.append(text, done, at - done); };
    while (at < text.size()) {
        const unsigned char kind = classes[static_cast<unsigned char>(text[at])];
        if ((kind & (mask | Foreign)) == 0) {
            ++at;
        } else if (kind & mask) {
            flush();
            out += reference(text[at]);
            done = ++at;
        } else {
            // Whatever a program puts into an element, a peer never gets what is no XML.
            CodePoint point = first_code_point(text.substr(at));
            if (point.bytes > 0 && is_xml_char(point.value)) {
                at += point.bytes;
                continue;
            }
            flush();
            out += replacement;
            done = ++at;
        }
    }
    flush();
}

}   // namespace

void append_escaped_text(std::string& out, std::string_view text) {
    append_escaped(out, text, InText);
}
void append_escaped_attr(std::string& out, std::string_view value) {
    append_escaped(out, value, InAttr);
}

namespace {

struct Binding {
    std::string_view prefix, uri;
};

/// Writes one tree; knows which prefixes and which default namespace are in force.
class Writer {
public:
    /// Without `default_ns` it is unknown what is in force around the text.
    Writer(std::string& out, std::optional<std::string_view> default_ns)
        : out_(out), default_ns_(default_ns) {}

    /// `extra`: further declarations for this element.
    void write(const Element& element, std::span<const Binding> extra = {});

private:
    void open(const Element& element, std::span<const Binding> extra);
    void write_attrs(const Element& element);
    void set_default(std::string_view uri);
    void bind(std::string_view prefix, std::string_view uri);
    const Binding* find(std::string_view prefix) const;

    std::string& out_;
    std::optional<std::string_view> default_ns_;
    std::vector<Binding> bindings_;
};

const Binding* Writer::find(std::string_view prefix) const {
    for (std::size_t i = bindings_.size(); i-- > 0;)
        if (bindings_[i].prefix == prefix) return &bindings_[i];
    return nullptr;
}

void Writer::set_default(std::string_view uri) {
    if (default_ns_ && *default_ns_ == uri) return;
    default_ns_ = uri;
    out_ += " xmlns='";
    append_escaped_attr(out_, uri);
    out_ += '\'';
}

void Writer::bind(std::string_view prefix, std::string_view uri) {
    if (prefix == "xml" || prefix == "xmlns" || uri.empty()) return;
    if (const Binding* bound = find(prefix); bound && bound->uri == uri) return;
    bindings_.push_back({prefix, uri});
    out_ += " xmlns:";
    out_ += prefix;
    out_ += "='";
    append_escaped_attr(out_, uri);
    out_ += '\'';
}

void Writer::write_attrs(const Element& element) {
    for (const auto& [name, value] : element.attrs()) {
        std::string_view prefix = split_qname(name).prefix;
        // An attribute does not know its namespace. One whose declaration was lost on the way would
        // make the whole stream unreadable for its reader, so it stays behind.
        if (!prefix.empty() && prefix != "xml" && !find(prefix)) {
            if (prefix != "xsi") continue;
            bind(prefix, "http://www.w3.org/2001/XMLSchema-instance");
        }
        out_ += ' ';
        out_ += name;
        out_ += "='";
        append_escaped_attr(out_, value);
        out_ += '\'';
    }
}

void Writer::open(const Element& element, std::span<const Binding> extra) {
    const std::string_view uri = element.ns().uri();
    // Only a default namespace can be taken back: without a namespace there is no prefix.
    const bool prefixed = !element.prefix().empty() && !uri.empty();
    out_ += '<';
    if (prefixed) (out_ += element.prefix()) += ':';
    out_ += element.name();
    if (prefixed) {
        bind(element.prefix(), uri);
    } else if (!element.inherits_ns() || !default_ns_) {
        set_default(uri);
    }
    for (const auto& [prefix, declared] : element.declarations()) {
        if (prefix.empty()) {
            if (prefixed) set_default(declared);
        } else if (!prefixed || prefix != element.prefix()) {
            bind(prefix, declared);
        }
    }
    for (const Binding& binding : extra) bind(binding.prefix, binding.uri);
    write_attrs(element);
}

void Writer::write(const Element& element, std::span<const Binding> extra) {
    if (element.is_text()) return append_escaped_text(out_, element.name());
    const std::optional<std::string_view> outer_default = default_ns_;
    const std::size_t outer_bindings = bindings_.size();
    open(element, extra);
    if (element.nodes().empty()) {
        out_ += "/>";
    } else {
        out_ += '>';
        for (const Element& node : element.nodes()) write(node);
        out_ += "</";
        if (!element.prefix().empty() && !element.ns().empty()) (out_ += element.prefix()) += ':';
        out_ += element.name();
        out_ += '>';
    }
    bindings_.resize(outer_bindings);
    default_ns_ = outer_default;
}

/// Whether `element` or anything in it may refer to `prefix`: in a name, or in a QName of a value.
bool uses_prefix(const Element& element, std::string_view prefix) {
    if (element.is_text()) return mentions_prefix(element.name(), prefix);
    if (element.prefix() == prefix) return true;
    for (const auto& [name, value] : element.attrs())
        if (split_qname(name).prefix == prefix || mentions_prefix(value, prefix)) return true;
    for (const Element& node : element.nodes())
        if (uses_prefix(node, prefix)) return true;
    return false;
}

}   // namespace

void write(std::string& out, const Element& element, std::string_view default_ns) {
    Writer(out, default_ns).write(element);
}

std::string to_string(const Element& element, std::string_view default_ns) {
    std::string out;
    write(out, element, default_ns);
    return out;
}

std::string write_detached(const Element& payload, std::span<const Element* const> ancestors) {
    std::vector<Binding> needed;
    auto known = [&](std::string_view prefix) {
        for (const Binding& binding : needed)
            if (binding.prefix == prefix) return true;
        for (const Declaration& own : payload.declarations())
            if (own.prefix == prefix) return true;
        return prefix.empty() || prefix == payload.prefix();
    };
    for (std::size_t i = ancestors.size(); i-- > 0;) {   // innermost first: it hides those outside
        const Element& ancestor = *ancestors[i];
        for (const auto& [prefix, uri] : ancestor.declarations())
            if (!known(prefix) && uses_prefix(payload, prefix)) needed.push_back({prefix, uri});
        // Its own prefix is bound there too, though a built element carries no declaration of it.
        if (!known(ancestor.prefix()) && uses_prefix(payload, ancestor.prefix()))
            needed.push_back({ancestor.prefix(), ancestor.ns().uri()});
    }
    std::string out;
    Writer(out, std::nullopt).write(payload, needed);
    return out;
}

}   // namespace grid::xml
