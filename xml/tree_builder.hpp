// xml/tree_builder.hpp: elements out of the calls that Expat makes, with namespaces and limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xml/element.hpp"
#include "xml/limits.hpp"
#include "xml/parser.hpp"

namespace grid::xml {

struct Binding {
    std::string prefix;   // empty for the default namespace
    Ns ns;
};

/// What the header of a stream leaves in force for its stanzas.
struct Root {
    std::string name;   // as written, for the end tag
    Ns default_ns;
    std::vector<Binding> prefixes;
    bool has_own_prefixes = false;   // others than the stream's
};

/// Builds one tree at a time. Expat works without namespaces, so that prefixes and declarations
/// survive; they are resolved here (Namespaces in XML 1.0).
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
    };

    bool count_element(std::string_view name);
    bool read_attributes(const char** attributes, bool prefixed);
    bool read_declaration(std::string_view name, std::string_view uri, bool prefixed);
    bool declare(std::string_view prefix, std::string_view uri);
    bool make_element(std::string_view name, const char** attributes, Element& made);
    bool resolve(std::string_view prefix, const Ns*& ns);
    bool resolve_attrs(const Attrs& attrs);
    void note_mentions(std::string_view value);
    void flush_text();
    void add_root_declarations(Element& stanza) const;
    bool fail(ParseError error, std::string text);

    const Limits* limits_ = nullptr;
    const Root* root_ = nullptr;
    Element stanza_;
    std::vector<Frame> frames_;
    std::vector<Binding> bindings_;
    std::vector<bool> root_used_;   // which of the header's prefixes the stanza uses
    std::string text_;
    std::size_t elements_ = 0;
    // Of the element that is being opened.
    Attrs attrs_;
    std::vector<Declaration> declarations_;
    StreamBroken error_{};
};

}   // namespace grid::xml
