// tests/unit/server/delivery/catch_up_other_members_test.cpp: items of an account with sessions on
// several members of a cluster: none is lost, whichever member fails, and none comes twice while
// none does.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>

#include "catch_up_stage.hpp"
#include "server/session/replay_state.hpp"

namespace catch_up_other_members_test {

using namespace grid;
using namespace grid::test;

namespace {

const std::string desk = "desk@grid.example", desk_a = desk + "/a", desk_b = desk + "/b",
                  desk_c = desk + "/c";

/// An account with a session `first` on another member, and three items that wait for it.
struct OtherMembers : CatchUpStage {
    OtherMembers() {
        creates("n");
        subscribes(desk_a, "n", desk);
        first = is_elsewhere(desk_a, member);
        for (const char* id : {"i1", "i2", "i3"}) publishes("n", id);
    }
    /// A session here, while that member takes care of all that was published by now.
    server::SessionPtr comes_beside(const std::string& full) {
        const auto session = comes(full);
        member->answers({0, fanout.completed()});
        catch_up(session);
        return session;
    }
    /// The session has read all that it was sent, which is noted.
    void reads(const server::SessionPtr& session) {
        catch_up_of_all.note_acknowledged(session);
        turn();
    }
    /// The clock goes on by the moment in which an end may still be told of.
    void moment() {
        boost::asio::steady_timer timer(context, std::chrono::milliseconds(1'100));
        timer.async_wait([](boost::system::error_code) {});
        context.restart();
        context.run();
        catch_up_of_all.tick();
    }

    std::shared_ptr<FakeMember> member = std::make_shared<FakeMember>(7);
    server::SessionPtr first;
};

}   // namespace

TEST_CASE_METHOD(OtherMembers, "what a session elsewhere takes care of is not told here") {
    const auto session = comes(desk_b);
    REQUIRE(member->asked.size() == 1);
    CHECK(store.waiting.empty());   // no item is read before the answer
    const auto cared_to = fanout.completed();
    publishes("n", "i4");
    CHECK(items(session).empty());
    member->answers({0, cared_to});
    catch_up(session);
    publishes("n", "i5");
    CHECK(items(session) == Ids{"i4", "i5"});
}

TEST_CASE_METHOD(OtherMembers, "a member that does not say how far it is changes nothing") {
    const auto session = comes(desk_b);
    member->answers({});
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2", "i3"});
    reads(session);
    CHECK(catch_up_of_all.known(desk) == fanout.completed());
}

TEST_CASE_METHOD(OtherMembers, "what the account has had elsewhere is not told here") {
    const auto session = comes(desk_b);
    member->answers({fanout.completed(), 0});
    catch_up(session);
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
}

TEST_CASE_METHOD(OtherMembers, "what another session takes care of is not noted as read") {
    const auto session = comes_beside(desk_b);
    const auto before = catch_up_of_all.known(desk);
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
    reads(session);
    CHECK(catch_up_of_all.known(desk) == before);
    leaves(session, {true, 0, 0});
    catch_up_of_all.on_all_acked(*session);
    CHECK(catch_up_of_all.known(desk) == before);
    leaves_elsewhere(first);   // unread
    catch_up_of_all.forget_account(desk);
    const auto again = comes(desk_b);
    catch_up(again);
    CHECK(items(again) == Ids{"i1", "i2", "i3", "i4"});
}

TEST_CASE_METHOD(
    OtherMembers, "positions are noted again when the other session has read its part"
) {
    const auto session = comes_beside(desk_b);
    catch_up_of_all.known_elsewhere(desk, fanout.completed());
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
    reads(session);
    CHECK(catch_up_of_all.known(desk) == fanout.completed());
}

TEST_CASE_METHOD(OtherMembers, "what a session elsewhere leaves unread is told to the one here") {
    const auto session = comes_beside(desk_b);
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
    leaves_elsewhere(first);
    moment();
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2", "i3"});
    reads(session);
    reads(session);
    CHECK(catch_up_of_all.known(desk) == fanout.completed());
}

TEST_CASE_METHOD(OtherMembers, "what it had read when it left does not come again") {
    const auto session = comes_beside(desk_b);
    leaves_elsewhere(first);
    catch_up_of_all.known_elsewhere(desk, fanout.completed());   // the word is behind its end
    moment();
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
}

TEST_CASE_METHOD(OtherMembers, "a session that has logged out gets what was left meanwhile") {
    const auto session = comes_beside(desk_b);
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
    catch_up_of_all.paused(session);
    session->is_active = false;
    leaves_elsewhere(first);
    moment();
    session->is_active = true;
    catch_up_of_all.on_available(session);
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2", "i3", "i4"});   // rather again than never
}

TEST_CASE_METHOD(OtherMembers, "a session that has ended before the answer comes is left alone") {
    const auto session = comes(desk_b);
    leaves(session);
    member->answers({0, fanout.completed()});
    const auto again = comes(desk_b);
    member->answers({});
    catch_up(again);
    CHECK(items(again) == Ids{"i1", "i2", "i3"});
}

TEST_CASE_METHOD(
    OtherMembers, "a member whose session has gone before its answer is not relied on"
) {
    const auto session = comes(desk_b);
    leaves_elsewhere(first);
    member->answers({0, fanout.completed()});
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2", "i3"});
}

TEST_CASE_METHOD(OtherMembers, "of two sessions that come at once the first takes what waits") {
    const auto session = comes(desk_b);   // the question is on its way
    const std::uint64_t turn = session->replay->turn;
    CHECK(catch_up_of_all.place_of(desk, turn, session->id + 1).cared_to != 0);
    CHECK(catch_up_of_all.place_of(desk, turn, session->id - 1).cared_to == 0);
    CHECK(catch_up_of_all.place_of(desk, turn - 1, session->id + 1).cared_to == 0);
    member->answers({});
    CHECK(catch_up_of_all.place_of(desk, turn, session->id - 1).cared_to != 0);
    catch_up(session);
}

TEST_CASE_METHOD(OtherMembers, "a question behind one that was heard has a later turn") {
    CHECK(catch_up_of_all.place_of(desk, 1000, 1).cared_to == 0);   // none is here yet
    const auto session = comes(desk_b);
    CHECK(catch_up_of_all.place_of(desk, 1000, session->id + 1).cared_to == 0);
    member->answers({0, fanout.completed()});
    catch_up(session);
    CHECK(items(session).empty());
}

TEST_CASE_METHOD(OtherMembers, "a member that told of no session of the account is asked, too") {
    const auto silent = std::make_shared<FakeMember>(8);
    connected = {member, silent};
    const auto session = comes(desk_b);
    CHECK(member->asked.size() == 1);
    REQUIRE(silent->asked.size() == 1);
    member->answers({});
    CHECK(store.waiting.empty());   // no item is read before the other answer
    is_elsewhere(desk_c, silent);   // told before it
    silent->answers({0, fanout.completed()});
    catch_up(session);
    CHECK(items(session).empty());
}

TEST_CASE_METHOD(OtherMembers, "an account without subscriptions has no other member asked") {
    const auto silent = std::make_shared<FakeMember>(8);
    connected = {silent};
    catch_up(comes("other@grid.example/a"));
    CHECK(silent->asked.empty());
}

TEST_CASE_METHOD(OtherMembers, "a member that relies on another one takes care of nothing") {
    const auto session = comes_beside(desk_b);
    CHECK(catch_up_of_all.place_of(desk, 100, 100).cared_to == 0);
    catch_up_of_all.known_elsewhere(desk, fanout.completed());
    CHECK(catch_up_of_all.place_of(desk, 100, 100).cared_to == fanout.completed());
    CHECK(catch_up_of_all.place_of("other@grid.example", 100, 100).cared_to == 0);
}

TEST_CASE_METHOD(
    OtherMembers, "a second session here asks nobody, and leaves what it had to the first"
) {
    const auto one = comes_beside(desk_b);
    const auto two = comes(desk_c);
    CHECK(member->asked.empty());
    catch_up(two);
    publishes("n", "i4");
    CHECK(items(one) == Ids{"i4"});
    CHECK(items(two) == Ids{"i4"});
    leaves(one, {true, 0, 0});
    reads(two);
    leaves_elsewhere(first);
    moment();
    catch_up(two);
    const auto got = items(two);
    for (const char* id : {"i1", "i2", "i3"}) CHECK(std::ranges::find(got, id) != got.end());
}

TEST_CASE_METHOD(
    OtherMembers, "a session that goes to another member takes along what it relied on"
) {
    const auto session = comes_beside(desk_b);
    publishes("n", "i4");
    CHECK(items(session) == Ids{"i4"});
    const auto before = catch_up_of_all.known(desk);
    const auto place = catch_up_of_all.leave_off(session);
    CHECK(place.after.bare == before);
    CHECK(place.account_from == before);
    CHECK(place.had.second >= fanout.completed());
}

TEST_CASE_METHOD(OtherMembers, "a session that follows another one elsewhere is still relied on") {
    const auto session = comes_beside(desk_b);
    const auto third = std::make_shared<FakeMember>(8);
    first->other_member = third;
    catch_up_of_all.moved_elsewhere(*first, 7);
    leaves_elsewhere(first);
    moment();
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2", "i3"});
}

}   // namespace catch_up_other_members_test
