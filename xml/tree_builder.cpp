// xml/tree_builder.cpp: namespaces resolved, limits counted, elements nested.
#include "xml/tree_builder.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>

#include "xml/namespaces.hpp"
#include "xml/qname.hpp"

namespace grid::xml {
namespace {

constexpr std::string_view xml_uri = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view xmlns_uri = "http://www.w3.org/2000/xmlns/";
const Ns xml_ns{xml_uri.data()};
/// The prefix of what was in the default namespace of an element that lost its own prefix.
constexpr std::string_view lifted_prefix = "_d";
constexpr const char* lifted_is_taken = "the prefix _d is taken here: use another";
constexpr const char* not_a_uri = " declares a namespace whose name is no URI";
/// Bytes of the header's declarations. They travel with each stanza that uses them: one that has
/// said them once could else make short stanzas a hundred times as long for their readers.
constexpr std::size_t header_declarations_max = 1024;
/// Bytes that an element costs beside itself: its name in Expat's table, room that vectors keep.
constexpr std::size_t element_overhead = 96;

bool is_declaration(std::string_view name) {
    return name.starts_with("xmlns") && (name.size() == 5 || name[5] == ':');
}

/// Namespaces in XML 1.0 §2.2: a name is a URI reference (here also an IRI). Readers that are made
/// with Expat divide names by a character that no URI has, and end their stream at a namespace with
/// such a one in it; so one client's declaration would end those of all who receive it.
bool is_namespace_name(std::string_view uri) {
    static constexpr auto is_foreign = [] {
        std::array<bool, 256> table{};
        for (unsigned char c = 0; c <= ' '; ++c) table[c] = true;
        for (const char c : std::string_view("\x7F\"<>\\^`{|}"))
            table[static_cast<unsigned char>(c)] = true;
        return table;
    }();
    return std::ranges::none_of(uri, [](unsigned char c) { return is_foreign[c]; });
}

std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 64)) + "'"; }

/// "more than 64 attributes on one element (limits.attributes_max)"
std::string more_than(std::size_t most, const char* what, const Limits& limits, const char* name) {
    return "more than " + std::to_string(most) + " " + what + " (" + limits.named + name + ")";
}

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
    elements_ = held_bytes_ = 0;
}

bool TreeBuilder::count_element(std::string_view name) {
    const Limits& limits = *limits_;
    if (++elements_ > limits.elements_max)
        return fail(
            ParseError::TooLarge,
            more_than(limits.elements_max, "elements in one stanza", limits, "elements_max")
        );
    if (frames_.size() >= limits.depth_max)
        return fail(
            ParseError::TooLarge,
            more_than(limits.depth_max, "elements inside one another", limits, "depth_max")
        );
    if (name.size() > limits.name_bytes_max)
        return fail(
            ParseError::TooLarge, "the name of an element is longer than limits.name_bytes_max"
        );
    held_bytes_ += sizeof(Element) + element_overhead;
    return true;
}

/// Namespaces in XML 1.0 §3: the reserved names, and no taking back of a prefix.
bool TreeBuilder::declare(std::string_view prefix, std::string_view uri) {
    if (uri == xmlns_uri || prefix == "xmlns" || (uri == xml_uri) != (prefix == "xml"))
        return fail(ParseError::NotWellFormed, "the prefixes xml and xmlns cannot be redefined");
    if (prefix == "xml") return true;
    bindings_.bind(std::string(prefix), {Ns::of(uri)});
    return true;
}

/// False for a prefix that is not declared.
bool TreeBuilder::resolve(std::string_view prefix, const Ns*& ns) {
    if (const Bound* bound = bindings_.find(prefix)) {
        ns = &bound->ns;
    } else if (prefix.empty()) {
        ns = &root_->default_ns;
    } else if (prefix == "xml") {
        ns = &xml_ns;
    } else if (const Ns* of_header = use_root_prefix(prefix)) {
        ns = of_header;
    } else {
        return fail(
            ParseError::BadNamespacePrefix, "the prefix " + quoted(prefix) + " is not declared"
        );
    }
    return true;
}

/// Null when the header does not declare it.
const Ns* TreeBuilder::use_root_prefix(std::string_view prefix) {
    const auto& known = root_->prefixes;
    const auto found = std::ranges::lower_bound(known, prefix, {}, &Binding::prefix);
    if (found == known.end() || found->prefix != prefix) return nullptr;
    root_used_.resize(known.size());
    root_used_[static_cast<std::size_t>(found - known.begin())] = true;
    return &found->ns;
}

bool TreeBuilder::read_attributes(const char** attributes, bool prefixed) {
    attrs_.clear();
    declarations_.clear();
    std::size_t declarations = 0;
    for (const char** at = attributes; *at; at += 2) {
        std::string_view name = at[0], value = at[1];
        if (name.size() > limits_->name_bytes_max)
            return fail(
                ParseError::TooLarge,
                "the name of an attribute is longer than limits.name_bytes_max"
            );
        if (is_declaration(name)) {
            if (++declarations > limits_->declarations_max)
                return fail(
                    ParseError::TooLarge,
                    "more than " + std::to_string(limits_->declarations_max) +
                        " namespace declarations on one element (limits.declarations_max)"
                );
            if (!read_declaration(name, value, prefixed)) return false;
        } else {
            if (attrs_.size() == limits_->attributes_max)
                return fail(
                    ParseError::TooLarge, more_than(
                                              limits_->attributes_max, "attributes on one element",
                                              *limits_, "attributes_max"
                                          )
                );
            attrs_.emplace_back(std::string(name), std::string(value));
        }
    }
    return true;
}

