// tests/unit/server/net/entrance_test.cpp: sources of connections, and the strangers that give
// way.
#include "server/net/entrance.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "server/net/source.hpp"
#include "server/process/descriptors.hpp"

namespace entrance_test {

using namespace grid::server;
using net::Entrance;
using net::source_of;

namespace {

/// An entrance whose connections close as soon as they are told to.
struct Door {
    explicit Door(Entrance::Bounds bounds)
        : entrance(std::make_shared<Entrance>(std::move(bounds))) {}

    /// The number of the place; -1: refused.
    int enter(const std::string& source) {
        auto entered = entrance->enter(source);
        reason = entered.reason;
        if (!entered.place) return -1;
        const auto number = static_cast<int>(places.size());
        places.push_back(entered.place);
        entered.place->on_displaced([this, number] {
            gone.push_back(number);
            if (closes) places[static_cast<std::size_t>(number)]->close();
        });
        return number;
    }
    Entrance::Place& at(int number) { return *places.at(static_cast<std::size_t>(number)); }

    std::shared_ptr<Entrance> entrance;
    std::vector<std::shared_ptr<Entrance::Place>> places;
    std::vector<int> gone;
    std::string reason;
    bool closes = true;
};

Entrance::Bounds bounds(
    std::size_t all, std::size_t per_source, std::size_t strangers, std::size_t each
) {
    return {{all, "all"}, {per_source, "per_source"}, {strangers, "strangers"}, {each, "each"}, 4};
}

}   // namespace

TEST_CASE("an IPv6 network counts as one source, an IPv4 address as one (found 49)", "[net]") {
    CHECK(source_of("192.0.2.7:5222") == "192.0.2.7");
    CHECK(source_of("[2001:db8:1:2:3:4:5:6]:1") == "2001:db8:1:2::/64");
    CHECK(source_of("[2001:db8:1:2::9]:65535") == "2001:db8:1:2::/64");
    CHECK(source_of("[2001:db8:1:3::9]:1") == "2001:db8:1:3::/64");
    CHECK(source_of("[::ffff:192.0.2.7]:1") == "192.0.2.7");
    CHECK(source_of("[::1]:1") == "::/64");
    CHECK(source_of("[fe80::1%1]:1") != source_of("[fe80::1%2]:1"));
    CHECK(source_of("nonsense") != "192.0.2.7");
}

TEST_CASE("the oldest that has not begun TLS gives way first (found 49)", "[net]") {
    Door door(bounds(100, 100, 3, 100));
    for (const char* source : {"a", "b", "c"}) door.enter(source);
    door.at(0).begin();
    CHECK(door.enter("d") == 3);
    CHECK(door.gone == std::vector{1});
    CHECK(door.reason == "strangers (3) is reached");
    for (int n : {2, 3}) door.at(n).begin();
    CHECK(door.enter("e") == 4);   // all have begun: the oldest of all
    CHECK(door.gone == std::vector{1, 0});
    CHECK(door.entrance->connections() == 3);
}

TEST_CASE("the silent give way before those that speak, and these before TLS", "[net]") {
    Door door(bounds(100, 100, 3, 100));
    for (const char* source : {"a", "b", "c"}) door.enter(source);
    door.at(0).begin();
    door.at(0).speak();   // no news
    door.at(1).speak();
    CHECK(door.enter("d") == 3);
    CHECK(door.enter("e") == 4);
    CHECK(door.gone == std::vector{2, 3});
    door.at(4).begin();
    CHECK(door.enter("f") == 5);
    CHECK(door.gone == std::vector{2, 3, 1});
}

TEST_CASE("among many that have begun TLS a newcomer has time to begin it", "[net]") {
    Door door(bounds(100, 100, 16, 100));
    const auto source = [](int number) { return "s" + std::to_string(number); };
    for (int n = 0; n < 16; ++n) door.at(door.enter(source(n))).begin();
    const int honest = door.enter("honest");
    for (int n = 16; n < 19; ++n) door.at(door.enter(source(n))).begin();
    CHECK(door.gone == std::vector{0, 1, 2, 3});
    door.at(honest).begin();
    // A connection that does not begin goes before all others, after a while.
    const int idle = door.enter("idle");
    while (door.gone.back() != idle && door.gone.size() < 40)
        door.at(door.enter(source(static_cast<int>(door.places.size())))).begin();
    CHECK(door.gone == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, idle});
    CHECK(door.at(honest).keep());
}

