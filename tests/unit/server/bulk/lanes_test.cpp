// tests/unit/server/bulk/lanes_test.cpp: threads of byte streams begin when they are wanted, take
// strands in turn, and end after what was posted.
#include "server/bulk/lanes.hpp"

#include <sched.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

namespace lanes_test {

namespace asio = boost::asio;
namespace server = grid::server;
using server::Log;
using server::LogSettings;
using server::bulk::Lanes;

namespace {

std::thread::id lane_thread_of(const server::net::Strand& strand) {
    std::promise<std::thread::id> here;
    asio::post(strand, [&here] { here.set_value(std::this_thread::get_id()); });
    return here.get_future().get();
}

/// Tells when it is destroyed.
struct LaneGuest {
    explicit LaneGuest(std::atomic<bool>& flag) : is_gone(flag) {}
    ~LaneGuest() { is_gone = true; }
    LaneGuest(const LaneGuest&) = delete;
    LaneGuest& operator=(const LaneGuest&) = delete;
    std::atomic<bool>& is_gone;
};

}   // namespace

TEST_CASE("lanes: strands go to each thread in turn, and to no more threads than there may be") {
    Log log(LogSettings{"off", "text"});
    Lanes lanes(2, log);
    const auto one = lane_thread_of(lanes.strand()), other = lane_thread_of(lanes.strand());
    CHECK(one != other);
    CHECK(lane_thread_of(lanes.strand()) == one);
    CHECK(lane_thread_of(lanes.strand()) == other);
    CHECK(one != std::this_thread::get_id());
    lanes.stop();
}

TEST_CASE("lanes: their threads are scheduled as batches, and no others") {
    Log log(LogSettings{"off", "text"});
    Lanes lanes(1, log);
    std::promise<int> policy;
    asio::post(lanes.strand(), [&policy] { policy.set_value(::sched_getscheduler(0)); });
    CHECK(policy.get_future().get() == SCHED_BATCH);
    CHECK(::sched_getscheduler(0) != SCHED_BATCH);
    lanes.stop();
}

TEST_CASE("lanes: where none is asked for there is one all the same") {
    Log log(LogSettings{"off", "text"});
    Lanes lanes(0, log);
    CHECK(lane_thread_of(lanes.strand()) == lane_thread_of(lanes.strand()));
}

TEST_CASE("lanes: what was posted is done before the end, and what waits is let go") {
    Log log(LogSettings{"off", "text"});
    Lanes lanes(1, log);
    const auto strand = lanes.strand();
    std::atomic<bool> is_gone = false;
    asio::steady_timer timer(strand, std::chrono::hours(1));
    std::promise<void> waits;
    asio::post(strand, [&, guest = std::make_shared<LaneGuest>(is_gone)] {
        timer.async_wait([guest](boost::system::error_code) {});
        waits.set_value();
    });
    waits.get_future().get();
    std::atomic<int> done = 0;
    for (int i = 0; i < 100; ++i) asio::post(strand, [&done] { ++done; });
    lanes.stop();
    CHECK(done == 100);
    CHECK(is_gone);
    lanes.stop();   // once more does no harm
}

TEST_CASE("lanes: an exception ends the work that has it, and no more") {
    Log log(LogSettings{"off", "text"});
    Lanes lanes(1, log);
    const auto strand = lanes.strand();
    asio::post(strand, [] { throw std::runtime_error("a fault"); });
    CHECK(lane_thread_of(strand) != std::this_thread::get_id());
}

}   // namespace lanes_test
