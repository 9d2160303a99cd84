// tests/unit/server/systemd/heartbeat_test.cpp: a stuck core strand, or a stuck reactor, has no
// beats.
#include "server/systemd/heartbeat.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace heartbeat_test {

using grid::server::systemd::Heartbeat;

namespace {

/// The work of a core strand that does nothing by itself.
struct HeartbeatStage {
    void run_core() {
        auto due = std::exchange(work, {});
        for (const auto& one : due) one();
    }
    boost::asio::io_context context;
    std::vector<std::function<void()>> work;
    int beats = 0;
    std::shared_ptr<Heartbeat> heart = std::make_shared<Heartbeat>(
        context,
        [this](auto one) { work.push_back(std::move(one)); },
        [this] { ++beats; },
        std::chrono::microseconds(1)
    );
};

}   // namespace

TEST_CASE("a beat is a word of the reactor that the core strand has taken") {
    HeartbeatStage stage;
    stage.heart->start();
    CHECK(stage.work.empty());   // a stuck reactor asks nobody
    stage.context.run_one();
    REQUIRE(stage.work.size() == 1);
    CHECK(stage.beats == 0);
    stage.run_core();
    CHECK(stage.beats == 1);
    while (stage.work.empty()) stage.context.run_one();
    stage.run_core();
    CHECK(stage.beats == 2);
}

TEST_CASE("a core strand that is stuck is asked once, and there is no beat") {
    HeartbeatStage stage;
    stage.heart->start();
    for (int i = 0; i < 20; ++i) stage.context.run_one();
    CHECK(stage.work.size() == 1);
    CHECK(stage.beats == 0);
    stage.run_core();
    CHECK(stage.beats == 1);
}

TEST_CASE("no beat comes after the end") {
    HeartbeatStage stage;
    stage.heart->start();
    stage.context.run_one();
    stage.heart->stop();
    stage.run_core();
    stage.context.run();   // ends: no timer is left
    CHECK(stage.work.empty());
    CHECK(stage.beats == 0);
}

}   // namespace heartbeat_test
