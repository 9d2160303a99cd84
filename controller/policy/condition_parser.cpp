// controller/policy/condition_parser.cpp: conditions behind the topics of a rule: networks, hours,
// …
#include <algorithm>
#include <array>
#include <utility>

#include "controller/accounts/account.hpp"
#include "controller/policy/line_list.hpp"
#include "controller/policy/line_parser.hpp"
#include "controller/policy/parser.hpp"

namespace grid::controller::policy {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> pattern_conditions{{
    {"device", "a pattern of device types"},
    {"issuer", "a pattern of issuers, or of the trust anchor's fingerprint"},
    {"type", "a pattern of topic types"},
    {"service", "a pattern of services"},
}};

}   // namespace

bool LineParser::conditions() {
    Conditions& given = rule_.conditions;
    const std::array<std::vector<std::string>*, 4> lists{
        &given.devices, &given.issuers, &given.types, &given.services
    };
    // A keyword that nothing follows is an error like any other word: see `end`.
    while (is_word(0) && !peek()->is_quoted) {
        const bool is_of_topic = is_keyword("type") || is_keyword("service");
        if (is_message() && (is_of_topic || is_keyword("client") || is_keyword("group")))
            return fail("of the sender of messages a device, issuer, network or time");
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
