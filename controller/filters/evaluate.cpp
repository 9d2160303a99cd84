// controller/filters/evaluate.cpp: see evaluate.hpp.
#include "controller/filters/evaluate.hpp"

#include <algorithm>

namespace grid::controller::filters {

namespace {

/// The longest stem that is looked up: each length in use costs a look-up for each value.
constexpr std::size_t stem_bytes_max = 32;

const AttributeValues* find(const Values& values, std::string_view name) {
    const auto at = std::ranges::lower_bound(values, name, {}, &AttributeValues::name);
    return at != values.end() && at->name == name ? &*at : nullptr;
}

}   // namespace

std::string stem_of(std::string_view key, unsigned bits) {
    std::string stem(key.substr(0, (bits + 7) / 8));
    if (bits % 8 != 0 && !stem.empty()) {
        const auto mask = static_cast<unsigned char>(0xffU << (8 - bits % 8));
        stem.back() = static_cast<char>(static_cast<unsigned char>(stem.back()) & mask);
    }
    return stem;
}

std::vector<Binding> bind(const Support& support) {
    std::vector<Binding> bindings;
    for (const Attribute& attribute : support.attributes)
        if (auto path = parse_path(attribute.path))
            bindings.push_back({attribute.name, attribute.type, std::move(*path)});
    return bindings;
}

Values extract(const xml::Element& payload, const std::vector<Binding>& bindings) {
    Values values;
    values.reserve(bindings.size());
    for (const Binding& binding : bindings) {
        const Found found = find_in(payload, binding.path);
        AttributeValues one{binding.name, !found.texts.empty(), {}};
        for (const std::string& text : found.texts)
            if (const auto canonical = canonical_value(binding.type, text))
                one.keys.push_back(value_key(binding.type, *canonical));
        values.push_back(std::move(one));
    }
    return values;
}

Compiled::Compiled(const Expression& expression, const Support& support)
    : root_(compile(expression, support)), access_(access_of(root_)) {}

Compiled::Node Compiled::compile(const Expression& expression, const Support& support) {
    Node node{expression.op, expression.attribute, {}, {}, {}};
    for (const Expression& operand : expression.operands)
        node.operands.push_back(compile(operand, support));
    const Attribute* attribute = support.find(expression.attribute);
    // An attribute that no provider declares never has values: such a test is never true.
    if (!expression.is_leaf() || attribute == nullptr) return node;
    for (const std::string& value : expression.values) {
        if (expression.op == Op::Cidr) {
            node.network = parse_network(value).value_or(Network{});
        } else if (const auto canonical = canonical_value(attribute->type, value)) {
            node.keys.push_back(value_key(attribute->type, *canonical));
        }
    }
    std::ranges::sort(node.keys);
    return node;
}

bool Compiled::matches(const Values& values) const { return test(root_, values); }

bool Compiled::test(const Node& node, const Values& values) {
    const auto holds = [&](const Node& operand) { return test(operand, values); };
    switch (node.op) {
        case Op::True:
            return true;
        case Op::False:
            return false;
        case Op::Not:
            return !holds(node.operands.front());
        case Op::And:
            return std::ranges::all_of(node.operands, holds);
        case Op::Or:
            return std::ranges::any_of(node.operands, holds);
        default:
            const AttributeValues* found = find(values, node.attribute);
            return found != nullptr && found->is_there && test_leaf(node, *found);
    }
}

bool Compiled::test_leaf(const Node& node, const AttributeValues& values) {
    if (node.op == Op::Exists) return true;
    if (node.op == Op::Cidr)
        return std::ranges::any_of(values.keys, [&](const std::string& key) {
            return node.network.contains(key);
        });
    if (node.keys.empty()) return false;
    const std::string& wanted = node.keys.front();
    const auto is_one = [&](const std::string& key) {
        return std::ranges::binary_search(node.keys, key);
    };
    const auto any = [&](auto holds) { return std::ranges::any_of(values.keys, holds); };
    switch (node.op) {
        case Op::In:
            return any(is_one);
        case Op::Ne:
            return !any(is_one);
        case Op::Lt:
            return any([&](const std::string& key) { return key < wanted; });
        case Op::Le:
            return any([&](const std::string& key) { return key <= wanted; });
        case Op::Gt:
            return any([&](const std::string& key) { return key > wanted; });
        case Op::Ge:
            return any([&](const std::string& key) { return key >= wanted; });
        default:
            return any([&](const std::string& key) { return key.starts_with(wanted); });
    }
}

std::vector<Access> Compiled::access_of_leaf(const Node& node) {
    using Kind = Access::Kind;
    std::vector<Access> found;
    if (node.op == Op::Cidr) {
        const unsigned bits = node.network.bits;
        found.push_back({Kind::Stem, node.attribute, stem_of(node.network.address, bits), bits});
    } else if (node.op == Op::In) {
        for (const std::string& key : node.keys)
            found.push_back({Kind::Equal, node.attribute, key, 0});
    } else if (!node.keys.empty()) {
        const std::string& key = node.keys.front();
        const auto add = [&](Kind kind) { found.push_back({kind, node.attribute, key, 0}); };
        if (node.op == Op::Prefix) {
            const auto bits = static_cast<unsigned>(8 * std::min(key.size(), stem_bytes_max));
            found.push_back({Kind::Stem, node.attribute, stem_of(key, bits), bits});
        }
        if (node.op == Op::Ge) add(Kind::AtLeast);
        if (node.op == Op::Gt) add(Kind::Above);
        if (node.op == Op::Le) add(Kind::AtMost);
        if (node.op == Op::Lt) add(Kind::Below);
    }
    return found;
}

std::vector<Access> Compiled::access_of(const Node& node) {
    // How many payloads pass, roughly: of values there are many, of comparisons half are true.
    const auto weight = [](const std::vector<Access>& tests) {
        std::size_t sum = 0;
        for (const Access& one : tests)
            sum += one.kind == Access::Kind::Equal ? 1 : one.kind == Access::Kind::Stem ? 4 : 1000;
        return sum;
    };
    std::vector<Access> found;
    if (node.op == Op::And) {
        // Any of them must hold: the one that says most.
        for (const Node& operand : node.operands) {
            auto of_operand = access_of(operand);
            if (of_operand.empty()) continue;
            if (found.empty() || weight(of_operand) < weight(found)) found = std::move(of_operand);
        }
    } else if (node.op == Op::Or) {
        for (const Node& operand : node.operands) {
            const auto of_operand = access_of(operand);
            if (of_operand.empty()) return {};
            found.insert(found.end(), of_operand.begin(), of_operand.end());
        }
    } else if (node.operands.empty()) {
        found = access_of_leaf(node);
    }
    return found;
}

}   // namespace grid::controller::filters
