// tests/unit/controller/policy_cost_test.cpp: how much a decision looks at among 1,000 rules. The
// time that takes is measured by tests/bench/policy.
#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"

namespace policy_cost_test {

using namespace grid::controller;
using namespace grid::controller::policy;

namespace {

/// Entries that a decision looks at when the last of 1,000 rules makes it.
std::uint64_t looks(const std::function<std::string(int)>& rule, const std::string& topic) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += rule(i) + "\n";
    const Parsed parsed = parse(text, "grid.example");
    REQUIRE(parsed.ok());
    const Compiled compiled(parsed.rules);
    const Groups groups{"g1", "g2", "g3", "g49"};
    Question question;
    question.client = "ise@grid.example";
    question.groups = groups;
    question.operation = Right::Subscribe;
    question.topic = topic;
    question.device = "d999";
    question.address = parse_address("10.3.231.1");
    CHECK(compiled.decide(question).rule == 999);
    return compiled.looked_at();
}

}   // namespace

TEST_CASE("S45: among 1,000 rules, few are looked at where names or prefixes tell them apart") {
    const auto number = [](int i) { return std::to_string(i); };
    CHECK(looks([&](int i) { return "deny any any topic-" + number(i); }, "topic-999") == 1);
    CHECK(looks([&](int i) { return "deny any any t" + number(i) + "/*"; }, "t999/x") <= 2);
    CHECK(
        looks(
            [&](int i) {
                return "allow group g" + number(i % 50) + " subscribe,publish t" + number(i) + "/*";
            },
            "t999/x"
        ) <= 2
    );
    CHECK(
        looks(
            [&](int i) {
                return "allow client " + (i == 999 ? "ise" : "ise-" + number(i)) + "* any t*";
            },
            "topic"
        ) <= 3
    );
    // A rule without conditions ends its list.
    CHECK(looks([&](int i) { return "deny any any t" + number(i) + " device d*"; }, "t999") == 1);
}

TEST_CASE("S45: conditions that nothing but themselves tells apart are looked at once each") {
    CHECK(
        looks(
            [](int i) {
                return "allow any any any network 10." + std::to_string(i / 256) + "." +
                       std::to_string(i % 256) + ".0/24";
            },
            "topic"
        ) <= 2000
    );
    CHECK(
        looks([](int i) { return "allow any any any device d" + std::to_string(i); }, "topic") <=
        2000
    );
}

TEST_CASE("messages: among 1,000 rules, few are looked at where names or groups tell them apart") {
    const auto looks_for_message = [](const std::function<std::string(const std::string&)>& rule) {
        std::string text;
        for (int i = 0; i < 1000; ++i) text += rule(std::to_string(i)) + "\n";
        const Parsed parsed = parse(text, "grid.example");
        REQUIRE(parsed.ok());
        const Compiled compiled(parsed.rules);
        const Groups senders{"g1", "g999"}, recipients{"r2", "r999"};
        Question question;
        question.client = "ise@grid.example";
        question.groups = senders;
        question.operation = Right::Message;
        question.topic = "desk-999@grid.example";
        question.recipient_groups = recipients;
        const auto decided = compiled.decide(question).rule;
        CHECK(decided == 999);
        return compiled.looked_at();
    };
    CHECK(looks_for_message([](const std::string& number) {
              return "allow any to message group r" + (number == "2" ? "x" : number);
          }) <= 2);
    CHECK(looks_for_message([](const std::string& number) {
              return "allow group g" + number + " to message client desk-" + number;
          }) <= 2);
    CHECK(looks_for_message([](const std::string& number) {
              return "allow client ise to message client desk-" + number + "@grid.*";
          }) <= 4);
}

}   // namespace policy_cost_test
