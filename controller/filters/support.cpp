// controller/filters/support.cpp: see support.hpp.
#include "controller/filters/support.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controller/filters/path.hpp"
#include "controller/text/text.hpp"
#include "xml/form.hpp"

namespace grid::controller::filters {

namespace {

using Bits = std::uint16_t;

constexpr Bits bit(Op op) { return static_cast<Bits>(1U << static_cast<unsigned>(op)); }

constexpr Bits equality = bit(Op::In) | bit(Op::Ne) | bit(Op::Exists);
constexpr Bits order = bit(Op::Lt) | bit(Op::Le) | bit(Op::Gt) | bit(Op::Ge);

/// The operators that a value of that type can have.
Bits possible(Type type) {
    switch (type) {
        case Type::String:
            return equality | bit(Op::Prefix);
        case Type::Number:
        case Type::Date:
            return equality | order;
        case Type::Address:
            return equality | bit(Op::Cidr);
        default:
            return equality;
    }
}

/// `eq in prefix`; `ne` comes with `eq`, since `not` gives it anyway.
std::optional<Bits> parse_matches(std::string_view text, Type type) {
    if (text.empty()) return possible(type);
    Bits bits = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \t\r\n,"), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        const Op op = leaf_operator(word);
        if (op == Op::True || (possible(type) & bit(op)) == 0) return std::nullopt;
        bits = static_cast<Bits>(bits | bit(op) | (op == Op::In ? bit(Op::Ne) : 0));
    }
    return bits;
}

Outcome<Attribute> read_attribute(const xml::Element& element) {
    Attribute attribute;
    attribute.name = trimmed(element.attr_or("name", ""));
    if (!is_attribute_name(attribute.name))
        return Failure{Errc::MalformedRequest, "a filter attribute needs a name", {}};
    const std::string said = "filter attribute " + attribute.name + ": ";
    const auto type = parse_type(trimmed(element.attr_or("type", "string")));
    if (!type)
        return Failure{
            Errc::MalformedRequest, said + "types are string number date address boolean", {}
        };
    attribute.type = *type;
    const auto matches = parse_matches(trimmed(element.attr_or("match", "")), *type);
    if (!matches)
        return Failure{
            Errc::MalformedRequest,
            said + "match names operators that " + std::string(to_string(*type)) + " has",
            {}
        };
    attribute.matches = *matches;
    attribute.path = trimmed(element.attr_or("path", ""));
    if (attribute.path.empty()) attribute.path = default_path(attribute.name);
    if (const auto path = parse_path(attribute.path); !path)
        return Failure{Errc::MalformedRequest, said + path.error().text, {}};
    return attribute;
}

/// The refusal names the publishers that stand in the way.
Failure held_by(const std::string& what, const std::string& by, const std::string& present) {
    return Failure{
        Errc::MalformedRequest,
        what + " is " + present + " at this topic, as " + by +
            " declared, who provides it: declare it the same, or leave it out",
        {}
    };
}

Outcome<void*> add(Support& support, Attribute attribute, const Declarer& who) {
    const auto at =
        std::ranges::lower_bound(support.attributes, attribute.name, {}, &Attribute::name);
    const bool is_there = at != support.attributes.end() && at->name == attribute.name;
    const bool is_same = is_there && at->type == attribute.type &&
                         at->matches == attribute.matches && at->path == attribute.path;
    if (is_same) return nullptr;
    if (is_there && !who.may_change(at->by))
        return held_by(
            "filter attribute " + attribute.name, at->by,
            "'" + to_line(*at) + "' at path '" + at->path + "'"
        );
    attribute.by = who.bare;
    if (is_there && at->type != attribute.type)
        return Failure{
            Errc::MalformedRequest,
            "filter attribute " + attribute.name + " is of type " +
                std::string(to_string(at->type)) + " at this topic",
            {}
        };
    if (is_there)
        *at = std::move(attribute);
    else
        support.attributes.insert(at, std::move(attribute));
    if (support.attributes.size() <= attributes_max) return nullptr;
    return Failure{
        Errc::MalformedRequest,
        "a topic has at most " + std::to_string(attributes_max) + " filter attributes",
        {}
    };
}

}   // namespace

