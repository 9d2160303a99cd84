// controller/filters/evaluate.hpp: does a payload match? One filter by walking its tree; many of
// one topic by an index over their equality tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/filters/expression.hpp"
#include "controller/filters/path.hpp"
#include "controller/filters/support.hpp"

namespace grid::controller::filters {

/// What a payload has of one attribute. Values that are not of its type are no values.
struct AttributeValues {
    std::string name;
    bool is_there = false;
    std::vector<std::string> keys;   // value_key
};
using Values = std::vector<AttributeValues>;   // by name

/// An attribute's paths, parsed once.
struct Binding {
    std::string name;
    Type type = Type::String;
    Path path;
};
std::vector<Binding> bind(const Support& support);
/// Each attribute once, whatever the number of filters.
Values extract(const xml::Element& payload, const std::vector<Binding>& bindings);

/// A filter with its values as bytes that compare; canonical or not.
class Compiled {
public:
    Compiled(const Expression& expression, const Support& support);
    bool matches(const Values& values) const;

    /// Some of which a payload must have to match: `attribute\0key` each. Empty: nothing is known.
    const std::vector<std::string>& access() const { return access_; }

private:
    struct Node {
        Op op = Op::True;
        std::string attribute;
        std::vector<std::string> keys;   // sorted
        Network network;
        std::vector<Node> operands;
    };
    static Node compile(const Expression& expression, const Support& support);
    static bool test(const Node& node, const Values& values);
    static bool test_leaf(const Node& node, const AttributeValues& values);
    static std::vector<std::string> access_of(const Node& node);

    Node root_;
    std::vector<std::string> access_;
};

/// `attribute\0key`.
std::string access_key(std::string_view attribute, std::string_view key);

/// All filters of one topic. Those with an equality test that must hold are found by the payload's
/// values; only the others are tried one by one.
class Index {
public:
    void add(std::uint64_t subtopic, Compiled filter);
    void remove(std::uint64_t subtopic);
    /// In ascending order.
    std::vector<std::uint64_t> match(const Values& values) const;
    std::size_t size() const { return filters_.size(); }

private:
    std::unordered_map<std::uint64_t, Compiled> filters_;
    std::unordered_map<std::string, std::vector<std::uint64_t>> by_value_;
    std::vector<std::uint64_t> others_;   // tried one by one
};

}   // namespace grid::controller::filters
