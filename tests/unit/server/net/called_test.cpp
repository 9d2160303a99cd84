// tests/unit/server/net/called_test.cpp: a call from elsewhere, before a coroutine waits for it and
// after.
#include <catch2/catch.hpp>
#include <thread>

#include "server/net/from_callback.hpp"

namespace called_test {

namespace asio = boost::asio;
using grid::server::net::Called;

namespace {

asio::awaitable<void> wait(std::shared_ptr<Called> called, int& steps) {
    ++steps;
    co_await Called::wait(called);
    ++steps;
}

}   // namespace

TEST_CASE("a coroutine does not stop for a call that was made", "[net]") {
    asio::io_context io;
    int steps = 0;
    auto called = std::make_shared<Called>();
    (*called)();
    asio::co_spawn(asio::make_strand(io), wait(called, steps), asio::detached);
    io.run_one();   // the turn in which it begins
    CHECK(steps == 2);
    io.run();
}

TEST_CASE("a coroutine that waits goes on when the call is made", "[net]") {
    asio::io_context io;
    int steps = 0;
    auto called = std::make_shared<Called>();
    asio::co_spawn(asio::make_strand(io), wait(called, steps), asio::detached);
    io.poll();
    CHECK(steps == 1);
    (*called)();
    CHECK(steps == 1);   // not within the call
    io.run();
    CHECK(steps == 2);
}

TEST_CASE("a call at the same moment as the wait is not missed", "[net]") {
    for (int round = 0; round < 2000; ++round) {
        asio::io_context io;
        int steps = 0;
        auto called = std::make_shared<Called>();
        const auto more = asio::make_work_guard(io);
        asio::co_spawn(
            asio::make_strand(io),
            [&]() -> asio::awaitable<void> {
                co_await wait(called, steps);
                co_await wait(called, steps);   // made ever after
                io.stop();
            },
            asio::detached
        );
        std::thread other([called] { (*called)(); });
        io.run_for(std::chrono::seconds(10));
        other.join();
        REQUIRE(steps == 4);
        REQUIRE(called->is_made());
    }
}

}   // namespace called_test
