// xml/element.hpp: an XML element as a value that nests in code as it does on the wire.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grid::xml {

/// A namespace name, its own type so that it is never taken for a name or a text. Well-known names
/// (xml/namespaces.hpp) are constants and cost nothing to copy; a peer's own are shared.
class Ns {
public:
    Ns() = default;   // no namespace
    /// For constants: `uri` must live as long as the program.
    explicit constexpr Ns(const char* uri) : uri_(uri) {}
    /// The constant for a well-known name, else a shared copy.
    static Ns of(std::string_view uri);

    std::string_view uri() const { return uri_; }
    bool empty() const { return uri_.empty(); }
    bool operator==(const Ns& other) const {
        return uri_.size() == other.uri_.size() &&
               (uri_.data() == other.uri_.data() || uri_ == other.uri_);
    }

private:
    std::string_view uri_;
    std::shared_ptr<const std::string> owner_;
};

/// An attribute: the name as written (`xml:lang`, `xsi:type`), never a namespace declaration.
struct Attr {
    std::string name, value;
};
using Attrs = std::vector<Attr>;

/// A declaration `xmlns:prefix='uri'` of a prefix. (A default namespace is the element's `ns`; only
/// on a prefixed element it is kept here too, with an empty prefix.)
struct Declaration {
    std::string prefix, uri;
};

/// An element, or a run of text between elements (`is_text`). Copying copies the tree.
class Element {
public:
    Element() = default;
    template <std::same_as<Element>... Children>
    Element(std::string name, Ns ns, Attrs attrs = {}, Children... children)
        : name_(std::move(name)), ns_(std::move(ns)), attrs_(std::move(attrs)) {
        nodes_.reserve(sizeof...(children));
        (add(std::move(children)), ...);
    }
    /// Without a namespace: takes its parent's when it is added.
    template <std::same_as<Element>... Children>
    Element(std::string name, Attrs attrs = {}, Children... children)
        : name_(std::move(name)), attrs_(std::move(attrs)), inherits_ns_(true) {
        nodes_.reserve(sizeof...(children));
        (add(std::move(children)), ...);
    }
    /// `<name>text</name>`, namespace taken from its parent.
    static Element with_text(std::string name, std::string_view text, Attrs attrs = {});
    static Element text_node(std::string text);

    // Reading.
    bool is_text() const { return is_text_; }
    /// Local name; for a text node its text.
    const std::string& name() const { return name_; }
    const Ns& ns() const { return ns_; }
    /// Built without a namespace and not added to anything yet.
    bool inherits_ns() const { return inherits_ns_; }
    /// As written by the peer, without colon; empty for an unprefixed element.
    const std::string& prefix() const { return prefix_; }
    bool is(std::string_view name, const Ns& ns) const { return name_ == name && ns_ == ns; }
    /// Null when absent. An empty value is not absent.
    const std::string* attr(std::string_view name) const;
    std::string_view attr_or(std::string_view name, std::string_view fallback) const;
    const Attrs& attrs() const { return attrs_; }
    const std::vector<Declaration>& declarations() const { return declarations_; }
    /// The direct text, all runs joined.
    std::string text() const;
    /// Elements and text, in document order.
    const std::vector<Element>& nodes() const { return nodes_; }
    /// First child element of that name, in this element's own namespace; null when absent.
    const Element* child(std::string_view name) const { return child(name, ns_); }
    const Element* child(std::string_view name, const Ns& ns) const;
    /// First child element of that local name in any namespace.
    const Element* child_any_ns(std::string_view name) const;
    const Element* first_child() const;
    std::size_t child_count() const;   // elements only
    /// Child elements (no text), as pointers.
    std::vector<const Element*> children() const;
    /// Child elements of that name in this element's own namespace.
    std::vector<const Element*> children(std::string_view name) const;

    // Building. Each returns *this, so that calls chain.
    Element& add(Element child);
    Element& set(std::string name, std::string value);
    Element& remove_attr(std::string_view name);
    Element& append(std::string_view text);
    Element& set_prefix(std::string prefix);
    Element& declare(std::string prefix, std::string uri);
    std::vector<Element>& mutable_nodes() { return nodes_; }

private:
    void take_ns(const Ns& parent);

    std::string name_, prefix_;
    Ns ns_;
    Attrs attrs_;
    std::vector<Declaration> declarations_;
    std::vector<Element> nodes_;
    bool is_text_ = false, inherits_ns_ = false;
};

}   // namespace grid::xml
