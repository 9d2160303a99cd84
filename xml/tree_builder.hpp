// xml/tree_builder.hpp: elements out of the calls that Expat makes, with namespaces and limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xml/element.hpp"
#include "xml/limits.hpp"
#include "xml/scopes.hpp"
#include "xml/stream_event.hpp"

namespace grid::xml {

struct Binding {
    std::string prefix;   // empty for the default namespace
    Ns ns;
};

/// The language and the declarations of the stream header, which are in force for its stanzas.
struct Root {
    std::string name;   // as written, for the end tag; empty: a document, which has no header
    Ns default_ns;
    std::vector<Binding> prefixes;   // sorted
    std::string lang;                // of stanzas that say none (RFC 6120 §8.1.5)
};

/// Builds one tree at a time. Expat works without namespaces, so that prefixes and declarations
/// survive; they are resolved here (Namespaces in XML 1.0). A stanza, and what is of jabber:client
/// in it, loses its prefix (RFC 6120 §4.8.5): what is relayed reads the same whatever prefix its
/// sender has chosen. Inside of other namespaces prefixes stay as they were written.
class TreeBuilder {
public:
    /// For the tree that begins next. Both must outlive it.
    void attach(const Limits* limits, const Root* root);
    bool is_inside() const { return !frames_.empty(); }

    /// Each returns false when the stream must end, for the reason in `error`.
    bool open(std::string_view name, const char** attributes);
    void text(std::string_view piece) { text_ += piece; }
    void close();
    const Element& outermost() const { return stanza_; }
    /// Bytes that the unfinished tree takes up, besides its characters.
    std::size_t held_bytes() const { return held_bytes_; }
    /// After the outermost `close`.
    Element take();
    /// The header's element is opened and never closed here.
    bool take_header(std::string_view name, const char** attributes, StreamOpen& open, Root& root);
    void clear();

    const StreamBroken& error() const { return error_; }

private:
    struct Frame {
        Element* element;   // the last node of its parent, which gets no other while this is open
        std::size_t bindings;   // how many were in force outside
        bool is_content;        // of jabber:client, and so is all around it
    };
    struct Bound {
        Ns ns;
        bool is_lifted = false;   // see lift_default
    };

    bool count_element(std::string_view name);
    bool read_attributes(const char** attributes, bool prefixed);
    bool read_declaration(std::string_view name, std::string_view uri, bool prefixed);
    bool declare(std::string_view prefix, std::string_view uri);
    bool make_element(std::string_view name, const char** attributes, Element& made);
    bool lift_default();
    bool resolve(std::string_view prefix, const Ns*& ns);
    bool resolve_attrs(const Attrs& attrs);
    const Ns* use_root_prefix(std::string_view prefix);
    void note_mentions(std::string_view value);
    void flush_text();
    void add_root_declarations(Element& stanza) const;
    bool fail(ParseError error, std::string text);

    const Limits* limits_ = nullptr;
    const Root* root_ = nullptr;
    Element stanza_;
    std::vector<Frame> frames_;
    Scopes<std::string, Bound> bindings_;
    std::vector<bool> root_used_;   // which of the header's prefixes the stanza uses
    std::string text_;
    std::size_t elements_ = 0, held_bytes_ = 0;
    // Of the element that is being opened.
    Attrs attrs_;
    std::vector<Declaration> declarations_;
    StreamBroken error_{};
};

}   // namespace grid::xml