bool TreeBuilder::read_declaration(std::string_view name, std::string_view uri, bool prefixed) {
    if (bindings_.size() == limits_->bindings_max)
        return fail(
            ParseError::TooLarge, "more than " + std::to_string(limits_->bindings_max) +
                                      " namespace declarations in force at one place"
        );
    std::string_view prefix = name.substr(std::min<std::size_t>(name.size(), 6));
    // A prefix, unlike the default namespace, cannot be taken back.
    if (name.size() > 5 && (!is_ncname(prefix) || uri.empty()))
        return fail(ParseError::NotWellFormed, quoted(name) + " declares no prefix");
    // Stored text is read as it is.
    if (!root_->name.empty() && !is_namespace_name(uri))
        return fail(ParseError::NotWellFormed, quoted(name) + not_a_uri);
    // Under a lifted default namespace `_d` is a name of this server: elements beneath are written
    // with it, so another meaning would change theirs, or give an element one attribute twice.
    if (const Bound* taken = prefix == lifted_prefix ? bindings_.find(prefix) : nullptr;
        taken && taken->is_lifted)
        return fail(ParseError::BadNamespacePrefix, lifted_is_taken);
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
    const Ns* found = nullptr;
    if (!resolve(prefix, found)) return false;
    Ns ns = *found;   // `found` may be moved by what is bound below
    bool is_content = !root_->name.empty() && ns == ns::client;
    if (frames_.size() > 1) is_content = is_content && frames_[frames_.size() - 2].is_content;
    if (!frames_.empty()) frames_.back().is_content = is_content;
    if (prefixed && is_content && !lift_default()) return false;
    const Bound* outside = prefixed ? nullptr : bindings_.find({});
    const bool is_lifted = outside && outside->is_lifted;
    // The room for attributes is used again for the next element, so exactly theirs is allocated.
    Attrs own;
    own.reserve(attrs_.size());
    std::ranges::move(attrs_, std::back_inserter(own));
    held_bytes_ += own.size() * sizeof(Attr) + declarations_.size() * sizeof(Declaration);
    made = Element(std::string(local), std::move(ns), std::move(own));
    if (prefixed && !is_content) made.set_prefix(std::string(prefix));
    if (is_lifted) made.set_prefix(std::string(lifted_prefix));
    for (Declaration& each : declarations_)
        made.declare(std::move(each.prefix), std::move(each.uri));
    return true;
}

/// An element that loses its prefix is in the default namespace from then on. Another default
/// namespace that it declares for its content is bound to a prefix instead: written again at each
/// child it would multiply the stanza.
bool TreeBuilder::lift_default() {
    const auto own = std::ranges::find(declarations_, std::string(), &Declaration::prefix);
    if (own == declarations_.end()) return true;
    const Ns declared = Ns::of(own->uri);
    if (declared == ns::client || declared.empty()) {
        declarations_.erase(own);
        return true;
    }
    if (bindings_.find(lifted_prefix) || use_root_prefix(lifted_prefix)) {
        const Bound* outer = bindings_.find(lifted_prefix);
        if (!outer || !outer->is_lifted)
            return fail(ParseError::BadNamespacePrefix, lifted_is_taken);
    }
    own->prefix = lifted_prefix;
    bindings_.bind(std::string(), {declared, true});
    bindings_.bind(std::string(lifted_prefix), {declared, true});
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
    if (root_->prefixes.empty()) return;
    for_each_mention(value, [this](std::string_view word) { use_root_prefix(word); });
}

void TreeBuilder::flush_text() {
    if (text_.empty()) return;
    note_mentions(text_);
    frames_.back().element->append(text_);
    held_bytes_ += sizeof(Element);
    text_.clear();
}

bool TreeBuilder::open(std::string_view name, const char** attributes) {
    Element* place = &stanza_;
    if (is_inside()) {
        flush_text();
        place = &frames_.back().element->mutable_nodes().emplace_back();
    }
    if (!count_element(name)) return false;
    frames_.push_back({place, bindings_.size(), false});
    return make_element(name, attributes, *place);
}

void TreeBuilder::close() {
    assert(is_inside());
    flush_text();
    bindings_.rewind(frames_.back().bindings);
    frames_.pop_back();
}

Element TreeBuilder::take() {
    add_root_declarations(stanza_);
    if (!root_->lang.empty() && stanza_.ns() == ns::client && !stanza_.attr("xml:lang"))
        stanza_.set("xml:lang", root_->lang);
    Element done = std::move(stanza_);
    clear();
    return done;
}

/// So that a stanza can be read, and sent on, without the header it came under.
void TreeBuilder::add_root_declarations(Element& stanza) const {
    for (std::size_t i = 0; i < root_used_.size(); ++i) {
        const auto& [prefix, declared] = root_->prefixes[i];
        if (!root_used_[i]) continue;
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
    std::size_t travelling = 0;
    for (const Declaration& each : open.header.declarations()) {
        if (!is_namespace_name(each.uri))
            return fail(ParseError::NotWellFormed, quoted("xmlns:" + each.prefix) + not_a_uri);
        travelling += each.prefix.size() + each.uri.size();
    }
    if (travelling > header_declarations_max)
        return fail(ParseError::TooLarge, "the stream header declares more than 1024 bytes");
    root.name = name;
    if (const Bound* bound = bindings_.find({})) root.default_ns = bound->ns;
    for (const Declaration& each : open.header.declarations())
        if (!each.prefix.empty()) root.prefixes.push_back({each.prefix, Ns::of(each.uri)});
    std::ranges::sort(root.prefixes, {}, &Binding::prefix);
    open.content_ns = root.default_ns.uri();
    clear();
    return true;
}

}   // namespace grid::xml
