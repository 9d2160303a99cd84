// tests/unit/server/cluster/control_test.cpp: words between members, and answers that wait for
// all of them.
#include "server/cluster/control.hpp"

#include <catch2/catch.hpp>

namespace control_test {

using grid::server::cluster::Acknowledgements;
using grid::server::cluster::ControlWord;
using grid::server::cluster::decode_control;
using grid::server::cluster::encode;
using grid::server::cluster::Member;

namespace {

Member control_member(std::uint64_t id, std::uint64_t flushed = 0) {
    Member member;
    member.id = id;
    member.flushed_group = flushed;
    return member;
}

}   // namespace

TEST_CASE("a word of another member is read back; what is cut off or unknown is none") {
    const ControlWord word{ControlWord::Kind::Applied, 1'234'567'890'123};
    const std::string bytes = encode(word);
    REQUIRE(decode_control(bytes).has_value());
    CHECK(*decode_control(bytes) == word);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_FALSE(decode_control(bytes.substr(0, length)).has_value());
    CHECK_FALSE(decode_control(bytes + "x").has_value());
    for (const char kind : {'\0', '\4', '\xa', '\xff'}) {
        std::string other = bytes;
        other[0] = kind;
        CHECK_FALSE(decode_control(other).has_value());
    }
}

TEST_CASE("an answer waits until each other member has applied its change") {
    Acknowledgements waiting;
    int done = 0;
    const auto count = [&done](bool is_known) { done += is_known ? 1 : 100; };
    waiting.wait(5, 50, {}, count);   // alone
    CHECK(done == 1);
    const std::vector<Member> others{control_member(1), control_member(2)};
    waiting.wait(7, 70, others, count);
    CHECK(waiting.asked_of(1) == 7);
    waiting.applied(1, 6);   // not yet
    CHECK(waiting.asked_of(1) == 7);
    waiting.applied(1, 9);
    CHECK(waiting.asked_of(1) == 0);
    CHECK(done == 1);
    waiting.applied(3, 9);   // of nobody that is waited for
    CHECK(done == 1);
    waiting.applied(2, 7);
    CHECK(done == 2);
    CHECK(waiting.size() == 0);
}

TEST_CASE("a member whose lease is gone is not waited for, nor one that has the change on disk") {
    Acknowledgements waiting;
    int done = 0;
    waiting.wait(7, 70, {control_member(1), control_member(2)}, [&done](bool) { ++done; });
    waiting.wait(8, 80, {control_member(1), control_member(2)}, [&done](bool) { ++done; });
    waiting.members_changed({control_member(1, 70)});
    CHECK(done == 1);
    CHECK(waiting.asked_of(1) == 8);
    CHECK(waiting.asked_of(2) == 0);
    waiting.members_changed({control_member(1, 79)});
    CHECK(done == 1);
    waiting.members_changed({control_member(1, 80)});
    CHECK(done == 2);
}

TEST_CASE("a wait that is given up says so, and only an old one is") {
    Acknowledgements waiting;
    std::vector<bool> told;
    const auto note = [&told](bool is_known) { told.push_back(is_known); };
    waiting.wait(1, 1, {control_member(1)}, note);
    const auto now = std::chrono::steady_clock::now();
    waiting.give_up(now - std::chrono::seconds(60));
    CHECK(waiting.size() == 1);
    waiting.give_up(now + std::chrono::seconds(60));
    CHECK(waiting.size() == 0);
    waiting.applied(1, 1);
    CHECK(told == std::vector<bool>{false});
}

TEST_CASE("an answer may ask for another wait") {
    Acknowledgements waiting;
    int done = 0;
    const std::vector<Member> others{control_member(1)};
    waiting.wait(1, 1, others, [&](bool) {
        ++done;
        waiting.wait(2, 2, others, [&](bool) { ++done; });
    });
    waiting.applied(1, 1);
    CHECK(done == 1);
    waiting.applied(1, 2);
    CHECK(done == 2);
}

}   // namespace control_test
