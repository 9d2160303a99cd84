// tests/unit/server/core/login_limits_test.cpp: guesses are bounded for a name and for an address.
#include "server/core/login_limits.hpp"

#include <catch2/catch.hpp>

namespace login_limits_test {

using grid::server::LoginLimits;
using std::chrono::seconds;

TEST_CASE("a name is tried so often, from wherever; and comes back with time") {
    LoginLimits limits({.per_account = 3, .per_source = 0, .window = seconds(300)});
    LoginLimits::Time now{};
    for (int i = 0; i < 3; ++i) CHECK(limits.take("ann", std::to_string(i), now));
    CHECK_FALSE(limits.take("ann", "another", now));
    CHECK(limits.take("bob", "another", now));
    now += seconds(101);   // a third of the window and a bit
    CHECK(limits.take("ann", "another", now));
    CHECK_FALSE(limits.take("ann", "another", now));
    now += seconds(1000);
    for (int i = 0; i < 3; ++i) CHECK(limits.take("ann", "one", now));
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

TEST_CASE("the names are bounded, and the one that was tried longest ago is forgotten") {
    LoginLimits limits({.per_account = 1, .per_source = 0, .window = seconds(300)});
    const LoginLimits::Time now{};
    CHECK(limits.take("first", "a", now));
    CHECK(limits.take("second", "a", now));
    for (std::size_t i = 2; i < LoginLimits::names_max; ++i)
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
