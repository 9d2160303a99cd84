// controller/filters/parse_text.cpp: the text form, `location = 'SJC' and domain in ('corp')`.
#include <optional>

#include "controller/filters/expression.hpp"

namespace grid::controller::filters {

namespace {

struct Token {
    enum class Kind { End, Word, Symbol, Value, Bad } kind = Kind::End;
    std::string text;
    std::size_t at = 0;
};

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}
    Token next();

private:
    Token quoted(char quote);
    Token run(Token::Kind kind);

    std::string_view text_;
    std::size_t at_ = 0;
};

bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == ':';
}

Token Lexer::next() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    if (at_ == text_.size()) return {Token::Kind::End, "the end", at_};
    const char c = text_[at_];
    if (c == '\'' || c == '"') return quoted(c);
    if ((c >= '0' && c <= '9') || c == '-' || c == '+') return run(Token::Kind::Value);
    if (is_word_char(c)) return run(Token::Kind::Word);
    constexpr std::string_view single = "(),=<>!";
    if (single.find(c) == std::string_view::npos) return {Token::Kind::Bad, std::string(1, c), at_};
    std::size_t length = 1;
    const bool is_pair = (c == '<' || c == '>' || c == '!' || c == '=') && at_ + 1 < text_.size() &&
                         text_[at_ + 1] == '=';
    if (is_pair) length = 2;
    Token token{Token::Kind::Symbol, std::string(text_.substr(at_, length)), at_};
    at_ += length;
    return token;
}

/// A quote inside is written twice.
Token Lexer::quoted(char quote) {
    Token token{Token::Kind::Value, {}, at_};
    for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] != quote) {
            token.text.push_back(text_[at_]);
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
            token.text.push_back(quote);
            ++at_;
        } else {
            ++at_;
            return token;
        }
    }
    return {Token::Kind::Bad, "a quote without its end", token.at};
}

Token Lexer::run(Token::Kind kind) {
    const std::size_t from = at_++;
    while (at_ < text_.size() && is_word_char(text_[at_])) ++at_;
    return {kind, std::string(text_.substr(from, at_ - from)), from};
}

class Parser {
public:
    explicit Parser(std::string_view text) : lexer_(text) { advance(); }
    Outcome<Expression> parse();

private:
    using Parsed = std::optional<Expression>;   // nullopt: error_ has the reason
    Parsed chain(Op op, std::string_view word, std::size_t depth);
    Parsed negation(std::size_t depth);
    Parsed test();
    bool list(std::vector<std::string>& values);
    bool value(std::vector<std::string>& values);
    Parsed fail(std::string_view expected);
    bool is(Token::Kind kind, std::string_view text) const {
        return token_.kind == kind && token_.text == text;
    }
    bool take(std::string_view symbol);
    void advance() { token_ = lexer_.next(); }

    Lexer lexer_;
    Token token_;
    std::string error_;
};

Outcome<Expression> Parser::parse() {
    Parsed parsed = chain(Op::Or, "or", 1);
    if (parsed && token_.kind != Token::Kind::End) parsed = fail("'and', 'or' or the end");
    if (!parsed) return invalid_filter(error_);
    return std::move(*parsed);
}

Parser::Parsed Parser::fail(std::string_view expected) {
    if (error_.empty())
        error_ = "at character " + std::to_string(token_.at + 1) + ": expected " +
                 std::string(expected) + ", not " + token_.text;
    return std::nullopt;
}

bool Parser::take(std::string_view symbol) {
    if (!is(Token::Kind::Symbol, symbol)) return false;
    advance();
    return true;
}

/// `or` of `and`s, `and` of `not`s.
Parser::Parsed Parser::chain(Op op, std::string_view word, std::size_t depth) {
    Expression whole{op, {}, {}, {}};
    while (true) {
        Parsed operand = op == Op::Or ? chain(Op::And, "and", depth) : negation(depth);
        if (!operand) return std::nullopt;
        whole.operands.push_back(std::move(*operand));
        if (!is(Token::Kind::Word, word)) break;
        advance();
    }
    if (whole.operands.size() > 1) return whole;
    Expression only = std::move(whole.operands.front());
    return only;
}

Parser::Parsed Parser::negation(std::size_t depth) {
    if (depth > depth_max) return fail("at most " + std::to_string(depth_max) + " levels");
    if (is(Token::Kind::Word, "not")) {
        advance();
        Parsed operand = negation(depth + 1);
        if (!operand) return std::nullopt;
        Expression whole{Op::Not, {}, {}, {}};
        whole.operands.push_back(std::move(*operand));
        return whole;
    }
    if (!take("(")) return test();
    Parsed inner = chain(Op::Or, "or", depth + 1);
    if (inner && !take(")")) return fail("')'");
    return inner;
}

Parser::Parsed Parser::test() {
    if (token_.kind != Token::Kind::Word || !is_attribute_name(token_.text))
        return fail("the name of an attribute");
    Expression leaf{Op::True, token_.text, {}, {}};
    advance();
    const bool is_word = token_.kind == Token::Kind::Word || token_.kind == Token::Kind::Symbol;
    if (is_word) leaf.op = leaf_operator(token_.text);
    if (leaf.op == Op::True) return fail("an operator (= != < <= > >= in prefix cidr exists)");
    const bool is_list = token_.text == "in";
    advance();
    if (leaf.op == Op::Exists) return leaf;
    if (!(is_list ? list(leaf.values) : value(leaf.values))) return std::nullopt;
    return leaf;
}

bool Parser::list(std::vector<std::string>& values) {
    if (!take("(")) return fail("'('").has_value();
    do {
        if (!value(values)) return false;
    } while (take(","));
    return take(")") || fail("',' or ')'").has_value();
}

bool Parser::value(std::vector<std::string>& values) {
    if (token_.kind != Token::Kind::Value) return fail("a value in quotes").has_value();
    values.push_back(token_.text);
    advance();
    return true;
}

}   // namespace

Outcome<Expression> parse_text(std::string_view text) {
    if (text.size() > filter_bytes_max)
        return invalid_filter(
            "a filter has at most " + std::to_string(filter_bytes_max) + " characters"
        );
    auto parsed = Parser(text).parse();
    if (!parsed) return parsed;
    if (std::string excess = find_excess(*parsed); !excess.empty()) return invalid_filter(excess);
    return parsed;
}

}   // namespace grid::controller::filters
