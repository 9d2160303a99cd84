// tests/unit/server/net/tls_places_test.cpp: which connections wait for TLS, and which give way.
#include "server/net/tls_places.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace tls_places_test {

using grid::server::net::TlsPlaces;
using namespace std::chrono_literals;

namespace {

struct Hall {
    explicit Hall(std::size_t most) : places(std::make_shared<TlsPlaces>(most)) {}

    /// The number of the claim.
    std::size_t claim(const std::string& source) {
        const auto number = claims.size();
        claims.push_back(places->claim(
            source, now, [this, number] { granted.push_back(number); },
            [this, number] { left.push_back(number); }
        ));
        return number;
    }
    bool is_held(std::size_t number) { return claims[number]->is_held(); }

    std::shared_ptr<TlsPlaces> places;
    TlsPlaces::Clock::time_point now{};
    std::vector<std::size_t> granted, left;   // claims that end tell of others
    std::vector<std::shared_ptr<TlsPlaces::Claim>> claims;
    using Numbers = std::vector<std::size_t>;
};

}   // namespace

TEST_CASE("sources have the places that become free one after the other", "[net]") {
    Hall hall(2);
    for (const char* source : {"a", "x", "a", "a", "b", "c"}) hall.claim(source);
    CHECK(hall.is_held(1));
    CHECK_FALSE(hall.is_held(2));
    hall.claims[0].reset();
    hall.claims[1].reset();
    CHECK(hall.granted == Hall::Numbers{2, 4});
    hall.claims[2].reset();
    hall.claims[4].reset();
    CHECK(hall.granted == Hall::Numbers{2, 4, 5, 3});
    CHECK(hall.left.empty());
    CHECK(hall.places->held() == 2);
}

TEST_CASE("a source with far more places than another gives way sooner", "[net]") {
    Hall hall(32);   // a part of 16: more than two more
    for (int i = 0; i < 32; ++i) hall.claim("crowd");
    CHECK_FALSE(hall.is_held(hall.claim("early")));
    hall.claims.pop_back();
    hall.now += TlsPlaces::crowd_patience;
    for (std::size_t i = 32; i < 47; ++i) CHECK(hall.is_held(hall.claim("honest")));
    CHECK_FALSE(hall.is_held(hall.claim("honest")));   // 17 and 15: both may have many clients
    CHECK(hall.left.size() == 15);
    CHECK(hall.left.front() == 0);
    CHECK_FALSE(hall.is_held(0));
    CHECK(hall.places->held() == 32);
}

TEST_CASE("a place that is kept for long goes to a claim that waits", "[net]") {
    Hall hall(2);
    hall.claim("a");
    hall.now += 1s;
    hall.claim("b");
    const auto third = hall.claim("c");
    CHECK_FALSE(hall.claims[third]->retry(hall.now));
    hall.now += TlsPlaces::patience - 1s;
    CHECK(hall.claims[third]->retry(hall.now));
    CHECK(hall.claims[third]->retry(hall.now));
    CHECK(hall.left == Hall::Numbers{0});
    CHECK(hall.granted.empty());   // the retry has said so
    CHECK(hall.is_held(1));
}

TEST_CASE("a claim that ends leaves nothing behind", "[net]") {
    Hall hall(1);
    hall.claim("a");
    const auto waiting = hall.claim("b"), last = hall.claim("b");
    hall.claims[waiting].reset();
    hall.claims[0].reset();
    CHECK(hall.granted == Hall::Numbers{last});
    hall.claims[last].reset();
    CHECK(hall.places->held() == 0);
    CHECK(hall.is_held(hall.claim("c")));
}

TEST_CASE("a place that is given away goes to those whose turn it is", "[net]") {
    Hall hall(1);
    hall.claim("x");
    hall.claim("crowd");
    const auto second = hall.claim("crowd"), honest = hall.claim("honest");
    hall.now += TlsPlaces::patience;
    CHECK_FALSE(hall.claims[second]->retry(hall.now));   // the first of its source had a turn
    CHECK(hall.granted == Hall::Numbers{1});
    hall.now += TlsPlaces::patience;
    CHECK_FALSE(hall.claims[second]->retry(hall.now));
    CHECK(hall.is_held(honest));
    CHECK(hall.left == Hall::Numbers{0, 1});
}

TEST_CASE("a long line moves faster", "[net]") {
    Hall hall(4);
    for (int i = 0; i < 4; ++i) hall.claim("h" + std::to_string(i));
    for (int i = 0; i < 2; ++i) hall.claim("w" + std::to_string(i));
    hall.now += TlsPlaces::patience - 1ms;
    CHECK_FALSE(hall.claims[4]->retry(hall.now));
    CHECK(hall.left.empty());
    hall.now -= TlsPlaces::patience - 1ms;
    for (int i = 2; i < 4; ++i) hall.claim("w" + std::to_string(i));   // twice as long: a quarter
    hall.now += 749ms;
    CHECK_FALSE(hall.claims[4]->retry(hall.now));
    hall.now += 1ms;
    CHECK(hall.claims[4]->retry(hall.now));
    CHECK(hall.left == Hall::Numbers{0});   // the line is shorter by one
}

}   // namespace tls_places_test
