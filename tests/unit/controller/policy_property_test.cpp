// tests/unit/controller/policy_property_test.cpp: compiled rules decide as the language is
// explained.
#include <catch2/catch.hpp>
#include <random>

#include "controller/policy/compiled.hpp"
#include "controller/policy/explain.hpp"
#include "controller/policy/parser.hpp"

namespace policy_property_test {

using namespace grid::controller;
using namespace grid::controller::policy;

namespace {

bool glob_fits(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern.front() == '*')
        return glob_fits(pattern.substr(1), text) ||
               (!text.empty() && glob_fits(pattern, text.substr(1)));
    if (text.empty()) return false;
    if (pattern.front() == '?') return glob_fits(pattern.substr(1), text.substr(1));
    if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    return pattern.front() == text.front() && glob_fits(pattern.substr(1), text.substr(1));
}

/// A condition that is not given holds; what is unknown fits none.
bool any_fits(const std::vector<std::string>& patterns, std::string_view text) {
    if (patterns.empty()) return true;
    for (const std::string& pattern : patterns)
        if (!text.empty() && glob_fits(pattern, text)) return true;
    return false;
}

/// The meaning of a rule, without looking at how it is prepared: the texts of its networks and
/// times.
bool network_holds(const Rule& rule, const Question& question) {
    if (rule.conditions.network_texts.empty()) return true;
    if (question.session == SessionKnown::Possible) return rule.allows;
    if (question.session == SessionKnown::Certain) return !rule.allows;
    if (!question.address) return false;
    for (const std::string& text : rule.conditions.network_texts) {
        const auto slash = text.find('/');
        const auto base = *parse_address(text.substr(0, slash));
        if (base.is_v6 != question.address->is_v6) continue;
        const int bits = slash == std::string::npos ? (base.is_v6 ? 128 : 32)
                                                    : std::stoi(text.substr(slash + 1));
        bool is_same = true;
        for (int i = 0; i < bits; ++i) {
            const int at = base.is_v6 ? i : i + 96;   // from the highest of 128
            const auto bit = [&](const Address& address) {
                return address.bits.at(static_cast<std::size_t>(at / 64)) >> (63 - at % 64) & 1U;
            };
            is_same = is_same && bit(base) == bit(*question.address);
        }
        if (is_same) return true;
    }
    return false;
}

/// Minute by minute: is this one in the window that begins on that day?
bool time_holds(const Rule& rule, std::uint32_t minute) {
    if (rule.conditions.time_texts.empty()) return true;
    const std::vector<std::string> names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (const std::string& text : rule.conditions.time_texts) {
        std::vector<bool> days(7, text.front() >= '0' && text.front() <= '9');
        const std::string hours_text =
            text.find(':') == std::string::npos ? "00:00-24:00" : text.substr(text.size() - 11);
        for (unsigned day = 0; day < 7; ++day) {
            if (text.find("daily") != std::string::npos) days[day] = true;
            if (text.find(names[day]) != std::string::npos) days[day] = true;
        }
        if (text.find("sat-mon") != std::string::npos) days[6] = true;
        if (text.find("mon-fri") != std::string::npos) days[1] = days[2] = days[3] = true;
        const auto number = [&](std::size_t at) {
            return static_cast<std::uint32_t>(std::stoi(hours_text.substr(at, 2)));
        };
        const std::uint32_t from = number(0) * 60 + number(3), to = number(6) * 60 + number(9);
        const std::uint32_t today = minute / day_minutes, of_day = minute % day_minutes;
        if (from < to) {
            if (days[today] && from <= of_day && of_day < to) return true;
        } else {
            if (days[today] && from <= of_day) return true;
            if (days[(today + 6) % 7] && of_day < to) return true;
        }
    }
    return false;
}

bool fits(const Rule& rule, const Question& question) {
    if (!rule.operations.test(static_cast<std::size_t>(question.operation))) return false;
    const auto in_group = [&](const std::vector<std::string>& names) {
        for (const std::string& name : names)
            for (const std::string& group : question.groups)
                if (group == name) return true;
        return false;
    };
    if (rule.who == Rule::Who::Groups && !in_group(rule.names)) return false;
    if (rule.who == Rule::Who::Clients && !any_fits(rule.names, question.client)) return false;
    bool is_topic = rule.topics.empty() && rule.recipient_groups.empty();
    for (const std::string& topic : rule.topics)
        is_topic = is_topic || glob_fits(topic, question.topic);
    for (const std::string& name : rule.recipient_groups)
        for (const std::string& group : question.recipient_groups)
            is_topic = is_topic || name == group;
    const Conditions& given = rule.conditions;
    return is_topic && (given.groups.empty() || in_group(given.groups)) &&
           any_fits(given.clients, question.client) && any_fits(given.devices, question.device) &&
           any_fits(given.types, question.type) &&
           any_fits(given.services, question.service_asked()) &&
           (any_fits(given.issuers, question.issuer) || any_fits(given.issuers, question.anchor)) &&
           time_holds(rule, question.minute) && network_holds(rule, question);
}

std::uint32_t naive(const Rules& rules, const Question& question) {
    for (std::uint32_t i = 0; i < rules.size(); ++i)
        if (fits(rules[i], question)) return i;
    return Compiled::none;
}

class Generator {
public:
    explicit Generator(unsigned seed) : random_(seed) {}
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    std::string_view one_of(const std::vector<std::string_view>& from) {
        return from[below(from.size())];
    }
    std::string list(const std::vector<std::string_view>& from) {
        std::string text(one_of(from));
        for (std::size_t more = below(3); more > 0; --more) text.append(",").append(one_of(from));
        return text;
    }

