// tests/unit/controller/filters/filter_cases.cpp: see filter_cases.hpp.
#include "filter_cases.hpp"

#include <algorithm>
#include <array>

namespace grid::test {

namespace f = controller::filters;
using f::Expression;
using f::Op;
using f::Type;

f::Support offered() {
    const xml::Element list(
        "request", xml::Ns("x"), {},
        xml::Element(
            "filterSupport", {}, xml::Element("attribute", {{"name", "site"}, {"type", "string"}}),
            xml::Element("attribute", {{"name", "domain"}, {"type", "string"}}),
            xml::Element("attribute", {{"name", "level"}, {"type", "number"}}),
            xml::Element("attribute", {{"name", "since"}, {"type", "date"}}),
            xml::Element("attribute", {{"name", "from"}, {"type", "address"}}),
            xml::Element("attribute", {{"name", "urgent"}, {"type", "boolean"}})
        )
    );
    return *f::declare({}, list, 1000, {"ann@grid.example", {}});
}

namespace {

using Texts = std::array<const char*, 4>;
/// Of each type, some in several spellings.
const Texts& texts_of(Type type) {
    static const Texts strings{"SJC", "S", "Z\xc3\xbcrich", "Zu\xcc\x88rich"};
    static const Texts numbers{"5", "05.0", "-3", "12.25"};
    static const Texts dates{
        "2026-11-22", "2026-11-22T01:00:00+01:00", "2026-11-22T12:00:00Z", "1969-01-01"
    };
    static const Texts addresses{"10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "10.9.9.9"};
    static const Texts booleans{"true", "1", "false", "0"};
    switch (type) {
        case Type::Number:
            return numbers;
        case Type::Date:
            return dates;
        case Type::Address:
            return addresses;
        case Type::Boolean:
            return booleans;
        default:
            return strings;
    }
}

}   // namespace

Expression FilterCases::leaf() {
    const f::Support support = offered();
    const auto& attribute =
        support.attributes[below(static_cast<unsigned>(support.attributes.size()))];
    constexpr std::array every{Op::Exists, Op::In, Op::In, Op::Ne,     Op::Lt,
                               Op::Le,     Op::Gt, Op::Ge, Op::Prefix, Op::Cidr};
    Op op = Op::True;
    while (!attribute.offers(op)) op = every.at(below(every.size()));
    Expression leaf{op, attribute.name, {}, {}};
    if (op == Op::Cidr) {
        constexpr std::array blocks{"10.0.0.0/8", "10.0.0.0/30", "2001:db8::/32", "::/0"};
        leaf.values = {blocks.at(below(blocks.size()))};
    } else if (op != Op::Exists) {
        const unsigned count = op == Op::In ? 1 + below(3) : 1;
        for (unsigned i = 0; i < count; ++i)
            leaf.values.emplace_back(texts_of(attribute.type).at(below(4)));
    }
    return leaf;
}

Expression FilterCases::filter(unsigned depth) {
    if (depth == 0 || below(3) == 0) return leaf();
    Expression group{below(2) == 0 ? Op::And : Op::Or, {}, {}, {}};
    if (below(4) == 0) group.op = Op::Not;
    const unsigned count = group.op == Op::Not ? 1 : 1 + below(3);
    for (unsigned i = 0; i < count; ++i) group.operands.push_back(filter(depth - 1));
    return group;
}

Expression FilterCases::reworded(const Expression& filter) {
    Expression out = filter;
    std::shuffle(out.values.begin(), out.values.end(), random_);
    if (out.op == Op::In)
        out.values.push_back(out.values[below(static_cast<unsigned>(out.values.size()))]);
    for (Expression& operand : out.operands) operand = reworded(operand);
    if (out.op == Op::And || out.op == Op::Or) {
        std::shuffle(out.operands.begin(), out.operands.end(), random_);
        out.operands.push_back(out.operands[below(static_cast<unsigned>(out.operands.size()))]);
        if (below(2) == 0) {   // a group within the group
            Expression inner{out.op, {}, {}, {out.operands.back(), out.operands.front()}};
            out.operands.push_back(std::move(inner));
        }
    }
    if (below(4) == 0) {   // not not
        const Expression once{Op::Not, {}, {}, {out}};
        return {Op::Not, {}, {}, {once}};
    }
    return out;
}

f::Values FilterCases::payload() {
    f::Values values;
    for (const f::Attribute& attribute : offered().attributes) {
        f::AttributeValues one{attribute.name, below(4) != 0, {}};
        const unsigned count = one.is_there ? below(3) : 0;
        for (unsigned i = 0; i < count; ++i)
            one.keys.push_back(f::value_key(
                attribute.type,
                f::canonical_value(attribute.type, texts_of(attribute.type).at(below(4))).value()
            ));
        values.push_back(std::move(one));
    }
    return values;
}

}   // namespace grid::test
