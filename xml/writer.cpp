// xml/writer.cpp: elements to text, with the namespace declarations that the text needs.
#include "xml/writer.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "xml/qname.hpp"
#include "xml/scopes.hpp"
#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

enum Class : unsigned char { Plain, InText = 1, InSingle = 2, InDouble = 4, Foreign = 8 };
constexpr unsigned char in_values = InSingle | InDouble;

// Bytes that cannot simply be copied, and where. Not more than XML asks for: a sender who wrote one
// byte must not cost its reader six. White space other than a blank would be normalized away in an
// attribute, and a CR by every reader (XML 1.0 §2.11, §3.3.3).
constexpr std::array<unsigned char, 256> classes = [] {
    std::array<unsigned char, 256> made{};
    for (std::size_t c = 0; c < 0x20; ++c) made[c] = Foreign;
    for (std::size_t c = 0x80; c < 0x100; ++c) made[c] = Foreign;
    made['\t'] = made['\n'] = in_values;
    made['\r'] = made['&'] = made['<'] = InText | in_values;
    made['>'] = InText;   // behind `]]`
    made['\''] = InSingle;
    made['"'] = InDouble;
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

/// Whether a `>` behind these two would read as `]]>` (XML 1.0 §2.4).
bool closes_cdata(std::string_view written, std::string_view text) {
    if (text.size() >= 2) return text.ends_with("]]");
    return text.empty() ? written.ends_with("]]") : text == "]" && written.ends_with(']');
}

void append_escaped(std::string& out, std::string_view text, unsigned char mask) {
    std::size_t done = 0, at = 0;
    auto flush = [&] { out.append(text, done, at - done); };
    while (at < text.size()) {
        const unsigned char kind = classes[static_cast<unsigned char>(text[at])];
        if ((kind & (mask | Foreign)) == 0) {
            ++at;
        } else if (text[at] == '>' && !closes_cdata(out, text.substr(done, at - done))) {
            ++at;
        } else if (kind & mask) {
            flush();
            out += reference(text[at]);
            done = ++at;
        } else {
            // A code point that XML does not allow is never sent, whatever a program puts into an
            // element.
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

bool is_xml_text(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if ((classes[static_cast<unsigned char>(text[at])] & Foreign) == 0) {
            ++at;
            continue;
        }
        const CodePoint point = first_code_point(text.substr(at));
        if (point.bytes == 0 || !is_xml_char(point.value)) return false;
        at += point.bytes;
    }
    return true;
}

/// How many bytes more the text has when it is escaped.
std::size_t escaping_cost(std::string_view text) {
    return 4 * static_cast<std::size_t>(std::ranges::count(text, '&')) +
           3 * static_cast<std::size_t>(std::ranges::count(text, '<'));
}

/// Text in the shorter of its forms: `&` and `<` in number stand in a CDATA section, as they will
/// have stood on their way here. So no text leaves much longer than it came.
void append_text(std::string& out, std::string_view text) {
    constexpr std::size_t cost_max = 2 * std::string_view("<![CDATA[]]>").size();
    std::size_t cr = 0, end = 0;   // the next ones; neither may stand in a section
    for (std::size_t at = 0; at < text.size();) {
        if (at == 0 || cr < at) cr = std::min(text.find('\r', at), text.size());
        if (at == 0 || end < at) end = std::min(text.find("]]>", at), text.size());
        const std::size_t until = std::min(cr, end);
        const std::string_view part = text.substr(at, until - at);
        if (escaping_cost(part) <= cost_max || !is_xml_text(part))
            append_escaped(out, part, InText);
        else
            ((out += "<![CDATA[") += part) += "]]>";
        at = std::min(until + (end < cr ? 3 : 1), text.size());
        append_escaped(out, text.substr(until, at - until), InText);
    }
}

}   // namespace

void append_escaped_text(std::string& out, std::string_view text) {
    append_escaped(out, text, InText);
}
void append_escaped_attr(std::string& out, std::string_view value) {
    append_escaped(out, value, InSingle);
}

void append_single_quoted_attr(std::string& out, std::string_view name, std::string_view value) {
    ((out += ' ') += name) += "='";
    append_escaped_attr(out, value);
    out += '\'';
}

void append_attr(std::string& out, std::string_view name, std::string_view value) {
    ((out += ' ') += name) += '=';
    const bool is_single = std::ranges::count(value, '\'') <= std::ranges::count(value, '"');
    out += is_single ? '\'' : '"';
    append_escaped(out, value, is_single ? InSingle : InDouble);
    out += is_single ? '\'' : '"';
}

namespace {

struct BoundPrefix {
    std::string_view prefix, uri;
};

/// Writes one tree; knows which prefixes and which default namespace are in force.
class Writer {
public:
    /// Without `default_ns` it is unknown what is in force around the text.
    Writer(std::string& out, std::optional<std::string_view> default_ns)
        : out_(out), default_ns_(default_ns) {}

    /// `extra`: further declarations for this element.
    void write(const Element& element, std::span<const BoundPrefix> extra = {});
    /// The start tag without its end; what follows it is to be written by the same writer.
    void open(const Element& element, std::span<const BoundPrefix> extra = {});
    void write_rest(const Element& element);

private:
    void write_attrs(const Element& element);
    void set_default(std::string_view uri);
    void bind(std::string_view prefix, std::string_view uri);

    std::string& out_;
    std::optional<std::string_view> default_ns_;
    Scopes<std::string_view, std::string_view> bindings_;   // without the default namespace
};

void Writer::set_default(std::string_view uri) {
    if (default_ns_ && *default_ns_ == uri) return;
    default_ns_ = uri;
    append_attr(out_, "xmlns", uri);
}

void Writer::bind(std::string_view prefix, std::string_view uri) {
    if (prefix == "xml" || prefix == "xmlns" || uri.empty()) return;
    if (const auto* bound = bindings_.find(prefix); bound && *bound == uri) return;
    bindings_.bind(prefix, uri);
    std::string name = "xmlns:";
    append_attr(out_, name += prefix, uri);
}

void Writer::write_attrs(const Element& element) {
    for (const auto& [name, value] : element.attrs()) {
        std::string_view prefix = split_qname(name).prefix;
        // An attribute does not know its namespace. An element that was parsed has its declarations
        // with it; where a program built one without them, the attribute would make the whole
        // stream unreadable for its reader, so it stays behind.
        if (!prefix.empty() && prefix != "xml" && !bindings_.find(prefix)) {
            if (prefix != "xsi") continue;
            bind(prefix, "http://www.w3.org/2001/XMLSchema-instance");
        }
        append_attr(out_, name, value);
    }
}

void Writer::open(const Element& element, std::span<const BoundPrefix> extra) {
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
    for (const BoundPrefix& binding : extra) {
        if (binding.prefix.empty())
            set_default(binding.uri);
        else
            bind(binding.prefix, binding.uri);
    }
    write_attrs(element);
}

void Writer::write(const Element& element, std::span<const BoundPrefix> extra) {
    if (element.is_text()) return append_text(out_, element.name());
    const std::optional<std::string_view> outer_default = default_ns_;
    const std::size_t outer_bindings = bindings_.size();
    open(element, extra);
    write_rest(element);
    bindings_.rewind(outer_bindings);
    default_ns_ = outer_default;
}

void Writer::write_rest(const Element& element) {
    if (element.nodes().empty()) {
        out_ += "/>";
        return;
    }
    out_ += '>';
    for (const Element& node : element.nodes()) write(node);
    out_ += "</";
    if (!element.prefix().empty() && !element.ns().empty()) (out_ += element.prefix()) += ':';
    out_ += element.name();
    out_ += '>';
}

/// Of the declarations around a payload, those that it needs: one walk over it, however many there
/// are.
class Needed {
public:
    /// In the order in which they are to be written; the first of a prefix hides those after it.
    void offer(std::string_view prefix, std::string_view uri) {
        if (places_.find(prefix)) return;
        places_.bind(prefix, offered_.size());
        offered_.push_back({{prefix, uri}});
    }
    void look_through(const Element& element) {
        if (element.is_text()) return mention(element.name());
        // Without a prefix it is in the default namespace around it, or declares its own.
        if (const auto* place = places_.find(element.prefix());
            place && (!element.prefix().empty() || offered_[*place].uri() == element.ns().uri()))
            offered_[*place].is_used = true;
        for (const auto& [name, value] : element.attrs()) {
            if (const std::string_view prefix = split_qname(name).prefix; !prefix.empty())
                use(prefix);
            mention(value);
        }
        for (const Element& node : element.nodes()) look_through(node);
    }
    std::vector<BoundPrefix> used() const {
        std::vector<BoundPrefix> all;
        for (const Offer& each : offered_)
            if (each.is_used) all.push_back(each.binding);
        return all;
    }

private:
    struct Offer {
        BoundPrefix binding;
        bool is_used = false;
        std::string_view uri() const { return binding.uri; }
    };
    void use(std::string_view prefix) {
        if (const auto* place = places_.find(prefix)) offered_[*place].is_used = true;
    }
    void mention(std::string_view text) {
        for_each_mention(text, [this](std::string_view word) { use(word); });
    }

    Scopes<std::string_view, std::size_t> places_;   // in offered_
    std::vector<Offer> offered_;
};

/// The default namespace inside of `ancestor`; nullopt when it declares none.
std::optional<std::string_view> default_inside(const Element& ancestor) {
    if (ancestor.prefix().empty()) return ancestor.ns().uri();
    for (const auto& [prefix, uri] : ancestor.declarations())
        if (prefix.empty()) return uri;
    return std::nullopt;
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

void write_head(std::string& out, const Element& element, std::string_view default_ns) {
    Writer(out, default_ns).open(element);
}

void write_tail(std::string& out, const Element& element, std::string_view default_ns) {
    std::string head;
    Writer writer(head, default_ns);
    writer.open(element);
    head.clear();
    writer.write_rest(element);
    if (out.empty())
        out = std::move(head);
    else
        out += head;
}

std::string write_detached(const Element& payload, std::span<const Element* const> ancestors) {
    Needed needed;
    const auto is_own = [&](std::string_view prefix) {
        if (prefix == payload.prefix()) return true;
        return std::ranges::any_of(payload.declarations(), [&](const Declaration& own) {
            return own.prefix == prefix;
        });
    };
    bool is_default_known = payload.prefix().empty() || is_own({});
    for (std::size_t i = ancestors.size(); i-- > 0;) {   // innermost first: it hides those outside
        const Element& ancestor = *ancestors[i];
        for (const auto& [prefix, uri] : ancestor.declarations())
            if (!prefix.empty() && !is_own(prefix)) needed.offer(prefix, uri);
        // The ancestor's own prefix is bound there too, though a built element carries no
        // declaration of it.
        if (!ancestor.prefix().empty() && !is_own(ancestor.prefix()))
            needed.offer(ancestor.prefix(), ancestor.ns().uri());
        // Once, on the payload: each child in it would have to declare it again.
        if (const auto uri = is_default_known ? std::nullopt : default_inside(ancestor)) {
            is_default_known = true;
            if (!uri->empty()) needed.offer({}, *uri);
        }
    }
    needed.look_through(payload);
    std::string out;
    Writer(out, std::nullopt).write(payload, needed.used());
    return out;
}

}   // namespace grid::xml
