// tests/bench/policy/decide.cpp: 1,000 rules of several shapes, a decision made by the last of
// them.
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>

#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"
#include "policy/bench.hpp"

namespace grid::bench {

using namespace controller;
using namespace controller::policy;

namespace {

constexpr double microseconds_max = 5;
constexpr int rule_count = 1000;

/// CPU time of this thread: whoever else is using the machine.
double microseconds_used() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::string number(int i) { return std::to_string(i); }

/// Everything at once, spread as in a grown policy; the last rule is the one that fits.
std::string mixed(int i) {
    if (i == rule_count - 1) return "allow any subscribe any";
    switch (i % 10) {
        case 0:
            return "deny group g" + number(i % 50) + " any topic-" + number(i) + "/*";
        case 1:
            return "allow client host-" + number(i) + "* subscribe,publish any";
        case 2:
            return "deny any subscribe any network 172." + number(16 + i % 16) + "." +
                   number(i % 256) + ".0/24";
        case 3:
            return "deny any subscribe any device device-" + number(i) + "-*";
        case 4:
            return "allow group g1 subscribe any issuer \"CN=Site " + number(i) + ", O=Grid\"";
        case 5:
            return "deny any subscribe any time sun 0" + number(i % 9) + ":00-0" + number(i % 9) +
                   ":30";
        case 6:
            return "deny any subscribe any type urn:example:type:" + number(i);
        case 7:
            return "deny any any *-" + number(i) + "-*";
        case 8:
            return "allow any subscribe topic-" + number(i) + " group g2 client *-" + number(i);
        default:
            return "deny group g1,g2 query,bulk any service Service-" + number(i);
    }
}

double cost(const std::function<std::string(int)>& rule) {
    std::string text;
    for (int i = 0; i < rule_count; ++i) text += rule(i) + "\n";
    const Parsed parsed = parse(text, "grid.example");
    if (!parsed.ok()) {
        std::fprintf(stderr, "%s\n", parsed.errors.front().to_text().c_str());
        return 1e9;
    }
    const Compiled compiled(parsed.rules);
    const Groups groups{"g1", "g2", "g3", "g49"};
    Question question;
    question.client = "ise-7.site-a@grid.example";
    question.groups = groups;
    question.operation = Right::Subscribe;
    question.topic = "topic-999/readings/temperature";
    question.type = "urn:example:type:readings";
    question.device = "device-999";
    question.issuer = "CN=Site A, O=Grid";
    question.anchor =
        std::string_view("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    question.minute = 3 * day_minutes;
    constexpr int count = 50'000;
    std::uint64_t sum = 0;
    const double start = microseconds_used();
    for (int i = 0; i < count; ++i) {
        // As for a session: its address is read each time.
        question.address = parse_address("10.3.231.77:50000");
        sum += compiled.decide(question).rule;
    }
    const double each = (microseconds_used() - start) / count;
    // A wrong rule would be a wrong measurement.
    return sum == std::uint64_t{rule_count - 1} * count ? each : 1e9;
}

}   // namespace

bool measure_decisions() {
    struct Shape {
        const char* name;
        std::function<std::string(int)> rule;
    };
    const Shape shapes[] = {
        {"mixed attributes", mixed},
        {"50 groups, prefixes",
         [](int i) { return "allow group g" + number(i % 50) + " any topic-" + number(i) + "/*"; }},
        {"one list of networks",
         [](int i) {
             return "deny any any any network 10." + number(i / 256) + "." + number(i % 256) +
                    ".0/24";
         }},
        {"one list of device types",
         [](int i) { return "deny any any any device device-" + number(i); }},
        {"one list of topic patterns *-N/*",
         [](int i) { return "deny any any *-" + number(i) + "/*"; }},
        {"client patterns",
         [](int i) { return "deny client ise-" + (i == 999 ? "7" : number(i + 100)) + "* any any"; }
        },
    };
    bool is_good = true;
    for (const Shape& shape : shapes) {
        const double each = cost(shape.rule);
        std::printf("%-34s %8.3f us per decision\n", shape.name, each);
        is_good = is_good && each < microseconds_max;
    }
    std::printf("%s: 1,000 rules, bound %.0f us\n", is_good ? "ok" : "TOO SLOW", microseconds_max);
    return is_good;
}

}   // namespace grid::bench