TEST_CASE("a few clients behind one address have time to begin TLS, too", "[net]") {
    Door door(bounds(100, 100, 32, 100));
    const auto source = [](int number) { return "s" + std::to_string(number); };
    for (int n = 0; n < 32; ++n) door.at(door.enter(source(n))).begin();
    const int one = door.enter("site"), other = door.enter("site");
    for (int n = 32; n < 37; ++n) door.at(door.enter(source(n))).begin();
    CHECK(door.gone == std::vector{0, 1, 2, 3, 4, 5, 6});
    door.at(one).begin();
    // A connection that does not begin goes after a while.
    while (door.gone.back() != other && door.gone.size() < 40)
        door.at(door.enter(source(static_cast<int>(door.places.size())))).begin();
    CHECK(door.gone == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, other});
    CHECK(door.at(one).keep());
}

TEST_CASE("a crowd from one source displaces itself (found A9)", "[net]") {
    Door door(bounds(100, 100, 4, 100));
    const int alone = door.enter("honest");
    for (int i = 0; i < 50; ++i) CHECK(door.enter("crowd") >= 0);
    CHECK(std::count(door.gone.begin(), door.gone.end(), alone) == 0);
    // Even where the crowd has begun TLS and the other has not.
    for (int n = 48; n <= 50; ++n) door.at(n).begin();
    door.enter("newcomer");
    CHECK(door.gone.back() == 48);
    CHECK(door.at(alone).keep());
}

TEST_CASE("who is known gives way to nobody, and counts with its source", "[net]") {
    Door door(bounds(3, 2, 100, 100));
    CHECK(door.at(door.enter("a")).keep());
    CHECK(door.at(door.enter("a")).keep());
    CHECK(door.enter("a") == -1);
    CHECK(door.reason == "per_source (2) is reached");
    CHECK(door.at(door.enter("b")).keep());
    CHECK(door.enter("c") == -1);
    CHECK(door.reason == "all (3) is reached");
    CHECK(door.gone.empty());
    door.places[0].reset();
    CHECK(door.enter("a") == 3);   // as a stranger
    CHECK(door.enter("d") == 4);   // in its place
    CHECK(door.gone == std::vector{3});
    CHECK(!door.at(3).keep());   // too late
    CHECK(door.entrance->connections() == 3);
}

TEST_CASE("a source at its own bound gives way to itself, or is refused", "[net]") {
    Door door(bounds(100, 100, 100, 2));
    door.enter("a");
    door.enter("a");
    door.at(0).begin();
    CHECK(door.enter("a") == 2);
    CHECK(door.gone == std::vector{1});
    door.at(2).begin();
    CHECK(door.enter("a") == -1);   // both are at work
    CHECK(door.reason == "each (2) is reached");
    CHECK(door.enter("b") == 3);
}

TEST_CASE("displaced connections that do not close are bounded", "[net]") {
    Door door(bounds(2, 100, 2, 100));
    door.closes = false;
    for (int i = 0; i < 6; ++i) CHECK(door.enter("a") == i);
    CHECK(door.enter("a") == -1);
    CHECK(door.entrance->connections() == 6);
    door.places.clear();
    CHECK(door.entrance->connections() == 0);
    CHECK(door.enter("a") == 0);
}

TEST_CASE("a connection that is told late that it has to go is told at once", "[net]") {
    const auto entrance = std::make_shared<Entrance>(bounds(1, 9, 9, 9));
    const auto first = entrance->enter("a"), second = entrance->enter("b");
    REQUIRE(second.place);
    bool told = false;
    first.place->on_displaced([&told] { told = true; });
    CHECK(told);
}

TEST_CASE("connections get the descriptors that the store does not need (found 46)") {
    for (const std::size_t limit : {192U, 256U, 1024U, 4096U, 20'000U, 1'048'576U}) {
        CAPTURE(limit);
        Config config;
        const auto plan = plan_descriptors(config, limit);
        REQUIRE(plan.has_value());
        const auto& limits = config.limits;
        const std::size_t used =
            static_cast<std::size_t>(plan->store_files) + 32 + 64 + limits.connections_max +
            net::leaving_max(limits.connections_max) + limits.http_connections_max +
            net::leaving_max(limits.http_connections_max) + config.tls.ocsp_questions_max +
            config.bulk.waiting_max + net::leaving_max(config.bulk.waiting_max) +
            6 * config.controller.bulk.transfers_max;
        CHECK(used <= limit);
        CHECK(limits.connections_max >= 16);
        CHECK(limits.http_connections_max >= 4);
        CHECK(config.bulk.waiting_max >= 2);
        CHECK(config.controller.bulk.transfers_max >= 1);
        CHECK(limits.http_strangers_max < limits.http_connections_max);
        CHECK(limits.pre_auth_connections_max < limits.connections_max);
        CHECK(plan->cut.empty() == (limit > 20'000));
    }
    Config config;
    CHECK(plan_descriptors(config, 191).has_error());
}

}   // namespace entrance_test
