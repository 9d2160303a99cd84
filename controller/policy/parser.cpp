// controller/policy/parser.cpp: rules from words; every error names the place and the expected
// words.
#include "controller/policy/parser.hpp"

#include <algorithm>
#include <array>

#include "controller/policy/lexer.hpp"
#include "controller/policy/line_parser.hpp"

namespace grid::controller::policy {

namespace {

/// The words of the language: BulkTo is `bulk` in a rule about clients.
constexpr std::array<std::string_view, operation_count - 1> operation_names{
    "discover", "create", "publish", "subscribe", "retrieve", "manage", "query", "bulk", "message"
};

/// The purpose for which a text is read.
struct Reading {
    std::string_view domain;
    Spelling spelling = Spelling::Strict;
};

void parse_line(
    std::string_view text, std::uint32_t number, const Reading& reading, Parsed& parsed
) {
    const Line line = cut_line(text);
    if (!line.error.empty()) {
        parsed.errors.push_back({number, line.error_column, line.error});
        return;
    }
    if (line.tokens.empty()) return;
    LineParser parser(line, reading.domain, reading.spelling);
    if (auto rule = parser.parse()) {
        rule->line = number;
        parsed.rules.push_back(std::move(*rule));
        return;
    }
    parsed.errors.push_back({number, parser.error_column(), parser.error()});
}

std::size_t combinations(const Rule& rule) {
    return std::max<std::size_t>(rule.names.size(), 1) * rule.operations.count() *
           std::max<std::size_t>(rule.topics.size() + rule.recipient_groups.size(), 1);
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

std::string_view to_string(Right operation) {
    const Right named = operation == Right::BulkTo ? Right::Bulk : operation;
    return operation_names.at(static_cast<std::size_t>(named));
}

std::string operations_text() {
    std::string text;
    for (std::size_t i = 0; i < operation_names.size(); ++i) {
        if (i != 0) text += i + 1 == operation_names.size() ? " or " : ", ";
        text += operation_names.at(i);
    }
    return text;
}

std::optional<Right> parse_operation(std::string_view name) {
    const auto found = std::ranges::find(operation_names, name);
    if (found == operation_names.end()) return std::nullopt;
    return static_cast<Right>(found - operation_names.begin());
}

Right from(pubsub::Right operation) {
    static_assert(static_cast<int>(pubsub::Right::Manage) == static_cast<int>(Right::Manage));
    return static_cast<Right>(operation);
}

std::string ParseError::to_text() const {
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + text;
}

Parsed parse(std::string_view text, std::string_view domain, Spelling spelling) {
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
            parse_line(line, number, {domain, spelling}, parsed);
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
