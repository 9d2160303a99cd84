// controller/filters/canonical.cpp: see canonical.hpp.
#include "controller/filters/canonical.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace grid::controller::filters {

namespace {

Expression constant(bool value) { return {value ? Op::True : Op::False, {}, {}, {}}; }

Expression negated(Expression leaf) {
    Expression out{Op::Not, {}, {}, {}};
    out.operands.push_back(std::move(leaf));
    return out;
}

/// Names, operators and values, as the topic offers them.
Outcome<Expression> check_leaf(const Expression& leaf, const Support& support) {
    const Attribute* attribute = support.find(leaf.attribute);
    if (attribute == nullptr)
        return invalid_filter(
            "this topic has no filter attribute " + leaf.attribute + "; " + offer_of(support)
        );
    if (!attribute->offers(leaf.op) && !(leaf.op == Op::In && leaf.values.size() == 1))
        return invalid_filter(
            leaf.attribute + " cannot be asked for by " + std::string(name_of(leaf.op)) + "; " +
            offer_of(support)
        );
    Expression out{leaf.op, leaf.attribute, {}, {}};
    for (const std::string& value : leaf.values) {
        if (leaf.op == Op::Cidr) {
            const auto network = parse_network(value);
            if (!network) return invalid_filter("'" + value + "' is no block of addresses");
            out.values.push_back(to_string(*network));
            continue;
        }
        auto text = canonical_value(attribute->type, value);
        if (!text)
            return invalid_filter(
                leaf.attribute + ": '" + value + "' is no " +
                std::string(to_string(attribute->type))
            );
        out.values.push_back(std::move(*text));
    }
    std::ranges::sort(out.values);
    out.values.erase(std::ranges::unique(out.values).begin(), out.values.end());
    // Every value begins with nothing.
    if (out.op == Op::Prefix && out.values.front().empty())
        out = {Op::Exists, leaf.attribute, {}, {}};
    return out;
}

class Group {
public:
    explicit Group(Op op) : op_(op) {}
    void add(Expression operand);
    Expression take();

private:
    void join_tests();
    void drop_implied();
    bool has_contradiction() const;
    bool contains(const Expression& operand) const {
        return std::ranges::find(operands_, operand) != operands_.end();
    }
    Expression neutral() const { return constant(op_ == Op::And); }
    Expression absorbing() const { return constant(op_ == Op::Or); }
    void sort();

    Op op_;
    std::vector<Expression> operands_;
};

void Group::add(Expression operand) {
    if (operand.op != op_) return operands_.push_back(std::move(operand));
    for (Expression& inner : operand.operands) operands_.push_back(std::move(inner));
}

void Group::sort() {
    std::vector<std::pair<std::string, Expression>> keyed;
    for (Expression& operand : operands_) {
        std::string text = to_text(operand);
        keyed.emplace_back(std::move(text), std::move(operand));
    }
    std::ranges::sort(keyed, {}, &std::pair<std::string, Expression>::first);
    operands_.clear();
    for (auto& [text, operand] : keyed)
        if (operands_.empty() || operands_.back() != operand)
            operands_.push_back(std::move(operand));
}

/// a = 'x' or a = 'y' → a in ('x','y'); not a = 'x' and not a = 'y' → not a in ('x','y').
void Group::join_tests() {
    const bool is_negated = op_ == Op::And;
    const auto test_of = [&](Expression& operand) -> Expression* {
        if (!is_negated) return operand.op == Op::In ? &operand : nullptr;
        if (operand.op != Op::Not || operand.operands.front().op != Op::In) return nullptr;
        return &operand.operands.front();
    };
    for (std::size_t i = 0; i < operands_.size(); ++i) {
        Expression* first = test_of(operands_[i]);
        if (first == nullptr) continue;
        for (std::size_t j = operands_.size() - 1; j > i; --j) {
            Expression* other = test_of(operands_[j]);
            if (other == nullptr || other->attribute != first->attribute) continue;
            first->values.insert(first->values.end(), other->values.begin(), other->values.end());
            operands_.erase(operands_.begin() + static_cast<std::ptrdiff_t>(j));
        }
        std::ranges::sort(first->values);
        first->values.erase(std::ranges::unique(first->values).begin(), first->values.end());
    }
}

/// x and (x or y) → x; x or (x and y) → x.
void Group::drop_implied() {
    const Op inner = op_ == Op::And ? Op::Or : Op::And;
    const auto present = operands_;
    const auto is_present = [&](const Expression& one) {
        return std::ranges::find(present, one) != present.end();
    };
    std::erase_if(operands_, [&](const Expression& operand) {
        return operand.op == inner && std::ranges::any_of(operand.operands, is_present);
    });
}

bool Group::has_contradiction() const {
    return std::ranges::any_of(operands_, [&](const Expression& operand) {
        return operand.op == Op::Not && contains(operand.operands.front());
    });
}

Expression Group::take() {
    if (contains(absorbing())) return absorbing();
    std::erase(operands_, neutral());
    join_tests();
    sort();
    drop_implied();
    if (has_contradiction()) return absorbing();
    if (operands_.empty()) return neutral();
    if (operands_.size() == 1) {
        Expression only = std::move(operands_.front());
        return only;
    }
    return {op_, {}, {}, std::move(operands_)};
}

Outcome<Expression> normal(const Expression& expression, bool is_negated, const Support& support) {
    if (expression.op == Op::Not) return normal(expression.operands.front(), !is_negated, support);
    if (expression.is_leaf()) {
        auto leaf = check_leaf(expression, support);
        if (!leaf || !is_negated) return leaf;
        return negated(std::move(*leaf));
    }
    const bool is_and = (expression.op == Op::And) != is_negated;   // De Morgan
    Group group(is_and ? Op::And : Op::Or);
    for (const Expression& operand : expression.operands) {
        auto inner = normal(operand, is_negated, support);
        if (!inner) return inner;
        group.add(std::move(*inner));
    }
    return group.take();
}

}   // namespace

Outcome<Expression> canonical(const Expression& expression, const Support& support) {
    if (!support.is_offered())
        return invalid_filter("this topic is not filtered: " + offer_of(support));
    auto whole = normal(expression, false, support);
    if (!whole) return whole;
    if (whole->op == Op::True)
        return invalid_filter("this filter matches everything: subscribe without one");
    if (whole->op == Op::False) return invalid_filter("nothing can match this filter");
    std::string excess = find_excess(*whole);
    if (excess.empty() && to_text(*whole).size() > filter_bytes_max)
        excess = "a filter has at most " + std::to_string(filter_bytes_max) + " characters";
    if (!excess.empty()) return invalid_filter(std::move(excess));
    return whole;
}

std::string subtopic_id(const std::string& canonical_text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(
        reinterpret_cast<const unsigned char*>(canonical_text.data()), canonical_text.size(),
        digest.data()
    );
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::size_t bytes = 8;
    std::string id;
    for (std::size_t at = 0; at < bytes; ++at) {
        id.push_back(digits[digest[at] >> 4]);
        id.push_back(digits[digest[at] & 0xf]);
    }
    return id;
}

}   // namespace grid::controller::filters