    std::string rule() {
        std::string text = below(2) == 0 ? "allow " : "deny ";
        const std::size_t who = below(5);
        if (who == 0)
            text += "any ";
        else if (who < 3)
            text += "group " + list(groups) + " ";
        else
            text += "client " + list(client_patterns) + " ";
        const bool is_message = below(6) == 0;
        if (is_message) return text + message() + "\n";
        text += below(5) == 0 ? "any "
                              : std::string(to_string(operation())) + "," +
                                    std::string(to_string(operation())) + " ";
        text += below(5) == 0 ? "any" : list(topic_patterns);
        if (below(6) == 0) text += " type " + list(types);
        if (below(8) == 0) text += " service " + list(services);
        if (below(6) == 0) text += " device " + list(devices);
        if (below(6) == 0) text += " issuer " + list(issuers);
        if (below(5) == 0) text += " network " + list(networks);
        if (below(5) == 0) text += " time " + list(times);
        if (below(9) == 0) text += " group " + list(groups);
        if (below(9) == 0) text += " client " + list(client_patterns);
        return text + "\n";
    }
    std::string message() {
        std::string text(one_of({"message ", "message ", "bulk ", "message,bulk "}));
        const std::size_t to = below(5);
        text += to == 0  ? "any"
                : to < 3 ? "group " + list(groups)
                         : "client " + list(client_patterns);
        if (below(6) == 0) text += " device " + list(devices);
        if (below(6) == 0) text += " issuer " + list(issuers);
        if (below(5) == 0) text += " network " + list(networks);
        if (below(5) == 0) text += " time " + list(times);
        return text;
    }
    /// About topics.
    Right operation() {
        return static_cast<Right>(below(static_cast<std::size_t>(Right::Message)));
    }

    Question question(Groups& in) {
        in.clear();
        for (const std::string_view group : groups)
            if (below(3) == 0) in.emplace_back(group);
        Question asked;
        asked.groups = in;
        asked.client = one_of({"c0@grid.example", "c1@grid.example", "c2@x.y"});
        asked.operation = operation();
        asked.topic = one_of({"t", "t/a", "t/b", "t/abc", "u", "uxv", "any", ""});
        if (below(6) == 0) {
            asked.operation = below(2) == 0 ? Right::Message : Right::BulkTo;
            asked.topic = one_of({"c0@grid.example", "c1@grid.example", "c2@x.y"});
            recipient_.clear();
            for (const std::string_view group : groups)
                if (below(3) == 0) recipient_.emplace_back(group);
            asked.recipient_groups = recipient_;
        }
        asked.type = one_of({"", "urn:a", "urn:b"});
        asked.service = one_of({"", "", "S-1.0", "t/a"});
        asked.device = one_of({"", "probe", "sensor"});
        asked.issuer = one_of({"", "CN=A", "CN=B"});
        asked.anchor = one_of({"ab12", "cd34"});
        asked.address = parse_address(one_of(
            {"", "10.0.0.1", "10.1.2.3", "192.0.2.9:4000", "2001:db8::1", "[2001:db8:1::1]:9",
             "::ffff:10.0.0.1"}
        ));
        asked.minute = static_cast<std::uint32_t>(below(week_minutes));
        asked.session = static_cast<SessionKnown>(below(5) < 3 ? 0 : 1 + below(2));
        return asked;
    }

