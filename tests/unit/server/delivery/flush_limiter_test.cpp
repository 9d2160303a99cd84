// tests/unit/server/delivery/flush_limiter_test.cpp: a connection that found the wave full is
// woken when it ebbs.
#include "server/delivery/flush_limiter.hpp"

#include <catch2/catch.hpp>
#include <thread>

namespace flush_limiter_test {

using grid::server::FlushLimiter;

namespace {
/// Connections that fill it.
std::size_t fill(FlushLimiter& flush_limiter) {
    std::size_t count = 0;
    while (!flush_limiter.is_saturated()) {
        flush_limiter.begin();
        if (++count > 10'000) break;
    }
    return count;
}
}   // namespace

TEST_CASE("a wave is full at a bound, and wakes once when half of it is taken") {
    int woken = 0;
    FlushLimiter flush_limiter([&] { ++woken; });
    const auto count = fill(flush_limiter);
    REQUIRE(count < 1000);
    for (std::size_t i = 0; i < count; ++i) flush_limiter.end();
    CHECK(woken == 1);
    CHECK_FALSE(flush_limiter.is_saturated());
}

TEST_CASE("nobody is woken who did not wait") {
    int woken = 0;
    FlushLimiter flush_limiter([&] { ++woken; });
    for (int i = 0; i < 1000; ++i) flush_limiter.begin();
    for (int i = 0; i < 1000; ++i) flush_limiter.end();
    CHECK(woken == 0);
}

TEST_CASE("a wait between two threads never goes on for ever") {
    std::atomic<int> woken = 0, handed = 0;
    FlushLimiter flush_limiter([&] { ++woken; });
    constexpr int rounds = 200'000;
    std::thread connections([&] {
        for (int taken = 0; taken < rounds;)
            if (taken < handed.load()) {
                ++taken;
                flush_limiter.end();
            }
    });
    int seen = 0;
    for (int i = 0; i < rounds; ++i) {
        while (flush_limiter.is_saturated()) {
            while (woken.load() == seen) std::this_thread::yield();   // hangs if it is forgotten
            seen = woken.load();
        }
        flush_limiter.begin();
        ++handed;
    }
    connections.join();
    CHECK_FALSE(flush_limiter.is_saturated());
}

}   // namespace flush_limiter_test
