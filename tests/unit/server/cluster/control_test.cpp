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

/// A wait whose members are read at once.
void wait_for(
    Acknowledgements& waiting,
    std::uint64_t revision,
    const std::vector<Member>& others,
    std::function<void(bool)> done
) {
    const auto group = revision * 10;
    waiting.members_read(waiting.wait(revision, group, std::move(done)), others);
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
    wait_for(waiting, 5, {}, count);   // alone
    CHECK(done == 1);
    const std::vector<Member> others{control_member(1), control_member(2)};
    wait_for(waiting, 7, others, count);
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

TEST_CASE("an answer waits for the members that were read when it had begun to wait") {
    Acknowledgements waiting;
    int done = 0;
    const auto count = [&done](bool) { ++done; };
    const auto first = waiting.wait(7, 70, count);
    const auto second = waiting.wait(8, 80, count);
    waiting.applied(1, 9);
    waiting.members_changed({});   // as they were known before
    CHECK(done == 0);
    CHECK(waiting.asked_of(1) == 0);
    using Asked = Acknowledgements::Asked;
    const std::vector<Member> one{control_member(1)}, both{control_member(1), control_member(2)};
    CHECK(waiting.members_read(first, one) == std::vector<Asked>{{1, 7}});
    CHECK(waiting.members_read(second, both) == std::vector<Asked>{{1, 8}, {2, 8}});
    CHECK(waiting.members_read(second, both).empty());
    waiting.applied(1, 8);
    CHECK(done == 1);   // the first one did not know of the second member
    waiting.applied(2, 8);
    CHECK(done == 2);
    CHECK(waiting.members_read(waiting.wait(9, 90, count), {control_member(1, 90)}).empty());
    CHECK(done == 3);
}

TEST_CASE("a member whose lease is gone is not waited for, nor one that has the change on disk") {
    Acknowledgements waiting;
    int done = 0;
    const std::vector<Member> both{control_member(1), control_member(2)};
    wait_for(waiting, 7, both, [&done](bool) { ++done; });
    wait_for(waiting, 8, both, [&done](bool) { ++done; });
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
    wait_for(waiting, 1, {control_member(1)}, note);
    waiting.wait(2, 20, note);   // the members of this one are never read
    const auto now = std::chrono::steady_clock::now();
    waiting.give_up(now - std::chrono::seconds(60));
    CHECK(waiting.size() == 2);
    waiting.give_up_unread(now + std::chrono::seconds(60));
    CHECK(waiting.size() == 1);
    CHECK(waiting.asked_of(1) == 1);
    waiting.give_up(now + std::chrono::seconds(60));
    CHECK(waiting.size() == 0);
    waiting.applied(1, 1);
    CHECK(told == std::vector<bool>{false, false});
}

TEST_CASE("an answer may ask for another wait") {
    Acknowledgements waiting;
    int done = 0;
    const std::vector<Member> others{control_member(1)};
    wait_for(waiting, 1, others, [&](bool) {
        ++done;
        wait_for(waiting, 2, others, [&](bool) { ++done; });
    });
    waiting.applied(1, 1);
    CHECK(done == 1);
    waiting.applied(1, 2);
    CHECK(done == 2);
}

}   // namespace control_test
