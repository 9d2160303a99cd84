// controller/filters/evaluate.hpp: does a payload match? One filter, by walking its tree;
// index.hpp is for many.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/filters/expression.hpp"
#include "controller/filters/path.hpp"
#include "controller/filters/support.hpp"

namespace grid::controller::filters {

/// The values that a payload has of one attribute. Values that are not of its type are no values.
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

/// A test of one value of an attribute, that an index finds by the value.
struct Access {
    enum class Kind : std::uint8_t {
        Equal,
        Stem,   // begins with these bits
        AtLeast,
        Above,
        AtMost,
        Below
    };
    Kind kind = Kind::Equal;
    std::string attribute, key;
    unsigned bits = 0;   // of a stem
};
/// The first bits of a key, as the key of Kind::Stem has them.
std::string stem_of(std::string_view key, unsigned bits);

/// A filter with its values as bytes that compare; canonical or not.
class Compiled {
public:
    Compiled(const Expression& expression, const Support& support);
    bool matches(const Values& values) const;

    /// Tests of which some value of a payload must pass one to match. Empty: nothing is known.
    const std::vector<Access>& access() const { return access_; }

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
    static std::vector<Access> access_of(const Node& node);
    static std::vector<Access> access_of_leaf(const Node& node);

    Node root_;
    std::vector<Access> access_;
};

}   // namespace grid::controller::filters
