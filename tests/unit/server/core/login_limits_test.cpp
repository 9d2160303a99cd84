// tests/unit/server/core/login_limits_test.cpp: guesses are bounded for a name and for an address.
#include "server/core/login_limits.hpp"

#include <catch2/catch.hpp>

namespace login_limits_test {

using grid::server::LoginLimits;
using std::chrono::seconds;

TEST_CASE("a name is tried so often from one address; and comes back with time") {
    LoginLimits limits({.per_account = 3, .per_source = 0, .window = seconds(300)});
    LoginLimits::Time now{};
    for (int i = 0; i < 3; ++i) CHECK(limits.take("ann", "one", now));
    CHECK_FALSE(limits.take("ann", "one", now));
    CHECK(limits.take("ann", "another", now));
    CHECK(limits.take("bob", "one", now));
    now += seconds(101);   // a third of the window and a bit
    CHECK(limits.take("ann", "one", now));
    CHECK_FALSE(limits.take("ann", "one", now));
    now += seconds(1000);
    for (int i = 0; i < 3; ++i) CHECK(limits.take("ann", "one", now));
}

TEST_CASE("the time until one more attempt is looked at") {
    LoginLimits limits({.per_account = 3, .per_source = 4, .window = seconds(300)});
    LoginLimits::Time now{};
    CHECK(limits.wait("ann", "one", now) == seconds(0));
    for (int i = 0; i < 3; ++i) limits.take("ann", "one", now);
    CHECK(limits.wait("ann", "one", now) == seconds(100));
    CHECK(limits.wait("bob", "one", now) == seconds(0));
    limits.take("bob", "one", now);
    CHECK(limits.wait("bob", "one", now) == seconds(75));   // of the address
    now += seconds(60);
    CHECK(limits.wait("ann", "one", now) == seconds(40));
    now += limits.wait("ann", "one", now);
    CHECK(limits.take("ann", "one", now));
}

TEST_CASE("all addresses together try a name five times as often, in five times the window") {
    LoginLimits limits({.per_account = 3, .per_source = 0, .window = seconds(300)});
    LoginLimits::Time now{};
    for (int i = 0; i < 15; ++i) CHECK(limits.take("ann", std::to_string(i), now));
    CHECK_FALSE(limits.take("ann", "another", now));
    CHECK(limits.take("bob", "another", now));
    now += seconds(101);
    CHECK(limits.take("ann", "another", now));
    CHECK_FALSE(limits.take("ann", "yet another", now));
}

TEST_CASE("one address alone never fills what all of them may try") {
    LoginLimits limits({.per_account = 3, .per_source = 0, .window = seconds(300)});
    LoginLimits::Time now{};
    for (int i = 0; i < 1000; ++i, now += seconds(10)) {
        limits.take("ann", "guesser", now);
        CAPTURE(i);
        REQUIRE(limits.take("ann", "somewhere " + std::to_string(i), now));
        limits.give_back("ann", "somewhere " + std::to_string(i), now);
    }
}

TEST_CASE("guesses from elsewhere do not lock an account out where it has logged in") {
    LoginLimits limits({.per_account = 2, .per_source = 0, .window = seconds(300)});
    const LoginLimits::Time now{};
    REQUIRE(limits.take("ann", "home", now));
    limits.give_back("ann", "home", now);
    for (int i = 0; i < 100; ++i) limits.take("ann", std::to_string(i), now);
    CHECK_FALSE(limits.take("ann", "cafe", now));
    for (int i = 0; i < 5; ++i) {
        CHECK(limits.take("ann", "home", now));
        limits.give_back("ann", "home", now);
    }
    // Guesses from there are bounded as from anywhere.
    CHECK(limits.take("ann", "home", now));
    CHECK(limits.take("ann", "home", now));
    CHECK_FALSE(limits.take("ann", "home", now));
    const bool has_three = limits.take("bob", "0", now) && limits.take("bob", "0", now) &&
                           limits.take("bob", "0", now);
    CHECK_FALSE(has_three);
}

TEST_CASE("the places where accounts are at home are bounded, and no guess pushes them out") {
    LoginLimits limits({.per_account = 1, .per_source = 0, .window = seconds(300)});
    const LoginLimits::Time now{};
    const auto succeeds = [&](const std::string& name, const char* source) {
        const bool is_taken = limits.take(name, source, now);
        if (is_taken) limits.give_back(name, source, now);
        return is_taken;
    };
    const auto lock_out = [&](const std::string& name) {
        for (int i = 0; i < 5; ++i) limits.take(name, std::to_string(i), now);
    };
    REQUIRE(succeeds("first", "home"));
    REQUIRE(succeeds("second", "home"));
    for (std::size_t i = 0; i < LoginLimits::names_max; ++i)
        limits.take("guessed " + std::to_string(i), "x", now);
    lock_out("first");
    CHECK(succeeds("first", "home"));   // is the newest now
    for (std::size_t i = 1; i < LoginLimits::names_max; ++i)
        REQUIRE(succeeds("name " + std::to_string(i), "home"));
    lock_out("first");
    lock_out("second");
    CHECK(succeeds("first", "home"));
    CHECK_FALSE(succeeds("second", "home"));
}

TEST_CASE("an address tries so many names; one that succeeds is not counted") {
    LoginLimits limits({.per_account = 0, .per_source = 4, .window = seconds(300)});
    const LoginLimits::Time now{};
    for (int i = 0; i < 100; ++i) {
        CHECK(limits.take("ann", "192.0.2.1", now));
        limits.give_back("ann", "192.0.2.1", now);
    }
    for (int i = 0; i < 4; ++i) CHECK(limits.take(std::to_string(i), "192.0.2.1", now));
    CHECK_FALSE(limits.take("more", "192.0.2.1", now));
    CHECK(limits.take("more", "192.0.2.2", now));
}

TEST_CASE("an attempt that is refused counts for neither") {
    LoginLimits limits({.per_account = 1, .per_source = 2, .window = seconds(300)});
    const LoginLimits::Time now{};
    CHECK(limits.take("ann", "a", now));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(limits.take("ann", "a", now));
    CHECK(limits.take("bob", "a", now));
}

TEST_CASE("the counts are bounded, and the one that was tried longest ago is forgotten") {
    LoginLimits limits({.per_account = 1, .per_source = 0, .window = seconds(300)});
    const LoginLimits::Time now{};
    CHECK(limits.take("first", "a", now));
    CHECK(limits.take("second", "a", now));
    // A name has two counts: with its address, and alone.
    for (std::size_t i = 2; i < LoginLimits::names_max / 2; ++i)
        CHECK(limits.take("name " + std::to_string(i), "a", now));
    CHECK_FALSE(limits.take("first", "a", now));   // and is the newest now
    CHECK(limits.take("one more", "a", now));
    CHECK(limits.size() == LoginLimits::names_max);
    CHECK(limits.take("second", "a", now));
    CHECK_FALSE(limits.take("first", "a", now));
    // Long names are told apart.
    const std::string name(5000, 'x');
    CHECK(limits.take(name + "a", "a", now));
    CHECK(limits.take(name + "b", "a", now));
    CHECK_FALSE(limits.take(name + "a", "a", now));
}

TEST_CASE("without bounds nothing is counted") {
    LoginLimits limits({.per_account = 0, .per_source = 0, .window = seconds(300)});
    for (int i = 0; i < 1000; ++i) CHECK(limits.take("ann", "a", {}));
    CHECK(limits.size() == 0);
}

}   // namespace login_limits_test
