// tests/unit/server/delivery/offline_delivery_test.cpp: messages that waited, and the session that
// gets them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "catch_up_stage.hpp"

namespace offline_delivery_test {

using grid::server::Delivered;
using grid::test::CatchUpStage;
using grid::test::Ids;

namespace {

const std::string bert = "bert@grid.example";

/// Reads and ticks until nothing is left to read.
struct OfflineStage : CatchUpStage {
    void reads() {
        offline.tick();
        while (!store.waiting.empty()) {
            run_read();
            offline.tick();
        }
        turn();
    }
};

}   // namespace

TEST_CASE_METHOD(
    OfflineStage, "offline: a session gets what waited, the oldest first, once", "[delivery]"
) {
    for (const char* id : {"1", "2", "3"}) waits(bert, id);
    CHECK(offline.is_behind(bert));
    const auto session = comes(bert + "/b");
    CHECK(offline.is_behind(bert));   // a later message goes behind them
    waits(bert, "4");
    reads();
    CHECK(messages(session) == Ids{"1", "2", "3", "4"});
    CHECK_FALSE(offline.is_behind(bert));
    reads();   // the transport has said that they have arrived
    CHECK(waiting(bert).empty());
    does_what_is_due();
    const auto other = comes(bert + "/c");
    reads();
    CHECK(messages(other).empty());
}

TEST_CASE_METHOD(
    OfflineStage, "offline: a session that does not read gets as much as it may hold", "[delivery]"
) {
    constexpr std::size_t outbox = 16 * 1024;
    for (int i = 0; i < 40; ++i) waits(bert, std::to_string(100 + i), 1024);
    const auto session = comes(bert + "/b", false, outbox);
    transport(session).is_far = true;
    reads();
    reads();
    const auto first = messages(session);
    CHECK_FALSE(first.empty());
    CHECK(first.size() < 40);
    CHECK(session->budget->used() <= outbox);
    CHECK(waiting(bert).size() == 40);
    Ids all = first;
    for (int round = 0; round < 40 && all.size() < 40; ++round) {
        transport(session).read_all();
        reads();
        const auto more = messages(session);
        all.insert(all.end(), more.begin(), more.end());
    }
    REQUIRE(all.size() == 40);
    CHECK(std::is_sorted(all.begin(), all.end()));
}

TEST_CASE_METHOD(
    OfflineStage, "offline: what has not arrived goes to the next session", "[delivery]"
) {
    for (const char* id : {"1", "2"}) waits(bert, id);
    const auto lost = comes(bert + "/b");
    transport(lost).is_far = true;
    reads();
    CHECK(messages(lost) == Ids{"1", "2"});
    leaves(lost, Delivered{false, 0, 0});
    CHECK(waiting(bert) == Ids{"1", "2"});
    const auto session = comes(bert + "/c");
    transport(session).is_far = true;
    reads();
    CHECK(messages(session) == Ids{"1", "2"});
    waits(bert, "3");
    reads();
    CHECK(waiting(bert) == Ids{"1", "2", "3"});
    leaves(session, Delivered{true, 0, 0});   // with a goodbye: all has arrived
    CHECK(waiting(bert).empty());
}

TEST_CASE_METHOD(OfflineStage, "offline: another resource goes on where one leaves", "[delivery]") {
    waits(bert, "1");
    const auto one = comes(bert + "/b");
    const auto other = comes(bert + "/c");
    leaves(one);
    reads();
    CHECK(messages(other) == Ids{"1"});
}

TEST_CASE_METHOD(OfflineStage, "offline: a text that cannot be read is tried again", "[delivery]") {
    waits(bert, "1");
    store.unreadable.insert("id='1'");
    const auto session = comes(bert + "/b");
    reads();
    CHECK(messages(session).empty());
    CHECK(waiting(bert) == Ids{"1"});
    CHECK(offline.is_behind(bert));
}

}   // namespace offline_delivery_test
