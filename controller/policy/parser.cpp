// controller/policy/parser.cpp: rules from words; every error says where and what was expected.
#include "controller/policy/parser.hpp"

#include <algorithm>
#include <array>

#include "controller/accounts/account.hpp"
#include "controller/policy/lexer.hpp"

namespace grid::controller::policy {

namespace {

constexpr std::array<std::string_view, operation_count> operation_names{
    "discover", "create", "publish", "subscribe", "retrieve", "manage", "query", "bulk"
};
constexpr std::string_view operations_expected =
    "one of discover, create, publish, subscribe, retrieve, query, bulk, manage, or any";

/// One line; stops at its first error.
class LineParser {
public:
    LineParser(const Line& line, std::string_view domain) : line_(line), domain_(domain) {}

    std::optional<Rule> parse() {
        if (effect() && who() && operations() && topics() && end()) return std::move(rule_);
        return std::nullopt;
    }
    ParseError error() const { return {0, column_, error_}; }

private:
    const Token* peek(std::size_t ahead = 0) const {
        return at_ + ahead < line_.tokens.size() ? &line_.tokens[at_ + ahead] : nullptr;
    }
    bool is_keyword(std::string_view word) const {
        const Token* token = peek();
        return token != nullptr && token->kind == Token::Kind::Word && !token->is_quoted &&
               token->text == word;
    }
    bool skip_keyword(std::string_view word) {
        if (!is_keyword(word)) return false;
        ++at_;
        return true;
    }
    bool fail(std::string_view expected) {
        const Token* token = peek();
        column_ = token != nullptr ? token->column : std::max(1U, line_.end_column);
        error_ = "expected " + std::string(expected) + ", found " +
                 (token != nullptr ? "'" + token->text + "'" : std::string("the end of the line"));
        return false;
    }

    bool effect() {
        rule_.allows = is_keyword("allow");
        if (!skip_keyword("allow") && !skip_keyword("deny")) return fail("allow or deny");
        rule_.text = rule_.allows ? "allow" : "deny";
        return true;
    }

    bool who() {
        if (skip_keyword("any")) {
            rule_.text += " any";
            return true;
        }
        if (skip_keyword("group")) {
            rule_.who = Rule::Who::Groups;
            rule_.text += " group ";
            return list(rule_.names, "the name of a group", [](const Token& token) {
                return is_group_name(token.text);
            });
        }
        if (!skip_keyword("client")) return fail("group, client or any");
        rule_.who = Rule::Who::Clients;
        rule_.text += " client ";
        const auto not_empty = [](const Token& token) { return !token.text.empty(); };
        if (!list(rule_.names, "a pattern of client names", not_empty)) return false;
        for (std::string& name : rule_.names) {
            // JIDs are stored case-folded (RFC 7622 §3.3).
            for (char& c : name)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            // Never another domain's account of the same name.
            if (name.find('@') == std::string::npos) name += "@" + domain_;
        }
        return true;
    }

    bool operations() {
        skip_keyword("to");
        rule_.text += " ";
        if (skip_keyword("any")) {
            rule_.operations.set();
            rule_.text += "any";
            return true;
        }
        std::vector<std::string> names;
        const auto known = [](const Token& token) {
            return parse_operation(token.text).has_value();
        };
        if (!list(names, operations_expected, known)) return false;
        for (const std::string& name : names)
            rule_.operations.set(static_cast<std::size_t>(*parse_operation(name)));
        return true;
    }

    bool topics() {
        // A topic may be called "on": then nothing follows it.
        if (is_keyword("on") && peek(1) != nullptr && peek(1)->kind == Token::Kind::Word) ++at_;
        rule_.text += " ";
        if (skip_keyword("any")) {
            rule_.text += "any";
            return true;
        }
        return list(rule_.topics, "a pattern of topics, or any", [](const Token& token) {
            return !token.text.empty();
        });
    }

    bool end() {
        if (peek() == nullptr) return true;
        return fail("a comma or the end of the line");
    }

    template <class Accepts>
    bool list(std::vector<std::string>& out, std::string_view expected, Accepts accepts) {
        do {
            const Token* token = peek();
            if (token == nullptr || token->kind != Token::Kind::Word || !accepts(*token))
                return fail(expected);
            if (!out.empty()) rule_.text += ",";
            rule_.text += token->is_quoted ? "\"" + token->text + "\"" : token->text;
            out.push_back(token->text);
            ++at_;
        } while (skip_comma());
        return true;
    }
    bool skip_comma() {
        const Token* token = peek();
        if (token == nullptr || token->kind != Token::Kind::Comma) return false;
        ++at_;
        return true;
    }

    const Line& line_;
    std::string domain_;
    std::size_t at_ = 0;
    Rule rule_;
    std::uint32_t column_ = 1;
    std::string error_;
};

void parse_line(
    std::string_view text, std::uint32_t number, std::string_view domain, Parsed& parsed
) {
    const Line line = cut_line(text);
    if (!line.error.empty()) {
        parsed.errors.push_back({number, line.error_column, line.error});
        return;
    }
    if (line.tokens.empty()) return;
    LineParser parser(line, domain);
    if (auto rule = parser.parse()) {
        rule->line = number;
        parsed.rules.push_back(std::move(*rule));
        return;
    }
    ParseError error = parser.error();
    error.line = number;
    parsed.errors.push_back(std::move(error));
}

std::size_t combinations(const Rule& rule) {
    return std::max<std::size_t>(rule.names.size(), 1) * rule.operations.count() *
           std::max<std::size_t>(rule.topics.size(), 1);
}

/// A reason to stop reading; empty while all is within bounds.
std::string exceeded(const Rules& rules, std::size_t combined) {
    if (rules.size() > rules_max) return "at most " + std::to_string(rules_max) + " rules";
    if (combined <= combinations_max) return {};
    return "at most " + std::to_string(combinations_max) +
           " combinations of name, operation and topic in all rules: use patterns";
}

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
    });
}

}   // namespace

std::string_view to_string(Operation operation) {
    return operation_names.at(static_cast<std::size_t>(operation));
}

std::optional<Operation> parse_operation(std::string_view name) {
    const auto found = std::ranges::find(operation_names, name);
    if (found == operation_names.end()) return std::nullopt;
    return static_cast<Operation>(found - operation_names.begin());
}

Operation from(pubsub::Operation operation) {
    static_assert(
        static_cast<int>(pubsub::Operation::Manage) == static_cast<int>(Operation::Manage)
    );
    return static_cast<Operation>(operation);
}

std::string ParseError::to_text() const {
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + text;
}

Parsed parse(std::string_view text, std::string_view domain) {
    Parsed parsed;
    if (text.size() > policy_bytes_max) {
        parsed.errors.push_back(
            {1, 1, "expected at most " + std::to_string(policy_bytes_max) + " bytes"}
        );
        return parsed;
    }
    std::uint32_t number = 0;
    std::size_t combined = 0;
    while (!text.empty() && parsed.errors.size() < errors_max) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (has_control_characters(line))
            parsed.errors.push_back({number, 1, "expected text without control characters"});
        else
            parse_line(line, number, domain, parsed);
        if (!parsed.rules.empty() && parsed.rules.back().line == number)
            combined += combinations(parsed.rules.back());
        if (const std::string bound = exceeded(parsed.rules, combined); !bound.empty()) {
            parsed.errors.push_back({number, 1, "expected " + bound});
            break;
        }
    }
    return parsed;
}

}   // namespace grid::controller::policy
