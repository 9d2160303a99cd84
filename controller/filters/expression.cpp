// controller/filters/expression.cpp: names, bounds and the text of a filter's tree.
#include "controller/filters/expression.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/filters/value.hpp"

namespace grid::controller::filters {

namespace {

constexpr std::array<std::pair<std::string_view, Op>, 17> words{{
    {"=", Op::In},
    {"!=", Op::Ne},
    {"<", Op::Lt},
    {"<=", Op::Le},
    {">", Op::Gt},
    {">=", Op::Ge},
    {"eq", Op::In},
    {"ne", Op::Ne},
    {"lt", Op::Lt},
    {"le", Op::Le},
    {"gt", Op::Gt},
    {"ge", Op::Ge},
    {"in", Op::In},
    {"prefix", Op::Prefix},
    {"cidr", Op::Cidr},
    {"exists", Op::Exists},
    {"==", Op::In},
}};

std::string in_quotes(std::string_view value) {
    std::string out("'");
    for (char c : value) {
        if (c == '\'') out.push_back('\'');
        out.push_back(c);
    }
    return out + "'";
}

std::string_view symbol_of(Op op) {
    const auto found = std::ranges::find(words, op, &std::pair<std::string_view, Op>::second);
    return found == words.end() ? std::string_view{} : found->first;
}

std::string leaf_text(const Expression& leaf) {
    if (leaf.op == Op::Exists) return leaf.attribute + " exists";
    if (leaf.op != Op::In || leaf.values.size() == 1)
        return leaf.attribute + " " + std::string(symbol_of(leaf.op)) + " " +
               in_quotes(leaf.values.front());
    std::string out = leaf.attribute + " in (";
    for (const std::string& value : leaf.values)
        out.append(&value == &leaf.values.front() ? "" : ",").append(in_quotes(value));
    return out + ")";
}

struct Counts {
    std::size_t leaves = 0, values = 0, depth = 0;
    bool has_long_value = false;
};
void count(const Expression& expression, std::size_t depth, Counts& counts) {
    counts.depth = std::max(counts.depth, depth);
    if (depth > depth_max) return;
    if (expression.is_leaf()) ++counts.leaves;
    counts.values += expression.values.size();
    for (const std::string& value : expression.values)
        counts.has_long_value = counts.has_long_value || value.size() > value_bytes_max;
    for (const Expression& operand : expression.operands) count(operand, depth + 1, counts);
}

}   // namespace

Op leaf_operator(std::string_view word) {
    const auto found = std::ranges::find(words, word, &std::pair<std::string_view, Op>::first);
    return found == words.end() ? Op::True : found->second;
}

std::string_view name_of(Op op) {
    constexpr std::array<std::string_view, 9> names{"exists", "in", "ne",     "lt",  "le",
                                                    "gt",     "ge", "prefix", "cidr"};
    return op < Op::Not ? names.at(static_cast<std::size_t>(op)) : std::string_view{};
}

bool is_attribute_name(std::string_view name) {
    constexpr std::size_t name_bytes_max = 64;
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (name.empty() || name.size() > name_bytes_max || !is_letter(name.front())) return false;
    if (leaf_operator(name) != Op::True || name == "and" || name == "or" || name == "not")
        return false;
    return std::ranges::all_of(name, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
    });
}

std::string to_text(const Expression& expression) {
    if (expression.is_leaf()) return leaf_text(expression);
    if (expression.op == Op::True) return "true";
    if (expression.op == Op::False) return "false";
    const auto nested = [&](const Expression& operand) {
        const bool is_plain = operand.is_leaf() || operand.op == Op::Not ||
                              (expression.op == Op::Or && operand.op == Op::And);
        return is_plain ? to_text(operand) : "(" + to_text(operand) + ")";
    };
    if (expression.op == Op::Not) return "not " + nested(expression.operands.front());
    std::string out;
    for (const Expression& operand : expression.operands) {
        if (!out.empty()) out += expression.op == Op::And ? " and " : " or ";
        out += nested(operand);
    }
    return out;
}

std::string find_excess(const Expression& expression) {
    Counts counts;
    count(expression, 1, counts);
    if (counts.depth > depth_max)
        return "a filter nests at most " + std::to_string(depth_max) + " levels deep";
    if (counts.leaves > leaves_max)
        return "a filter has at most " + std::to_string(leaves_max) + " tests";
    if (counts.values > values_max)
        return "a filter has at most " + std::to_string(values_max) + " values";
    if (counts.has_long_value)
        return "a value has at most " + std::to_string(value_bytes_max) + " bytes";
    return {};
}

}   // namespace grid::controller::filters
