// controller/policy/line_parser.cpp: effect, who, operations, topics of a rule.
#include "controller/policy/line_parser.hpp"

#include <algorithm>
#include <array>

#include "controller/accounts/account.hpp"
#include "controller/policy/line_list.hpp"
#include "xml/domain.hpp"
#include "xml/precis.hpp"

namespace grid::controller::policy {

namespace {

constexpr std::array<std::string_view, 13> words{
    "allow", "deny", "any", "group", "client", "to", "on",
    // Conditions.
    "type", "service", "device", "issuer", "network", "time"
};

constexpr auto message_bit = static_cast<std::size_t>(Operation::Message);

}   // namespace

bool is_word_of_the_language(std::string_view word) {
    return std::ranges::find(words, word) != words.end() || parse_operation(word).has_value();
}

std::optional<Rule> LineParser::parse() {
    if (!effect() || !who() || !operations()) return std::nullopt;
    if (!(is_message() ? recipients() : topics()) || !conditions() || !end()) return std::nullopt;
    // A recipient has neither a topic's name nor its type.
    const Conditions& given = rule_.conditions;
    const bool names_topics =
        !rule_.topics.empty() || !given.types.empty() || !given.services.empty();
    if (!is_message() && names_topics) rule_.operations.reset(message_bit);
    return std::move(rule_);
}

bool LineParser::fail(std::string_view expected) {
    const Token* token = peek();
    column_ = token != nullptr ? token->column : std::max(1U, line_.end_column);
    error_ = "expected " + std::string(expected) + ", found " +
             (token != nullptr ? "'" + token->text + "'" : std::string("the end of the line"));
    return false;
}

bool LineParser::skip_comma() {
    const Token* token = peek();
    if (token == nullptr || token->kind != Token::Kind::Comma) return false;
    ++at_;
    return true;
}

bool LineParser::effect() {
    rule_.allows = is_keyword("allow");
    if (!skip_keyword("allow") && !skip_keyword("deny")) return fail("allow or deny");
    rule_.text = rule_.allows ? "allow" : "deny";
    return true;
}

bool LineParser::who() {
    if (skip_keyword("any")) {
        rule_.text += " any";
        return true;
    }
    if (skip_keyword("group")) {
        rule_.who = Rule::Who::Groups;
        rule_.text += " group ";
        return groups(rule_.names);
    }
    if (!skip_keyword("client")) return fail("group, client or any");
    rule_.who = Rule::Who::Clients;
    rule_.text += " client ";
    if (!patterns(rule_.names, "a pattern of client names")) return false;
    complete_clients(rule_.names);
    return true;
}

void LineParser::complete_clients(std::vector<std::string>& names) const {
    for (std::string& name : names) {
        // JIDs are stored case-folded and normalized (RFC 7622 §3.3): a pattern that is not would
        // fit no account, and a denial would be without effect.
        const std::size_t at = std::min(name.find('@'), name.size());
        if (auto local = xml::username_case_mapped(name.substr(0, at))) name.replace(0, at, *local);
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const std::size_t sign = name.find('@');
        if (sign == std::string::npos)
            name += "@" + domain_;
        else if (const auto domain = xml::prepare_domain(name.substr(sign + 1), true))
            name.replace(sign + 1, std::string::npos, *domain);   // A-labels; no wildcard in it
    }
}

bool LineParser::operations() {
    skip_keyword("to");
    rule_.text += " ";
    if (skip_keyword("any")) {
        rule_.operations.set();
        rule_.text += "any";
        return true;
    }
    std::vector<std::string> names;
    const auto known = [](const Token& token) { return parse_operation(token.text).has_value(); };
    if (!list(names, "an operation (" + operations_text() + "), or any", known)) return false;
    for (const std::string& name : names)
        rule_.operations.set(static_cast<std::size_t>(*parse_operation(name)));
    if (!rule_.operations.test(message_bit) || is_message()) return true;
    return fail("message in a rule of its own: it is about clients, the others are about topics");
}

bool LineParser::recipients() {
    skip_keyword("on");
    rule_.text += " ";
    if (skip_keyword("any")) {
        rule_.text += "any";
        return true;
    }
    if (skip_keyword("group")) {
        rule_.text += "group ";
        return groups(rule_.recipient_groups);
    }
    if (!skip_keyword("client")) return fail("to whom: group, client or any");
    rule_.text += "client ";
    if (!patterns(rule_.topics, "a pattern of client names")) return false;
    complete_clients(rule_.topics);
    return true;
}

bool LineParser::topics() {
    // Stored: a topic may be called "on": then no topic follows it.
    if (is_keyword("on") && (is_strict_ || is_word(1))) ++at_;
    rule_.text += " ";
    // "type X" and "service X" say what it is about by themselves; a topic may be called so, too.
    const bool is_described = (is_keyword("type") || is_keyword("service")) && is_word(1);
    if (is_described || skip_keyword("any")) {
        rule_.text += "any";
        return true;
    }
    return patterns(rule_.topics, "a pattern of topics, or any");
}

bool LineParser::end() {
    if (peek() == nullptr) return true;
    return fail("a comma, a condition or the end of the line");
}

bool LineParser::patterns(std::vector<std::string>& out, std::string_view expected) {
    return names(out, expected, [](const Token& token) { return !token.text.empty(); });
}

bool LineParser::groups(std::vector<std::string>& out) {
    return names(out, "the name of a group", [](const Token& token) {
        return is_group_reference(token.text);
    });
}

}   // namespace grid::controller::policy
