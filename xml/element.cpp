// xml/element.cpp: reading and building of elements.
#include "xml/element.hpp"

#include <algorithm>

namespace grid::xml {

Element Element::with_text(std::string name, std::string_view text, Attrs attrs) {
    Element made(std::move(name), std::move(attrs));
    made.append(text);
    return made;
}

Element Element::text_node(std::string text) {
    Element made;
    made.name_ = std::move(text);
    made.is_text_ = true;
    return made;
}

const std::string* Element::attr(std::string_view name) const {
    auto found = std::ranges::find(attrs_, name, &Attr::name);
    return found == attrs_.end() ? nullptr : &found->value;
}

std::string_view Element::attr_or(std::string_view name, std::string_view fallback) const {
    const std::string* value = attr(name);
    return value ? std::string_view(*value) : fallback;
}

std::string Element::text() const {
    std::string all;
    for (const Element& node : nodes_)
        if (node.is_text_) all += node.name_;
    return all;
}

const Element* Element::child(std::string_view name, const Ns& ns) const {
    for (const Element& node : nodes_)
        if (!node.is_text_ && node.is(name, ns)) return &node;
    return nullptr;
}

const Element* Element::child_any_ns(std::string_view name) const {
    for (const Element& node : nodes_)
        if (!node.is_text_ && node.name_ == name) return &node;
    return nullptr;
}

const Element* Element::first_child() const {
    auto found = std::ranges::find(nodes_, false, &Element::is_text_);
    return found == nodes_.end() ? nullptr : &*found;
}

std::size_t Element::child_count() const {
    return static_cast<std::size_t>(std::ranges::count(nodes_, false, &Element::is_text_));
}

std::vector<const Element*> Element::children() const {
    std::vector<const Element*> found;
    found.reserve(nodes_.size());
    for (const Element& node : nodes_)
        if (!node.is_text_) found.push_back(&node);
    return found;
}

std::vector<const Element*> Element::children(std::string_view name) const {
    std::vector<const Element*> found;
    for (const Element& node : nodes_)
        if (!node.is_text_ && node.is(name, ns_)) found.push_back(&node);
    return found;
}

Element& Element::add(Element child) {
    // An element that itself still waits for a namespace hands it on when it gets one.
    if (child.inherits_ns_ && !inherits_ns_) child.take_ns(ns_);
    nodes_.push_back(std::move(child));
    return *this;
}

void Element::take_ns(const Ns& parent) {
    ns_ = parent;
    inherits_ns_ = false;
    for (Element& node : nodes_)
        if (node.inherits_ns_) node.take_ns(parent);
}

Element& Element::set(std::string name, std::string value) {
    auto found = std::ranges::find(attrs_, name, &Attr::name);
    if (found == attrs_.end())
        attrs_.push_back({std::move(name), std::move(value)});
    else
        found->value = std::move(value);
    return *this;
}

Element& Element::remove_attr(std::string_view name) {
    std::erase_if(attrs_, [&](const Attr& attr) { return attr.name == name; });
    return *this;
}

Element& Element::append(std::string_view text) {
    if (text.empty()) return *this;
    if (!nodes_.empty() && nodes_.back().is_text_)
        nodes_.back().name_ += text;
    else
        nodes_.push_back(text_node(std::string(text)));
    return *this;
}

Element& Element::set_prefix(std::string prefix) {
    prefix_ = std::move(prefix);
    return *this;
}

Element& Element::declare(std::string prefix, std::string uri) {
    auto found = std::ranges::find(declarations_, prefix, &Declaration::prefix);
    if (found == declarations_.end())
        declarations_.push_back({std::move(prefix), std::move(uri)});
    else
        found->uri = std::move(uri);
    return *this;
}

}   // namespace grid::xml
