// tests/unit/server/session/unacked_queue_test.cpp: counting modulo 2^32, and what is kept until it
// is acknowledged (XEP-0198 §4).
#include "server/session/unacked_queue.hpp"

#include <catch2/catch.hpp>

namespace unacked_queue_test {

using namespace grid::server;
using Place = UnackedQueue::Place;

namespace {

constexpr std::size_t stanza_bytes = 10;

Outgoing whole(std::string text) {
    return Outgoing::whole(
        StanzaKind::Message, std::make_shared<const std::string>(std::move(text))
    );
}

struct UnackedFixture {
    explicit UnackedFixture(std::uint64_t count = 0) : queue(budget, count) {}
    /// Pushes stanzas of ten bytes, as Fanout does: their bytes are taken first.
    void push(int count, grid::storage::Revision owed_from = 0, bool is_relayed = false) {
        for (int i = 0; i < count; ++i) {
            REQUIRE(budget->take(stanza_bytes) == Budget::Taken::Yes);
            Outgoing stanza = whole(std::string(stanza_bytes, 'x'));
            stanza.number = owed_from == 0 ? 0 : owed_from + static_cast<unsigned>(i);
            stanza.is_relayed = is_relayed;
            queue.push(std::move(stanza));
        }
    }
    std::shared_ptr<Budget> budget = std::make_shared<Budget>(1000);
    UnackedQueue queue;
};

struct NearTheEnd : UnackedFixture {
    NearTheEnd() : UnackedFixture(0xFFFFFFFE) {}
};

}   // namespace

TEST_CASE_METHOD(UnackedFixture, "what is acknowledged leaves the queue and the budget") {
    push(5);
    CHECK(budget->used() == 5 * stanza_bytes);
    CHECK(queue.acknowledge(3) == Place::Ahead);
    CHECK(queue.kept().size() == 2);
    CHECK(budget->used() == 2 * stanza_bytes);
    CHECK(queue.acknowledge(3) == Place::Ahead);   // said again
    CHECK(queue.kept().size() == 2);
    CHECK(queue.acknowledge(5) == Place::Ahead);
    CHECK(queue.is_all_acknowledged());
    CHECK(budget->used() == 0);
}

TEST_CASE_METHOD(UnackedFixture, "what a count would acknowledge is told before it does") {
    push(5);
    CHECK(queue.acknowledged_by(0).empty());
    CHECK(queue.acknowledged_by(2).size() == 2);
    CHECK(queue.acknowledged_by(6).empty());   // too high
    REQUIRE(queue.forget(stanza_bytes));
    CHECK(queue.acknowledged_by(1).empty());   // that one is gone
    CHECK(queue.acknowledged_by(3).size() == 2);
    CHECK(queue.acknowledged_by(3).data() == queue.kept().data());
    REQUIRE(queue.acknowledge(3) == Place::Ahead);
    CHECK(queue.acknowledged_by(2).empty());   // behind
    CHECK(queue.acknowledged_by(4).size() == 1);
}

TEST_CASE_METHOD(UnackedFixture, "a count that is too high, or an old one, changes nothing") {
    push(4);
    CHECK(queue.acknowledge(5) == Place::TooHigh);
    CHECK(queue.acknowledge(2) == Place::Ahead);
    CHECK(queue.acknowledge(1) == Place::Behind);
    // No stanza had such a number, near or far.
    for (const std::uint32_t none : {0xFFFFFFFFU, 0xC0000000U, 0x80000000U, 0x40000000U})
        CHECK(queue.acknowledge(none) == Place::TooHigh);
    CHECK(queue.kept().size() == 2);
    CHECK_FALSE(queue.has_all_after(1));
    CHECK(queue.has_all_after(2));
    CHECK(queue.has_all_after(4));
    CHECK_FALSE(queue.has_all_after(5));
}

TEST_CASE_METHOD(NearTheEnd, "numbers go on at zero after 2^32 - 1") {
    push(4);   // 2^32 - 1, 0, 1, 2
    CHECK(queue.sent_count() == 2);
    CHECK(queue.acknowledge(3) == Place::TooHigh);
    CHECK(queue.acknowledge(0xFFFFFFFF) == Place::Ahead);
    CHECK(queue.kept().size() == 3);
    CHECK(queue.acknowledge(1) == Place::Ahead);
    CHECK(queue.kept().size() == 1);
    CHECK(queue.acknowledge(0xFFFFFFFF) == Place::Behind);
    CHECK(queue.acknowledge(2) == Place::Ahead);
    CHECK(queue.is_all_acknowledged());
}

TEST_CASE_METHOD(UnackedFixture, "the first item that is not acknowledged is known") {
    push(2);
    CHECK(queue.owed_from() == 0);
    push(3, 7);   // 7, 8, 9
    push(1, 4);   // an older one: of a node that the client came to later
    CHECK(queue.owed_from() == 4);
    queue.acknowledge(3);
    CHECK(queue.owed_from() == 4);
    queue.acknowledge(6);
    CHECK(queue.owed_from() == 0);
}

TEST_CASE_METHOD(UnackedFixture, "the oldest is forgotten for room, and no message of a client") {
    push(3, 7);
    push(1, 0, true);
    push(2);
    CHECK(queue.forget(2 * stanza_bytes));
    CHECK(budget->used() == 4 * stanza_bytes);
    CHECK(queue.owed_from() == 7);   // not acknowledged, so that it is still owed
    CHECK_FALSE(queue.has_all_after(1));
    CHECK(queue.has_all_after(2));
    CHECK_FALSE(queue.forget(2 * stanza_bytes));   // the third, and then the message
    CHECK(queue.kept().size() == 3);
    queue.acknowledge(2);
    CHECK(queue.owed_from() == 7);   // the third is neither kept nor acknowledged
    queue.acknowledge(3);
    CHECK(queue.owed_from() == 0);
    CHECK(queue.kept().size() == 3);
}

TEST_CASE("a queue that goes gives its bytes back") {
    const auto budget = std::make_shared<Budget>(100);
    {
        UnackedQueue queue(budget);
        REQUIRE(budget->take(1) == Budget::Taken::Yes);
        queue.push(whole("x"));
        CHECK(budget->used() == 1);
    }
    CHECK(budget->used() == 0);
}

TEST_CASE_METHOD(UnackedFixture, "of a long queue the rest is in order, however it was cut") {
    for (int i = 0; i < 50; ++i) {
        REQUIRE(budget->take(2) == Budget::Taken::Yes);
        queue.push(whole(std::to_string(10 + i)));
    }
    for (const unsigned h : {1U, 7U, 8U, 24U, 25U, 31U, 49U}) {
        queue.acknowledge(h);
        REQUIRE(queue.kept().size() == 50 - h);
        for (std::size_t i = 0; i < queue.kept().size(); ++i)
            REQUIRE(*queue.kept()[i].text == std::to_string(10 + h + i));
        REQUIRE(budget->used() == 2 * (50 - h));
    }
}

}   // namespace unacked_queue_test
