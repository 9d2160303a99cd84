// xml/tree_builder.cpp: namespaces resolved, limits counted, elements nested.
#include "xml/tree_builder.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "xml/namespaces.hpp"
#include "xml/qname.hpp"

namespace grid::xml {
namespace {

constexpr std::string_view xml_uri = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view xmlns_uri = "http://www.w3.org/2000/xmlns/";
const Ns xml_ns{xml_uri.data()};

bool is_declaration(std::string_view name) {
    return name.starts_with("xmlns") && (name.size() == 5 || name[5] == ':');
}

std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 64)) + "'"; }

}   // namespace

bool TreeBuilder::fail(ParseError error, std::string text) {
    error_ = {error, std::move(text)};
    return false;
}

void TreeBuilder::attach(const Limits* limits, const Root* root) {
    limits_ = limits;
    root_ = root;
}

void TreeBuilder::clear() {
    constexpr std::size_t kept_bytes_max = 64 * 1024;
    stanza_ = Element();
    frames_.clear();
    bindings_.clear();
    root_used_.clear();
    text_.clear();
    if (text_.capacity() > kept_bytes_max) text_.shrink_to_fit();
    elements_ = 0;
}

bool TreeBuilder::count_element(std::string_view name) {
    if (++elements_ > limits_->elements_max)
        return fail(ParseError::TooLarge, "too many elements in one stanza");
    if (frames_.size() >= limits_->depth_max)
        return fail(ParseError::TooLarge, "elements are nested too deeply");
    if (name.size() > limits_->name_bytes_max)
        return fail(ParseError::TooLarge, "the name of an element is too long");
    return true;
}

/// Namespaces in XML 1.0 §3: the reserved names, and no taking back of a prefix.
bool TreeBuilder::declare(std::string_view prefix, std::string_view uri) {
    if (uri == xmlns_uri || prefix == "xmlns" || (uri == xml_uri) != (prefix == "xml"))
        return fail(ParseError::NotWellFormed, "the prefixes xml and xmlns cannot be redefined");
    if (prefix == "xml") return true;
    bindings_.push_back({std::string(prefix), Ns::of(uri)});
    return true;
}

/// False for a prefix that nobody declared.
bool TreeBuilder::resolve(std::string_view prefix, const Ns*& ns) {
    for (std::size_t i = bindings_.size(); i-- > 0;) {
        if (bindings_[i].prefix != prefix) continue;
        ns = &bindings_[i].ns;
        return true;
    }
    if (prefix.empty()) {
        ns = &root_->default_ns;
        return true;
    }
    if (prefix == "xml") {
        ns = &xml_ns;
        return true;
    }
    for (std::size_t i = 0; i < root_->prefixes.size(); ++i) {
        if (root_->prefixes[i].prefix != prefix) continue;
        root_used_.resize(root_->prefixes.size());
        root_used_[i] = true;
        ns = &root_->prefixes[i].ns;
        return true;
    }
    return fail(
        ParseError::BadNamespacePrefix, "the prefix " + quoted(prefix) + " is not declared"
    );
}

bool TreeBuilder::read_attributes(const char** attributes, bool prefixed) {
    attrs_.clear();
    declarations_.clear();
    std::size_t declarations = 0;
    for (const char** at = attributes; *at; at += 2) {
        std::string_view name = at[0], value = at[1];
        if (name.size() > limits_->name_bytes_max)
            return fail(ParseError::TooLarge, "the name of an attribute is too long");
        if (is_declaration(name)) {
            if (++declarations > limits_->declarations_max)
                return fail(ParseError::TooLarge, "too many namespace declarations on one element");
            if (!read_declaration(name, value, prefixed)) return false;
        } else {
            if (attrs_.size() == limits_->attributes_max)
                return fail(ParseError::TooLarge, "too many attributes on one element");
            attrs_.emplace_back(std::string(name), std::string(value));
        }
    }
    return true;
}

bool TreeBuilder::read_declaration(std::string_view name, std::string_view uri, bool prefixed) {
    // Every prefix is looked for among all that are in force.
    if (bindings_.size() == limits_->bindings_max)
        return fail(ParseError::TooLarge, "too many namespace declarations in force");
    std::string_view prefix = name.substr(std::min<std::size_t>(name.size(), 6));
    // A prefix, unlike the default namespace, cannot be taken back.
    if (name.size() > 5 && (!is_ncname(prefix) || uri.empty()))
        return fail(ParseError::NotWellFormed, quoted(name) + " declares no prefix");
    if (!declare(prefix, uri)) return false;
    if ((!prefix.empty() || prefixed) && prefix != "xml")
        declarations_.emplace_back(std::string(prefix), std::string(uri));
    return true;
}

