// controller/filters/parse_xml.cpp: the XML form, `<and><eq
// attribute='location'>SJC</eq>…</and>`.
#include <algorithm>

#include "controller/filters/expression.hpp"

namespace grid::controller::filters {

namespace {

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// The texts of samples have line breaks around them.
std::string value_of(const xml::Element& element) {
    const std::string text = element.text();
    if (is_blank(text)) return text.find_first_of("\r\n") == std::string::npos ? text : "";
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Outcome<Expression> read(const xml::Element& element, std::size_t depth);

Outcome<Expression> read_leaf(const xml::Element& element, Op op) {
    Expression leaf{op, std::string(element.attr_or("attribute", "")), {}, {}};
    if (!is_attribute_name(leaf.attribute))
        return invalid_filter("<" + element.name() + "/> needs the name of an attribute");
    if (op == Op::Exists) {
        if (element.child_count() == 0 && is_blank(element.text())) return leaf;
        return invalid_filter("<exists/> has no value");
    }
    if (element.name() != "in") {
        if (element.child_count() > 0)
            return invalid_filter("<" + element.name() + "/> has a text, not elements");
        leaf.values.push_back(value_of(element));
        return leaf;
    }
    for (const xml::Element* child : element.children()) {
        if (child->name() != "v" || child->child_count() > 0)
            return invalid_filter("<in/> holds values, <v>…</v>, not <" + child->name() + "/>");
        leaf.values.push_back(value_of(*child));
    }
    if (leaf.values.empty() || !is_blank(element.text()))
        return invalid_filter("<in/> holds at least one value, <v>…</v>");
    return leaf;
}

Outcome<Expression> read_group(const xml::Element& element, Op op, std::size_t depth) {
    Expression group{op, {}, {}, {}};
    if (!is_blank(element.text()))
        return invalid_filter("<" + element.name() + "/> holds tests, not a text");
    for (const xml::Element* child : element.children()) {
        auto operand = read(*child, depth + 1);
        if (!operand) return operand;
        group.operands.push_back(std::move(*operand));
    }
    const std::size_t count = group.operands.size();
    if (count == 0 || (op == Op::Not && count != 1))
        return invalid_filter(
            "<" + element.name() + "/> holds " + (op == Op::Not ? "one test" : "at least one test")
        );
    return group;
}

Outcome<Expression> read(const xml::Element& element, std::size_t depth) {
    if (depth > depth_max)
        return invalid_filter(
            "a filter nests at most " + std::to_string(depth_max) + " levels deep"
        );
    if (element.name() == "and") return read_group(element, Op::And, depth);
    if (element.name() == "or") return read_group(element, Op::Or, depth);
    if (element.name() == "not") return read_group(element, Op::Not, depth);
    const Op op = leaf_operator(element.name());
    if (op == Op::True)
        return invalid_filter(
            "there is no operator <" + element.name() +
            "/>; there are eq ne lt le gt ge in prefix cidr exists and or not"
        );
    return read_leaf(element, op);
}

}   // namespace

Outcome<Expression> parse_xml(const xml::Element& filter) {
    if (filter.child_count() == 0) return parse_text(filter.text());
    if (filter.child_count() != 1 || !is_blank(filter.text()))
        return invalid_filter("<filter/> holds one test, or <and/>, <or/>, <not/> of several");
    auto parsed = read(*filter.first_child(), 1);
    if (!parsed) return parsed;
    if (std::string excess = find_excess(*parsed); !excess.empty()) return invalid_filter(excess);
    return parsed;
}

}   // namespace grid::controller::filters
