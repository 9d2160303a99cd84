// tests/unit/server/wave.cpp: a connection that found the wave full is woken when it ebbs.
#include "server/grid/wave.hpp"

#include <catch2/catch.hpp>
#include <thread>

namespace wave {

using grid::server::Wave;

namespace {
/// Connections that fill it.
std::size_t fill(Wave& wave) {
    std::size_t count = 0;
    while (!wave.is_full()) {
        wave.handed_over();
        if (++count > 10'000) break;
    }
    return count;
}
}   // namespace

TEST_CASE("a wave is full at a bound, and wakes once when half of it is taken") {
    int woken = 0;
    Wave wave([&] { ++woken; });
    const auto count = fill(wave);
    REQUIRE(count < 1000);
    for (std::size_t i = 0; i < count; ++i) wave.taken();
    CHECK(woken == 1);
    CHECK_FALSE(wave.is_full());
}

TEST_CASE("nobody is woken who did not wait") {
    int woken = 0;
    Wave wave([&] { ++woken; });
    for (int i = 0; i < 1000; ++i) wave.handed_over();
    for (int i = 0; i < 1000; ++i) wave.taken();
    CHECK(woken == 0);
}

TEST_CASE("a wait between two threads never goes on for ever") {
    std::atomic<int> woken = 0, handed = 0;
    Wave wave([&] { ++woken; });
    constexpr int rounds = 200'000;
    std::thread connections([&] {
        for (int taken = 0; taken < rounds;)
            if (taken < handed.load()) {
                ++taken;
                wave.taken();
            }
    });
    int seen = 0;
    for (int i = 0; i < rounds; ++i) {
        while (wave.is_full()) {
            while (woken.load() == seen) std::this_thread::yield();   // hangs if it is forgotten
            seen = woken.load();
        }
        wave.handed_over();
        ++handed;
    }
    connections.join();
    CHECK_FALSE(wave.is_full());
}

}   // namespace wave