const Attribute* Support::find(std::string_view name) const {
    const auto at = std::ranges::lower_bound(attributes, name, {}, &Attribute::name);
    return at != attributes.end() && at->name == name ? &*at : nullptr;
}

Outcome<Support> declare(
    Support known, const xml::Element& request, std::size_t limit_max, const Declarer& who
) {
    if (const xml::Element* list = request.child_any_ns("filterSupport"))
        for (const xml::Element* child : list->children()) {
            if (child->name() != "attribute")
                return Failure{
                    Errc::MalformedRequest, "<filterSupport/> holds <attribute/> elements", {}
                };
            auto attribute = read_attribute(*child);
            if (!attribute) return attribute.error();
            if (const auto added = add(known, std::move(*attribute), who); !added)
                return added.error();
        }
    if (request.child_any_ns("subtopicLimit") != nullptr) {
        const std::string text = child_text(request, "subtopicLimit");
        std::size_t limit = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
        if (error != std::errc() || end != text.data() + text.size() || limit > limit_max)
            return Failure{
                Errc::MalformedRequest,
                "<subtopicLimit/> is a number up to " + std::to_string(limit_max),
                {}
            };
        if (limit != known.subtopics_max && !who.may_change(known.limit_by))
            return held_by("<subtopicLimit/>", known.limit_by, std::to_string(known.subtopics_max));
        if (limit != known.subtopics_max || known.limit_by.empty()) known.limit_by = who.bare;
        known.subtopics_max = limit;
    }
    known.subtopics_max = std::min(known.subtopics_max, limit_max);
    if (request.child_any_ns("serverSideFilter") != nullptr) {
        const auto value = xml::parse_boolean(child_text(request, "serverSideFilter"));
        if (!value)
            return Failure{Errc::MalformedRequest, "<serverSideFilter/> is true or false", {}};
        if (*value != known.is_server_side && !who.may_change(known.side_by))
            return held_by(
                "<serverSideFilter/>", known.side_by, known.is_server_side ? "true" : "false"
            );
        if (*value != known.is_server_side || known.side_by.empty()) known.side_by = who.bare;
        known.is_server_side = *value;
    }
    return known;
}

std::string matches_text(const Attribute& attribute) {
    std::string out;
    const auto put = [&](std::string_view word) {
        out.append(out.empty() ? "" : " ").append(word);
    };
    if (attribute.offers(Op::In)) put("eq");
    for (Op op : {Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::In, Op::Prefix, Op::Cidr, Op::Exists})
        if (attribute.offers(op)) put(name_of(op));
    return out;
}

std::string to_line(const Attribute& attribute) {
    return attribute.name + " " + std::string(to_string(attribute.type)) + " " +
           matches_text(attribute);
}

std::string offer_of(const Support& support) {
    if (!support.is_offered()) return "its providers offer no filters";
    std::string out("its providers offer");
    for (const Attribute& attribute : support.attributes)
        out.append(&attribute == &support.attributes.front() ? " " : "; ")
            .append(to_line(attribute));
    return out;
}

void encode(storage::Encoder& out, const Support& support) {
    out.varint(support.subtopics_max).boolean(support.is_server_side);
    out.varint(support.attributes.size());
    for (const Attribute& attribute : support.attributes) {
        out.text(attribute.name).u8(static_cast<std::uint8_t>(attribute.type));
        out.varint(attribute.matches).text(attribute.path);
    }
}

Support decode_support(storage::Decoder& in) {
    Support support;
    support.subtopics_max = in.varint();
    support.is_server_side = in.boolean();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        Attribute attribute;
        attribute.name = in.text();
        attribute.type = static_cast<Type>(in.u8());
        attribute.matches = static_cast<Bits>(in.varint());
        attribute.path = in.text();
        support.attributes.push_back(std::move(attribute));
    }
    return support;
}

}   // namespace grid::controller::filters
