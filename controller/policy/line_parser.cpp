// controller/policy/line_parser.cpp: effect, who, operations, topics of a rule.
#include "controller/policy/line_parser.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/accounts/account.hpp"
#include "xml/domain.hpp"
#include "xml/precis.hpp"

namespace grid::controller::policy {

namespace {

constexpr std::array<std::string_view, 13> words{
    "allow", "deny", "any", "group", "client", "to", "on",
    // Conditions.
    "type", "service", "device", "issuer", "network", "time"
};

constexpr auto message_bit = static_cast<std::size_t>(Right::Message);
constexpr auto bulk_bit = static_cast<std::size_t>(Right::Bulk);
constexpr auto bulk_to_bit = static_cast<std::size_t>(Right::BulkTo);

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> pattern_conditions{{
    {"device", "a pattern of device types"},
    {"issuer", "a pattern of issuers, or of the trust anchor's fingerprint"},
    {"type", "a pattern of topic types"},
    {"service", "a pattern of services"},
}};

}   // namespace

bool is_word_of_the_language(std::string_view word) {
    return std::ranges::find(words, word) != words.end() || parse_operation(word).has_value();
}

std::optional<Rule> LineParser::parse() {
    if (!effect() || !who() || !operations()) return std::nullopt;
    if (!(is_about_clients_ ? recipients() : topics()) || !conditions() || !end())
        return std::nullopt;
    if (is_about_clients_) {
        if (rule_.operations.test(bulk_bit)) rule_.operations.set(bulk_to_bit).reset(bulk_bit);
        return std::move(rule_);
    }
    // A recipient has neither a topic's name nor its type.
    const Conditions& given = rule_.conditions;
    const bool names_topics =
        !rule_.topics.empty() || !given.types.empty() || !given.services.empty();
    if (names_topics)
        rule_.operations.reset(message_bit).reset(bulk_to_bit);
    else if (rule_.operations.test(bulk_bit))
        rule_.operations.set(bulk_to_bit);
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
    const bool has_message = rule_.operations.test(message_bit);
    const bool has_bulk = rule_.operations.test(bulk_bit);
    const bool has_others =
        rule_.operations.count() > std::size_t{has_message} + std::size_t{has_bulk};
    is_about_clients_ = !has_others && (has_message || names_recipients());
    if (!has_message || !has_others) return true;
    return fail(
        "message in a rule of its own, or with bulk: it is about clients, the others are about "
        "topics"
    );
}

/// A topic may be called "group" or "client", in quotes, or in a text that is in force: there no
/// name follows it.
bool LineParser::names_recipients() const {
    const std::size_t at = is_keyword("on") && is_word(1) ? 1 : 0;
    return (is_keyword("group", at) || is_keyword("client", at)) && (is_strict_ || is_word(at + 1));
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

// Conditions behind the topics of a rule: networks, hours, …

bool LineParser::conditions() {
    Conditions& given = rule_.conditions;
    const std::array<std::vector<std::string>*, 4> lists{
        &given.devices, &given.issuers, &given.types, &given.services
    };
    // A keyword that nothing follows is an error like any other word: see `end`.
    while (is_word(0) && !peek()->is_quoted) {
        const bool is_of_topic = is_keyword("type") || is_keyword("service");
        if (is_about_clients_ && (is_of_topic || is_keyword("client") || is_keyword("group")))
            return fail("of the sender a device, issuer, network or time");
        bool is_known = false;
        for (std::size_t i = 0; i < lists.size() && !is_known; ++i) {
            const auto& [keyword, expected] = pattern_conditions.at(i);
            if (!is_keyword(keyword)) continue;
            is_known = true;
            if (!condition(keyword, *lists.at(i)) || !patterns(*lists.at(i), expected))
                return false;
        }
        if (is_known) continue;
        if (is_keyword("client")) {
            if (!condition("client", given.clients)) return false;
            if (!patterns(given.clients, "a pattern of client names")) return false;
            complete_clients(given.clients);
        } else if (is_keyword("group")) {
            if (!condition("group", given.groups) || !groups(given.groups)) return false;
        } else if (is_keyword("network")) {
            if (!networks()) return false;
        } else if (is_keyword("time")) {
            if (!times()) return false;
        } else {
            break;
        }
    }
    const std::size_t count = given.groups.size() + given.clients.size() + given.devices.size() +
                              given.issuers.size() + given.types.size() + given.services.size() +
                              given.networks.size() + given.time_texts.size();
    if (count <= condition_values_max) return true;
    return fail(
        "at most " + std::to_string(condition_values_max) + " values in the conditions of a rule"
    );
}

bool LineParser::condition(std::string_view keyword, std::vector<std::string>& out) {
    if (!out.empty()) return fail("each condition once");
    ++at_;
    rule_.text.append(" ").append(keyword).append(" ");
    return true;
}

bool LineParser::networks() {
    Conditions& given = rule_.conditions;
    if (!condition("network", given.network_texts)) return false;
    std::string error;
    const auto accepts = [&](const Token& token) {
        const auto network = parse_network(token.text, error);
        if (network) given.networks.push_back(*network);
        return network.has_value();
    };
    if (list(given.network_texts, "a network as 10.0.0.0/8 or 2001:db8::/32", accepts)) return true;
    return error.empty() ? false : fail(error);
}

/// Hours count for all days named since the hours before: "mon,wed 08:00-12:00, fri".
bool LineParser::times() {
    if (!condition("time", rule_.conditions.time_texts)) return false;
    do {
        if (!window()) return false;
    } while (skip_comma());
    return true;
}

bool LineParser::window() {
    Conditions& given = rule_.conditions;
    std::uint8_t days = 0;
    std::string text;
    const auto day = [&] { return is_word(0) ? parse_days(peek()->text) : std::nullopt; };
    for (auto named = day(); named; named = day()) {
        days = static_cast<std::uint8_t>(days | *named);
        text += (text.empty() ? "" : ",") + peek()->text;
        ++at_;
        const bool is_list = peek() != nullptr && peek()->kind == Token::Kind::Comma;
        if (!is_list || !is_word(1) || !parse_days(peek(1)->text)) break;
        ++at_;
    }
    Hours hours;
    // Digits begin no condition, so that what looks like hours is meant as hours.
    const bool has_hours = is_word(0) && !peek()->text.empty() && peek()->text.front() >= '0' &&
                           peek()->text.front() <= '9';
    if (days == 0 && !has_hours) return fail("days (mon-fri, sat, daily) or hours (08:00-17:30)");
    if (has_hours) {
        std::string error;
        const auto parsed = parse_hours(peek()->text, error);
        if (!parsed) return fail(error);
        hours = *parsed;
        text += (text.empty() ? "" : " ") + peek()->text;
        ++at_;
    }
    if (!given.time_texts.empty()) rule_.text += ",";
    rule_.text += text;
    given.time_texts.push_back(std::move(text));
    add_windows(days == 0 ? std::uint8_t{0x7f} : days, hours, given.windows);
    return true;
}

}   // namespace grid::controller::policy