bool TreeBuilder::make_element(std::string_view name, const char** attributes, Element& made) {
    auto [prefix, local] = split_qname(name);
    const bool prefixed = local.size() != name.size();
    if (!is_ncname(local) || (prefixed && !is_ncname(prefix)))
        return fail(ParseError::NotWellFormed, quoted(name) + " is no qualified name");
    if (!read_attributes(attributes, prefixed) || !resolve_attrs(attrs_)) return false;
    const Ns* ns = nullptr;
    if (!resolve(prefix, ns)) return false;
    // The room for attributes is used again for the next element, so exactly theirs is allocated.
    Attrs own;
    own.reserve(attrs_.size());
    std::ranges::move(attrs_, std::back_inserter(own));
    made = Element(std::string(local), *ns, std::move(own));
    if (prefixed) made.set_prefix(std::string(prefix));
    for (Declaration& each : declarations_)
        made.declare(std::move(each.prefix), std::move(each.uri));
    return true;
}

/// Expat refuses the same name twice; two prefixes for one namespace it does not know.
bool TreeBuilder::resolve_attrs(const Attrs& attrs) {
    struct Resolved {
        std::string_view local;
        const Ns* ns;
    };
    std::vector<Resolved> seen;
    for (const auto& [name, value] : attrs) {
        note_mentions(value);
        auto [prefix, local] = split_qname(name);
        if (local.size() == name.size() || name == "xml:lang") continue;
        if (!is_ncname(local) || !is_ncname(prefix))
            return fail(ParseError::NotWellFormed, quoted(name) + " is no qualified name");
        const Ns* ns = nullptr;
        if (!resolve(prefix, ns)) return false;
        for (const Resolved& other : seen)
            if (other.local == local && *other.ns == *ns)
                return fail(ParseError::NotWellFormed, quoted(name) + " is there twice");
        seen.push_back({local, ns});
    }
    return true;
}

/// A value like `ex:Type` may be a QName that rests on a declaration of the stream header.
void TreeBuilder::note_mentions(std::string_view value) {
    if (!root_->has_own_prefixes) return;
    for (std::size_t i = 0; i < root_->prefixes.size(); ++i) {
        const Binding& binding = root_->prefixes[i];
        if (binding.ns == ns::streams || !mentions_prefix(value, binding.prefix)) continue;
        root_used_.resize(root_->prefixes.size());
        root_used_[i] = true;
    }
}

void TreeBuilder::flush_text() {
    if (text_.empty()) return;
    note_mentions(text_);
    frames_.back().element->append(text_);
    text_.clear();
}

bool TreeBuilder::open(std::string_view name, const char** attributes) {
    Element* place = &stanza_;
    if (is_inside()) {
        flush_text();
        place = &frames_.back().element->mutable_nodes().emplace_back();
    }
    if (!count_element(name)) return false;
    frames_.push_back({place, bindings_.size()});
    return make_element(name, attributes, *place);
}

void TreeBuilder::close() {
    assert(is_inside());
    flush_text();
    bindings_.resize(frames_.back().bindings);
    frames_.pop_back();
}

Element TreeBuilder::take() {
    add_root_declarations(stanza_);
    Element done = std::move(stanza_);
    clear();
    return done;
}

/// So that a stanza can be read, and sent on, without the header it came under.
void TreeBuilder::add_root_declarations(Element& stanza) const {
    for (std::size_t i = 0; i < root_used_.size(); ++i) {
        const auto& [prefix, declared] = root_->prefixes[i];
        if (!root_used_[i] || declared == ns::streams) continue;
        bool own = false;
        for (const Declaration& each : stanza.declarations()) own = own || each.prefix == prefix;
        if (!own) stanza.declare(prefix, std::string(declared.uri()));
    }
}

bool TreeBuilder::take_header(
    std::string_view name, const char** attributes, StreamOpen& open, Root& root
) {
    if (!count_element(name) || !make_element(name, attributes, open.header)) return false;
    if (open.header.ns() != ns::streams)
        return fail(ParseError::InvalidNamespace, "the stream header is in no stream namespace");
    if (open.header.name() != "stream")
        return fail(ParseError::BadFormat, "a stream begins with <stream:stream>");
    root.name = name;
    for (Binding& binding : bindings_) {
        if (binding.prefix.empty())
            root.default_ns = std::move(binding.ns);
        else
            root.prefixes.push_back(std::move(binding));
    }
    for (const Binding& each : root.prefixes) {
        if (each.ns != ns::streams) root.has_own_prefixes = true;
    }
    open.content_ns = root.default_ns.uri();
    clear();
    return true;
}

}   // namespace grid::xml
