// controller/filters/expression.hpp: a filter as a tree, read from its text form and its XML
// form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/errors.hpp"
#include "xml/element.hpp"

namespace grid::controller::filters {

enum class Op {
    Exists,
    In,   // `eq` is an `in` of one value
    Ne,   // there is a value, and none is that one
    Lt,
    Le,
    Gt,
    Ge,
    Prefix,
    Cidr,
    Not,
    And,
    Or,
    // Constants that folding may leave; no filter text can contain them.
    True,
    False
};

/// A leaf has an attribute and values, `not` one operand, `and` and `or` any number.
struct Expression {
    Op op = Op::True;
    std::string attribute;
    std::vector<std::string> values;
    std::vector<Expression> operands;

    bool is_leaf() const { return op < Op::Not; }
    bool operator==(const Expression&) const = default;
};

// Bounds of one filter.
inline constexpr std::size_t filter_bytes_max = 4096;
inline constexpr std::size_t depth_max = 16;
inline constexpr std::size_t leaves_max = 64;
inline constexpr std::size_t values_max = 256;   // of all leaves together

/// filter  = and *( "or" and )
/// and     = not *( "and" not )
/// not     = "not" not / "(" filter ")" / test
/// test    = name op value / name "in" "(" value *( "," value ) ")" / name "exists"
/// op      = "=" / "!=" / "<" / "<=" / ">" / ">=" / "prefix" / "cidr" / "eq" / "ne" / "lt" / …
/// value   = "'" text with '' for ' "'" / the same with " / number
Outcome<Expression> parse_text(std::string_view text);

/// The children of `<filter/>`: one of `<eq attribute='a'>v</eq>` (ne, lt, le, gt, ge, prefix,
/// cidr), `<in attribute='a'><v>…</v></in>`, `<exists attribute='a'/>`, `<and>`, `<or>`, `<not>`;
/// or, without a child, the text form.
Outcome<Expression> parse_xml(const xml::Element& filter);

/// The text form; parses to the same tree.
std::string to_text(const Expression& expression);

/// The bound that the tree passes, in words; empty: none.
std::string find_excess(const Expression& expression);

/// A name that a filter can speak of: letters, digits, `_`, `.`, `-`, `:`; no operator.
bool is_attribute_name(std::string_view name);
/// `eq`, `=` and so on → the operator of a leaf; Op::True for anything else.
Op leaf_operator(std::string_view word);
std::string_view name_of(Op op);

inline Failure invalid_filter(std::string text) {
    return {Errc::InvalidFilter, std::move(text), {}};
}

}   // namespace grid::controller::filters