    const std::vector<std::string_view> groups{"g0", "g1", "g2", "g3"},
        client_patterns{"c0", "c1", "c?", "*", "c0@grid.example", "*@x.y"},
        topic_patterns{"t", "t/a", "t/b", "t/*", "*", "*a", "?", "t/?", "u", "u*v", "*/a*", "any?"},
        types{"urn:a", "urn:*", "*b"}, services{"S-1.0", "S*", "t*", "*"},
        devices{"probe", "*", "s*"}, issuers{"CN=A", "CN=*", "ab*", "cd34"},
        networks{"10.0.0.0/8",    "10.1.0.0/16",     "0.0.0.0/0", "192.0.2.9",
                 "2001:db8::/32", "2001:db8:1::/48", "::/0",      "10.0.0.1/32"},
        times{"mon-fri 08:00-17:30", "sat",         "daily 22:00-06:00",
              "sun 23:00-01:00",     "12:00-13:00", "sat-mon 00:00-24:00",
              "wed 00:00-12:00"};

private:
    std::mt19937 random_;
    Groups recipient_;   // of the last question
};

}   // namespace

TEST_CASE("S45: compiled evaluation equals naive evaluation, on generated rules and requests") {
    std::size_t decided = 0, conditional = 0;
    for (unsigned seed = 1; seed <= 100; ++seed) {
        Generator generator(seed);
        std::string text;
        for (int i = 0; i < 40; ++i) text += generator.rule();
        const Parsed parsed = parse(text, "grid.example");
        CAPTURE(seed, text);
        REQUIRE(parsed.ok());
        REQUIRE(parsed.rules.size() == 40);
        const Compiled compiled(parsed.rules);
        Groups in;
        for (int i = 0; i < 400; ++i) {
            const Question question = generator.question(in);
            CAPTURE(i);
            const Compiled::Decision decision = compiled.decide(question);
            REQUIRE(decision.rule == naive(parsed.rules, question));
            if (decision.rule != Compiled::none) ++decided;
            if (decision.is_conditional) {
                ++conditional;
                continue;
            }
            // A remembered verdict must hold for all sessions, types and services of the account.
            Question other = question;
            other.address = parse_address("192.0.2.200");
            other.session = SessionKnown::Yes;
            other.type = "urn:other";
            if (question.service.empty()) other.service = {};
            REQUIRE(compiled.decide(other).rule == decision.rule);
            other.address = parse_address("10.1.2.3");
            other.type = "urn:a";
            REQUIRE(compiled.decide(other).rule == decision.rule);
            other.session = SessionKnown::Possible;
            REQUIRE(compiled.decide(other).rule == decision.rule);
        }
    }
    // The generator is worth something only when rules decide, and conditions matter.
    CHECK(decided > 20'000);
    CHECK(conditional > 2'000);
}

TEST_CASE("S45: the plain form of a rule, as verdicts quote it, is the same rule") {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        Generator generator(seed);
        for (int i = 0; i < 40; ++i) {
            const std::string text = generator.rule();
            CAPTURE(text);
            const Parsed first = parse(text, "grid.example");
            REQUIRE(first.ok());
            const Parsed again = parse(first.rules.front().text, "grid.example");
            REQUIRE(again.ok());
            const Rule &a = first.rules.front(), &b = again.rules.front();
            CHECK(a.text == b.text);
            CHECK(a.names == b.names);
            CHECK(a.topics == b.topics);
            CHECK(a.recipient_groups == b.recipient_groups);
            CHECK(a.operations == b.operations);
            CHECK(a.conditions.windows == b.conditions.windows);
            CHECK(a.conditions.network_texts == b.conditions.network_texts);
            CHECK(a.conditions.devices == b.conditions.devices);
        }
    }
}

TEST_CASE("S45: an explanation gives a reason for the rule that decides, and for those before it") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        Generator generator(seed);
        std::string text;
        for (int i = 0; i < 12; ++i) text += generator.rule();
        const Parsed parsed = parse(text, "grid.example");
        REQUIRE(parsed.ok());
        Groups in;
        for (int i = 0; i < 100; ++i) {
            Question question = generator.question(in);
            if (question.operation == Right::Manage) question.operation = Right::Create;
            const std::uint32_t rule = naive(parsed.rules, question);
            const Explanation why = explain(parsed.rules, question);
            CAPTURE(text, i);
            REQUIRE_FALSE(why.why.empty());
            CHECK((why.why.front() == "no rule fits: denied") == (rule == Compiled::none));
            for (const NearMiss& miss : why.passed_over) {
                REQUIRE_FALSE(miss.because.empty());
                // Before the one that decides, and not fitting.
                CHECK((rule == Compiled::none || miss.line < parsed.rules[rule].line));
                CHECK_FALSE(fits(parsed.rules[miss.line - 1], question));
            }
        }
    }
}

}   // namespace policy_property_test
