// tests/unit/server/pipeline/sender_queue_test.cpp: which request of one sender may go next.
#include "server/pipeline/sender_queue.hpp"

#include <catch2/catch.hpp>

namespace sender_queue_test {

using namespace grid::server;
using grid::pubsub::Order;
using State = Transaction::State;

namespace {

struct Probe final : Transaction {
    Probe(Order o, std::vector<int>& log, int name) : answers(log), id(name) { order = o; }
    Next decide() override { return Next::Answer; }
    grid::storage::Batch take_batch() override { return {}; }
    void read(const grid::storage::Snapshot&) override {}
    void refuse(boost::system::error_code) override {}
    void answer() override { answers.push_back(id); }
    std::vector<int>& answers;
    int id;
};

struct Fixture {
    Probe& add(Order order) {
        auto probe = std::make_unique<Probe>(order, answers, next++);
        auto& ref = *probe;
        queue.push(std::move(probe));
        return ref;
    }
    SenderQueue queue{1};
    std::vector<int> answers;
    int next = 0;
};

}   // namespace

TEST_CASE_METHOD(Fixture, "publishes overlap and are answered in order") {
    auto& a = add(Order::Pipelined);
    auto& b = add(Order::Pipelined);
    REQUIRE(queue.next_to_decide(0) == &a);
    queue.went_in_flight(a, 10);
    REQUIRE(queue.next_to_decide(0) == &b);
    queue.went_in_flight(b, 10);
    queue.came_back(b);
    b.state = State::Answered;
    queue.answer_front();
    REQUIRE(answers.empty());
    queue.came_back(a);
    a.state = State::Answered;
    queue.answer_front();
    REQUIRE(answers == std::vector{0, 1});
    REQUIRE(queue.empty());
}

TEST_CASE_METHOD(Fixture, "a request is followed until it is answered") {
    auto& publish = add(Order::Pipelined);
    REQUIRE_FALSE(queue.is_followed());
    auto probe = std::make_unique<Probe>(Order::Pipelined, answers, next++);
    auto& block = *probe;
    block.is_followed = true;
    queue.push(std::move(probe));
    block.state = State::Answered;
    queue.answer_front();
    REQUIRE(queue.is_followed());   // in its turn
    publish.state = State::Answered;
    queue.answer_front();
    REQUIRE(answers == std::vector{0, 1});
    REQUIRE_FALSE(queue.is_followed());
}

TEST_CASE_METHOD(Fixture, "a barrier waits for what is before it and is waited for") {
    auto& publish = add(Order::Pipelined);
    auto& barrier = add(Order::Barrier);
    auto& after = add(Order::Pipelined);
    queue.went_in_flight(publish, 1);
    REQUIRE(queue.next_to_decide(0) == nullptr);
    queue.came_back(publish);
    publish.state = State::Answered;
    queue.answer_front();
    REQUIRE(queue.next_to_decide(0) == &barrier);
    queue.went_in_flight(barrier, 1);
    REQUIRE(queue.next_to_decide(0) == nullptr);
    queue.came_back(barrier);
    barrier.state = State::Answered;
    queue.answer_front();
    REQUIRE(queue.next_to_decide(0) == &after);
}

TEST_CASE_METHOD(Fixture, "what is being worked on is not overtaken, and is decided again") {
    auto& a = add(Order::Pipelined);
    auto& b = add(Order::Pipelined);
    auto& c = add(Order::Pipelined);
    queue.went_in_flight(a, 1);
    b.state = State::Working;
    REQUIRE(queue.next_to_decide(0) == nullptr);
    CHECK_FALSE(queue.all_decided());
    // A conflict meanwhile: what stands before it may go.
    queue.came_back(a);
    a.state = State::Waiting;
    REQUIRE(queue.next_to_decide(0) == &a);
    queue.went_in_flight(a, 1);
    b.state = State::Waiting;
    REQUIRE(queue.next_to_decide(0) == &b);
    queue.went_in_flight(b, 1);
    REQUIRE(queue.next_to_decide(0) == &c);
}

TEST_CASE_METHOD(Fixture, "after a conflict nothing is decided until all behind it came back") {
    auto& a = add(Order::Pipelined);
    auto& b = add(Order::Pipelined);
    queue.went_in_flight(a, 1);
    queue.went_in_flight(b, 1);
    queue.came_back(a);
    queue.conflicted(a);
    REQUIRE(queue.next_to_decide(0) == nullptr);
    queue.came_back(b);
    queue.conflicted(b);
    REQUIRE(queue.next_to_decide(0) == &a);
    queue.went_in_flight(a, 1);
    REQUIRE(queue.next_to_decide(0) == &b);
}

TEST_CASE_METHOD(Fixture, "only its own conflicts use up the rounds of a request") {
    auto& a = add(Order::Pipelined);
    auto& b = add(Order::Pipelined);
    for (int round = 1; round <= decide_rounds_max; ++round) {
        for (Probe* each : {&a, &b}) {
            REQUIRE(queue.next_to_decide(0) == each);
            ++each->rounds;
            queue.went_in_flight(*each, 1);
        }
        for (Probe* each : {&a, &b}) {
            queue.came_back(*each);
            queue.conflicted(*each);
        }
    }
    CHECK(a.rounds == decide_rounds_max);
    CHECK(b.rounds == 0);
}

TEST_CASE_METHOD(Fixture, "one sender has a bounded number of batches in flight") {
    std::vector<Probe*> all;
    for (std::size_t i = 0; i <= sender_batches_max; ++i) all.push_back(&add(Order::Pipelined));
    for (std::size_t i = 0; i < sender_batches_max; ++i) {
        REQUIRE(queue.next_to_decide(0) == all[i]);
        queue.went_in_flight(*all[i], 1);
    }
    REQUIRE(queue.next_to_decide(0) == nullptr);
    REQUIRE_FALSE(queue.all_decided());
    queue.came_back(*all[0]);
    all[0]->state = State::Answered;
    queue.answer_front();
    REQUIRE(queue.next_to_decide(0) == all.back());
}

TEST_CASE_METHOD(Fixture, "a sender waits at its share while all together have many batches") {
    std::vector<Probe*> all;
    for (std::size_t i = 0; i <= sender_batches_share; ++i) all.push_back(&add(Order::Pipelined));
    for (std::size_t i = 0; i < sender_batches_share; ++i) {
        REQUIRE(queue.next_to_decide(many_batches) == all[i]);
        queue.went_in_flight(*all[i], 1);
    }
    CHECK(queue.next_to_decide(many_batches) == nullptr);
    CHECK(queue.next_to_decide(many_batches - 1) == all.back());
    queue.came_back(*all[0]);
    all[0]->state = State::Answered;
    queue.answer_front();
    CHECK(queue.next_to_decide(many_batches) == all.back());
}

TEST_CASE_METHOD(Fixture, "a queue that is never empty does not keep what was answered") {
    for (int i = 0; i < 1000; ++i) {
        auto& one = add(Order::Pipelined);
        add(Order::Pipelined);
        one.state = State::Answered;
        queue.answer_front();
        if (auto* next_one = queue.next_to_decide(0)) next_one->state = State::Answered;
        queue.answer_front();
    }
    REQUIRE(answers.size() == 2000);
    REQUIRE(queue.empty());
}

TEST_CASE_METHOD(Fixture, "the first request that waits for its answer is known by its number") {
    CHECK(queue.first_unanswered() == 0);
    auto& first = add(Order::Pipelined);
    first.stanza = 4;
    add(Order::Pipelined);   // of none of the sender's stanzas
    auto& third = add(Order::Pipelined);
    third.stanza = 5;
    CHECK(queue.first_unanswered() == 4);
    // Durable, and behind one that is not: an answer comes in its turn, and so does the count.
    third.state = State::Answered;
    queue.answer_front();
    CHECK(queue.first_unanswered() == 4);
    first.state = State::Answered;
    queue.answer_front();
    CHECK(queue.first_unanswered() == 5);
}

TEST_CASE_METHOD(Fixture, "all that wait for the last answer are called, once") {
    auto& request = add(Order::Pipelined);
    std::vector<int> called;
    queue.on_answered.push_back([&] { called.push_back(1); });
    queue.on_answered.push_back([&] { called.push_back(2); });
    queue.answer_front();
    CHECK(called.empty());
    request.state = State::Answered;
    queue.answer_front();
    queue.answer_front();
    CHECK(called == std::vector{1, 2});
}

}   // namespace sender_queue_test
