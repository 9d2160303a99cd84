// tests/unit/controller/policy_cost_test.cpp: what a decision costs with 1,000 rules.
#include <catch2/catch.hpp>
#include <ctime>
#include <functional>
#include <string>

#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"

using namespace grid::controller;
using namespace grid::controller::policy;

namespace {

/// CPU time of this thread: what a decision costs, whoever else is using the machine.
double microseconds_used() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// Microseconds per decision that the last of 1,000 rules makes.
double cost(const std::function<std::string(int)>& rule, const std::string& topic) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += rule(i) + "\n";
    const Parsed result = parse(text, "grid.example");
    REQUIRE(result.ok());
    const Compiled compiled(result.rules);
    const Groups groups{"g1", "g2", "g3", "g49"};
    constexpr int count = 5'000;
    std::uint64_t sum = 0;
    const double start = microseconds_used();
    for (int i = 0; i < count; ++i)
        sum += compiled.decide("ise@grid.example", groups, Operation::Subscribe, topic);
    const double each = (microseconds_used() - start) / count;
    CHECK(sum == 999ULL * count);
    return each;
}

#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr double microseconds_max = 100;
#else
constexpr double microseconds_max = 5;
#endif

}   // namespace

TEST_CASE("1,000 rules cost less than 5 µs per decision, without the cache") {
    const double spread = cost(
        [](int i) {
            return "allow group g" + std::to_string(i % 50) + " subscribe,publish topic-" +
                   std::to_string(i) + "/*";
        },
        "topic-999/x"
    );
    const double one_group = cost(
        [](int i) { return "allow group g1 any topic-" + std::to_string(i) + "/*"; }, "topic-999/x"
    );
    const double exact =
        cost([](int i) { return "deny any any topic-" + std::to_string(i); }, "topic-999");
    const double clients = cost(
        [](int i) {
            return "allow client " + (i == 999 ? "ise" : "ise-" + std::to_string(i)) + "* any t*";
        },
        "topic"
    );
    WARN(
        "µs per decision: spread over 50 groups " << spread << ", one group of prefixes "
                                                  << one_group << ", exact topics " << exact
                                                  << ", client patterns " << clients
    );
    CHECK(spread < microseconds_max);
    CHECK(one_group < microseconds_max);
    CHECK(exact < microseconds_max);
    CHECK(clients < microseconds_max);
}
