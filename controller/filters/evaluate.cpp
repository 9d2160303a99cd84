// controller/filters/evaluate.cpp: see evaluate.hpp.
#include "controller/filters/evaluate.hpp"

#include <algorithm>

namespace grid::controller::filters {

namespace {

const AttributeValues* find(const Values& values, std::string_view name) {
    const auto at = std::ranges::lower_bound(values, name, {}, &AttributeValues::name);
    return at != values.end() && at->name == name ? &*at : nullptr;
}

}   // namespace

std::string access_key(std::string_view attribute, std::string_view key) {
    std::string out;
    out.reserve(attribute.size() + 1 + key.size());
    return out.append(attribute).append(1, '\0').append(key);
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
    : root_(compile(expression, support)), access_(access_of(root_)) {
    std::ranges::sort(access_);
    access_.erase(std::ranges::unique(access_).begin(), access_.end());
}

Compiled::Node Compiled::compile(const Expression& expression, const Support& support) {
    Node node{expression.op, expression.attribute, {}, {}, {}};
    for (const Expression& operand : expression.operands)
        node.operands.push_back(compile(operand, support));
    const Attribute* attribute = support.find(expression.attribute);
    // Of an attribute that nobody binds there are never values: such a test is never true.
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

std::vector<std::string> Compiled::access_of(const Node& node) {
    std::vector<std::string> keys;
    if (node.op == Op::In) {
        for (const std::string& key : node.keys) keys.push_back(access_key(node.attribute, key));
    } else if (node.op == Op::And) {
        // Any of them must hold: the one with the fewest values says most.
        for (const Node& operand : node.operands) {
            auto of_operand = access_of(operand);
            if (of_operand.empty()) continue;
            if (keys.empty() || of_operand.size() < keys.size()) keys = std::move(of_operand);
        }
    } else if (node.op == Op::Or) {
        for (const Node& operand : node.operands) {
            const auto of_operand = access_of(operand);
            if (of_operand.empty()) return {};
            keys.insert(keys.end(), of_operand.begin(), of_operand.end());
        }
    }
    return keys;
}

void Index::add(std::uint64_t subtopic, Compiled filter) {
    remove(subtopic);
    for (const std::string& key : filter.access()) by_value_[key].push_back(subtopic);
    if (filter.access().empty()) others_.push_back(subtopic);
    filters_.emplace(subtopic, std::move(filter));
}

void Index::remove(std::uint64_t subtopic) {
    const auto found = filters_.find(subtopic);
    if (found == filters_.end()) return;
    for (const std::string& key : found->second.access()) {
        const auto at = by_value_.find(key);
        std::erase(at->second, subtopic);
        if (at->second.empty()) by_value_.erase(at);
    }
    std::erase(others_, subtopic);
    filters_.erase(found);
}

std::vector<std::uint64_t> Index::match(const Values& values) const {
    std::vector<std::uint64_t> candidates = others_;
    for (const AttributeValues& attribute : values)
        for (const std::string& key : attribute.keys)
            if (const auto at = by_value_.find(access_key(attribute.name, key));
                at != by_value_.end())
                candidates.insert(candidates.end(), at->second.begin(), at->second.end());
    std::ranges::sort(candidates);
    candidates.erase(std::ranges::unique(candidates).begin(), candidates.end());
    std::erase_if(candidates, [&](std::uint64_t subtopic) {
        return !filters_.at(subtopic).matches(values);
    });
    return candidates;
}

}   // namespace grid::controller::filters
