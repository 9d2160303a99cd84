// tests/unit/storage/own_batches_test.cpp: batches on their way between a member and the leader.
#include "storage/own_batches.hpp"

#include <catch2/catch.hpp>

#include "storage/origins.hpp"

namespace own_batches_test {

using namespace grid::storage;

namespace {

Batch some(const std::string& value) { return std::move(Batch().put(Family::Control, "n", value)); }

std::vector<std::uint64_t> unsent(const OwnBatches& own) {
    std::vector<std::uint64_t> numbers;
    own.visit_unsent([&](std::uint64_t number, const OwnBatches::Own&) {
        numbers.push_back(number);
        return true;
    });
    return numbers;
}

std::vector<Ticket> tickets(const std::vector<Refused>& refused) {
    std::vector<Ticket> all;
    for (const Refused& one : refused) all.push_back(one.ticket);
    return all;
}

using Numbers = std::vector<std::uint64_t>;
using Tickets = std::vector<Ticket>;

struct PeersThatKeep final : Peers {
    bool send(MemberId to, std::string message) override {
        if (!is_up) return false;
        sent.emplace_back(to, *decode_store_message(message));
        return true;
    }
    bool is_up = true;
    std::vector<std::pair<MemberId, StoreMessage>> sent;
};

BatchesMessage message(
    std::uint64_t stream,
    std::uint64_t sequence,
    const std::vector<std::uint64_t>& numbers,
    std::uint64_t open = 0
) {
    BatchesMessage made{1, stream, sequence, open, {}};
    for (const std::uint64_t number : numbers)
        made.batches.push_back({number, number, {}, some("")});
    return made;
}

Numbers queued(Origins& origins) {
    Numbers numbers;
    for (const auto& one : origins.queue()) numbers.push_back(one.batch.number);
    return numbers;
}

}   // namespace

TEST_CASE("own batches keep their order through streams, and their bytes until the outcome") {
    OwnBatches own;
    own.begin_term(1, 0);
    for (Ticket ticket = 11; ticket <= 14; ++ticket) own.add(ticket, {}, some("x"));
    CHECK(unsent(own) == Numbers{1, 2, 3, 4});
    own.sent_up_to(3);
    CHECK(unsent(own) == Numbers{4});
    CHECK(own.bytes_under_way() == 6);
    CHECK(own.committed(1) == 11);
    CHECK(own.committed(1) == 0);
    CHECK(own.committed(99) == 0);
    CHECK(own.take_released() == 2);
    CHECK(own.bytes_under_way() == 4);
    own.begin_stream();
    CHECK(unsent(own) == Numbers{2, 3, 4});
    CHECK(own.first_open() == 2);
    CHECK(own.bytes_under_way() == 0);
    own.sent_up_to(4);
    CHECK(own.sent_again() == 2);
    CHECK(tickets(own.close(Errc::Closed, "")) == Tickets{12, 13, 14});
    CHECK(own.first_open() == 5);
}

TEST_CASE("own batches that are late are given up, the rest goes on") {
    OwnBatches own;
    own.begin_term(1, 0);
    const OwnBatches::TimePoint begin{};
    for (int second = 1; second <= 4; ++second)
        own.add(
            static_cast<Ticket>(10 + second), {}, some("x"), begin + std::chrono::seconds(second)
        );
    own.sent_up_to(2);
    own.refused(1, {2, Errc::Conflict, "", 9});
    const auto told = own.give_up(begin + std::chrono::seconds(4), Errc::Unreachable, "late");
    REQUIRE(tickets(told) == Tickets{11, 12, 13});
    CHECK(told[0].error == Errc::UnknownOutcome);   // the leader may have taken it
    CHECK(told[1].error == Errc::Unreachable);
    CHECK(told[2].error == Errc::Unreachable);
    CHECK(own.bytes_under_way() == 0);
    CHECK(own.take_released() == 6);
    CHECK(own.outcomes() == 0);
    CHECK(own.committed(1) == 0);   // the leader has taken it
    CHECK(own.take_refused(9).empty());
    CHECK(unsent(own) == Numbers{4});
    CHECK(own.committed(4) == 14);
    CHECK(own.outcomes() == 1);
}

TEST_CASE("a refusal is told when its head is applied, and once") {
    OwnBatches own;
    own.begin_term(2, 5);
    own.add(11, {}, some("x"));
    own.add(12, {}, some("y"));
    own.sent_up_to(2);
    own.refused(1, {1, Errc::Conflict, "", 6});   // of an earlier term
    CHECK(own.take_refused(100).empty());
    own.refused(2, {1, Errc::Conflict, "", 7});
    own.refused(2, {1, Errc::NoSpace, "", 1});
    CHECK(own.take_refused(6).empty());
    own.begin_stream();
    CHECK(unsent(own) == Numbers{2});
    const auto told = own.take_refused(7);
    REQUIRE(tickets(told) == Tickets{11});
    CHECK(told[0].error == Errc::Conflict);
    CHECK(own.take_refused(7).empty());
    CHECK(own.size() == 1);
}

TEST_CASE("behind a conflict of an earlier term the sender's batches conflict in the next") {
    OwnBatches own;
    own.begin_term(1, 0);
    own.add(11, {7, 1}, some("a"));
    own.add(12, {7, 1}, some("b"));
    own.add(13, {8, 1}, some("c"));
    own.sent_up_to(3);
    own.refused(1, {1, Errc::Conflict, "", 0});
    CHECK(tickets(own.take_refused(0)) == Tickets{11});
    own.add(14, {7, 1}, some("d"));   // the leader of this term knows itself
    CHECK(unsent(own) == Numbers{4});
    own.begin_term(2, 9);
    CHECK(unsent(own) == Numbers{3});
    CHECK(tickets(own.take_refused(9)) == Tickets{12, 14});
    own.add(15, {7, 1}, some("e"));
    own.add(16, {7, 2}, some("f"));
    CHECK(tickets(own.take_refused(9)) == Tickets{15});
    CHECK(unsent(own) == Numbers{3, 6});
}

TEST_CASE("the leader takes each batch once, and nothing behind a lost message") {
    Origins origins;
    origins.begin_term(1);
    CHECK(origins.take(5, message(1, 0, {1, 2})));
    CHECK(origins.take(5, message(1, 1, {3})));
    CHECK_FALSE(origins.take(5, message(1, 3, {5})));
    CHECK(origins.take(5, message(2, 0, {2, 3, 4})));
    CHECK(origins.take(5, message(1, 2, {4, 5})));   // of the stream before: as if lost
    CHECK(origins.take(5, message(2, 1, {5, 9})));
    CHECK(queued(origins) == Numbers{1, 2, 3, 4, 5, 9});
    CHECK_FALSE(origins.take(6, message(3, 1, {1})));
    BatchesMessage other = message(1, 0, {1});
    other.term = 2;
    CHECK_FALSE(origins.take(6, std::move(other)));
    origins.begin_term(2);
    CHECK(origins.queue().empty());
}

TEST_CASE("refusals are sent until the member has them") {
    Origins origins;
    origins.begin_term(1);
    PeersThatKeep peers;
    REQUIRE(origins.take(5, message(1, 0, {1, 2, 3})));
    peers.is_up = false;
    origins.refused(5, {2, Errc::Conflict, "why", 40});
    CHECK_FALSE(origins.send_refusals(peers));
    peers.is_up = true;
    CHECK(origins.send_refusals(peers));
    CHECK(origins.send_refusals(peers));
    REQUIRE(peers.sent.size() == 1);
    // The message was lost: the member asks with the number again.
    REQUIRE(origins.take(5, message(2, 0, {2, 3}, 2)));
    CHECK(queued(origins) == Numbers{1, 2, 3});
    CHECK(origins.send_refusals(peers));
    REQUIRE(peers.sent.size() == 2);
    const auto& again = std::get<RefusalsMessage>(peers.sent[1].second);
    REQUIRE(again.refusals.size() == 1);
    CHECK(again.refusals[0].number == 2);
    CHECK(again.refusals[0].detail == "why");
    CHECK(again.refusals[0].head == 40);
    // The refusal has come: the leader forgets it.
    REQUIRE(origins.take(5, message(3, 0, {2}, 3)));
    CHECK(origins.send_refusals(peers));
    CHECK(peers.sent.size() == 2);
}

TEST_CASE("senders of two members are two, and one of no order stays so") {
    CHECK(Origins::sender_of(1, {0, 3}).id == 0);
    CHECK(Origins::sender_of(1, {5, 3}).id != Origins::sender_of(2, {5, 3}).id);
    CHECK(Origins::sender_of(1, {5, 3}).id != Origins::sender_of(1, {6, 3}).id);
    CHECK(Origins::sender_of(1, {5, 3}).id == Origins::sender_of(1, {5, 4}).id);
    CHECK(Origins::sender_of(1, {5, 3}).round == 3);
}

}   // namespace own_batches_test
