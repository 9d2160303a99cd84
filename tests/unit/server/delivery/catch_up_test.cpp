// tests/unit/server/delivery/catch_up_test.cpp: turns of the strand in which what is owed to a
// session could be lost, doubled or turned round.
#include <catch2/catch.hpp>

#include "catch_up_stage.hpp"

namespace catch_up_test {

using namespace grid;
using namespace grid::test;

namespace {

const std::string desk = "desk@grid.example", desk_a = desk + "/a", desk_b = desk + "/b";
const std::string is_volatile = "<field var='pubsub#persist_items'><value>0</value></field>";
const std::string sends_last =
    "<field var='pubsub#send_last_published_item'><value>on_sub</value></field>";
const std::string digest =
    "<field var='pubsub#digest'><value>1</value></field>"
    "<field var='pubsub#digest_frequency'><value>60000</value></field>";

struct Stage : CatchUpStage {
    Stage() {
        creates("n");
        subscribes(desk_a, "n", desk);
    }
};

std::vector<std::string> with_items(std::vector<std::string> stanzas) {
    std::erase_if(stanzas, [](const std::string& stanza) {
        return stanza.find("<items ") == std::string::npos;
    });
    return stanzas;
}

}   // namespace

TEST_CASE_METHOD(Stage, "§6.1.7: a subscription made while a part is read gets its last item") {
    creates("last", sends_last);
    subscribes(desk_a, "last", desk);
    publishes("last", "i1");
    const auto session = comes(desk_a);
    REQUIRE(store.waiting.size() == 1);
    subscribes(desk_a, "last", desk_a);   // begins with i1, which the part tells the account only
    catch_up(session);
    const auto told = with_items(transport(session).stanzas());   // beside the subscription's state
    REQUIRE(told.size() == 2);
    CHECK(told[0].starts_with("<message to='" + desk + "'"));
    CHECK(told[1].starts_with("<message to='" + desk_a + "'"));
    CHECK(items(session) == Ids{"i1", "i1"});
}

TEST_CASE_METHOD(Stage, "what another resource left is not overtaken by a part that is read") {
    creates("m");
    subscribes(desk_b, "m", desk_b);
    publishes("n", "i1");
    const auto a = comes(desk_a);   // is to be told of i1
    publishes("m", "j1");
    const auto b = comes(desk_b);   // is to be told of j1; the account's items are the other's
    REQUIRE(store.waiting.size() == 2);
    leaves(a);
    catch_up(b);
    CHECK(items(b) == Ids{"i1", "j1"});
}

TEST_CASE_METHOD(Stage, "a payload that cannot be read is told of later, and nothing before it") {
    for (const char* id : {"i1", "i2", "i3"}) publishes("n", id);
    store.unreadable = {"i2"};
    const auto session = comes(desk_a);
    run_read();
    CHECK(items(session) == Ids{"i1"});
    store.unreadable.clear();
    catch_up(session);
    CHECK(items(session) == Ids{"i2", "i3"});
}

TEST_CASE_METHOD(Stage, "who falls back before it was told of anything begins where it was") {
    creates("v", is_volatile);
    subscribes(desk_a, "v", desk);
    publishes("n", "i1");
    auto session = comes(desk_a);
    catch_up(session);
    CHECK(items(session) == Ids{"i1"});
    leaves(session, {true, 0});
    publishes("n", "i2");
    session = comes(desk_a, false, 4096);
    REQUIRE(store.waiting.size() == 1);
    publishes("v", "v1", 3000);
    publishes("v", "v2", 3000);   // no room for it
    CHECK(transport(session).traffic("message", desk).stanzas == 1);
    CHECK(transport(session).traffic().bytes == transport(session).held_bytes());
    transport(session).read_all();
    catch_up(session);
    CHECK(items(session) == Ids{"v1", "i2"});
}

TEST_CASE_METHOD(Stage, "a part that was handed over is not told of again for want of room") {
    creates("v", is_volatile);
    subscribes(desk_a, "v", desk);
    Ids all;
    for (int i = 0; i < 300; ++i) publishes("n", all.emplace_back("i" + std::to_string(i)));
    const auto session = comes(desk_a, false, 1024 * 1024);
    run_read();   // the first part leaves
    REQUIRE(store.waiting.size() == 1);
    for (int i = 0; i < 6; ++i) publishes("v", "v" + std::to_string(i), 200'000);
    transport(session).read_all();
    catch_up(session);
    Ids got = items(session);
    std::erase_if(got, [](const std::string& id) { return id.starts_with("v"); });
    CHECK(got == all);
}

TEST_CASE_METHOD(Stage, "who takes over from a slow resource is not told twice of what it had") {
    const auto a = comes(desk_a, false, 4096);
    catch_up(a);
    publishes("n", "i1", 3000);
    publishes("n", "i2", 3000);   // no room for it
    REQUIRE(a->replay);
    const auto b = comes(desk_b);
    catch_up(b);
    publishes("n", "i3");
    CHECK(items(b) == Ids{"i3"});
    leaves(a);
    catch_up(b);
    CHECK(items(b) == Ids{"i1", "i2"});
}

TEST_CASE_METHOD(Stage, "a digest comes once, and before what is told of its node from the store") {
    creates("d");
    subscribes(desk_a, "d", desk, digest);
    const auto session = comes(desk_a, false, 4096);
    catch_up(session);
    publishes("d", "d1");
    publishes("n", "i1", 3000);
    publishes("d", "d2");
    publishes("n", "i2", 3000);   // no room for it
    REQUIRE(session->replay);
    publishes("d", "d3");
    transport(session).read_all();
    transport(session).is_fast = true;
    CHECK(items(session) == Ids{"i1"});
    catch_up(session);
    digests_leave();
    Ids of_d = items(session), of_n;
    std::copy_if(of_d.begin(), of_d.end(), std::back_inserter(of_n), [](const auto& id) {
        return id.starts_with("i");
    });
    std::erase_if(of_d, [](const auto& id) { return id.starts_with("i"); });
    CHECK(of_n == Ids{"i2"});
    CHECK(of_d == Ids{"d1", "d2", "d3"});
}

TEST_CASE_METHOD(Stage, "what a resource took unread with it is told to the one that came since") {
    const auto a = comes(desk_a, false);
    catch_up(a);
    publishes("n", "i1");   // into its socket, and no further
    const auto b = comes(desk_b);
    catch_up(b);
    publishes("n", "i2");
    CHECK(items(b) == Ids{"i2"});
    leaves(a);
    catch_up(b);
    CHECK(items(b) == Ids{"i1"});
}

TEST_CASE_METHOD(Stage, "what was taken over is not noted before it has arrived") {
    for (const bool is_told : {false, true}) {
        const auto a = comes(desk_a, false);
        catch_up(a);
        transport(a).is_far = true;
        publishes("n", "i1");   // into its socket, and no further
        const auto b = comes(desk_b);
        catch_up(b);
        publishes("n", "i2");
        catch_up_of_all.note_acknowledged(b);
        turn();
        items(b);
        leaves(a);
        if (is_told) catch_up(b);
        transport(b).is_far = true;
        catch_up_of_all.note_acknowledged(b);
        turn();
        leaves(b);
        const auto again = comes(desk_a);
        catch_up(again);
        const auto got = items(again);
        CHECK(std::ranges::find(got, "i1") != got.end());
        catch_up_of_all.note_acknowledged(again);
        turn();
        leaves(again);
    }
}

TEST_CASE_METHOD(Stage, "a session that never logged in has read nothing for its account") {
    publishes("n", "i1");
    const auto bound = comes(desk_a);
    bound->is_active = false;   // as before its presence
    bound->replay = nullptr;
    catch_up_of_all.detached(*bound);
    bound->transport = nullptr;
    catch_up_of_all.on_all_acked(*bound);   // all that was sent was read: nothing
    const auto again = comes(desk_a);
    catch_up(again);
    CHECK(items(again) == Ids{"i1"});
}

TEST_CASE_METHOD(Stage, "what was read at a member that is ahead is not told again") {
    subscribes(desk_a, "n", desk_a);
    const auto now = fanout.completed(), of_account = now + 20, of_resource = now + 40;
    catch_up_of_all.known_elsewhere(desk, of_account);
    catch_up_of_all.known_elsewhere(desk_a, of_resource);
    const auto a = comes(desk_a);
    catch_up(a);
    while (fanout.completed() < of_account) publishes("n", "i1");
    CHECK(items(a).empty());
    publishes("n", "i2");   // the account lacks it, the resource has it
    CHECK(items(a) == Ids{"i2"});
    while (fanout.completed() < of_resource) publishes("n", "i2");
    items(a);
    publishes("n", "i3");
    CHECK(items(a) == Ids{"i3", "i3"});
}

TEST_CASE_METHOD(Stage, "who takes over is told nothing from before the other began") {
    auto a = comes(desk_a);
    catch_up(a);
    publishes("n", "i1");
    CHECK(items(a) == Ids{"i1"});
    leaves(a, {true, 0, 0});
    a = comes(desk_a, false);
    catch_up(a);
    publishes("n", "i2");
    const auto b = comes(desk_b);
    catch_up(b);
    leaves(a);
    catch_up(b);
    CHECK(items(b) == Ids{"i2"});
}

TEST_CASE_METHOD(Stage, "§6.1.7: the account is not told again of what a full JID begins with") {
    creates("last", sends_last);
    subscribes(desk_a, "last", desk);
    const auto session = comes(desk_a);
    catch_up(session);
    publishes("last", "i1");
    CHECK(items(session) == Ids{"i1"});
    subscribes(desk_a, "last", desk_a);
    catch_up(session);
    const auto told = with_items(transport(session).stanzas());   // beside the subscription's state
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("<message to='" + desk_a + "'"));
    CHECK(items(session) == Ids{"i1"});
}

TEST_CASE_METHOD(Stage, "a payload that stays unreadable is tried ever more seldom, counted once") {
    for (const char* id : {"i1", "i2"}) publishes("n", id);
    store.unreadable = {"i2"};
    const auto session = comes(desk_a);
    int reads = 0;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
    while (std::chrono::steady_clock::now() < until) {
        context.restart();
        context.run_one_until(until);
        for (; !store.waiting.empty(); ++reads) run_read();
    }
    CHECK(reads >= 3);   // at once, and after 50, 150, 350 ms
    CHECK(reads <= 5);
    CHECK(catch_up_of_all.unreadable() == 1);
    store.unreadable.clear();
    catch_up(session);
    CHECK(items(session) == Ids{"i1", "i2"});
}

TEST_CASE_METHOD(Stage, "a slow reader is not closed for want of room for its digests") {
    creates("d");
    subscribes(desk_a, "d", desk, digest);
    const auto session = comes(desk_a, false, 4096);
    catch_up(session);
    publishes("d", "d1", 3000);
    publishes("n", "i1", 3000);
    digests_leave();
    CHECK(transport(session).closed().empty());
    CHECK(items(session) == Ids{"i1"});
    transport(session).is_fast = true;
    transport(session).read_all();
    catch_up(session);
    CHECK(items(session) == Ids{"d1"});
}

TEST_CASE_METHOD(Stage, "what a session keeps for digests is bounded over all its nodes") {
    const auto session = comes(desk_a);
    catch_up(session);
    for (int node = 0; node < 8; ++node) {
        const std::string name = "d" + std::to_string(node);
        creates(name);
        subscribes(desk_a, name, desk, digest);
        publishes(name, name, 200'000);
    }
    CHECK(items(session) == Ids{"d5", "d6", "d7"});   // each would have made it more than 1 MiB
    digests_leave();
    CHECK(items(session).size() == 5);
}

TEST_CASE_METHOD(
    Stage, "what waits to leave is not lost when a subscription begins and there is no room"
) {
    creates("last", sends_last);
    publishes("last", "l1");
    const auto session = comes(desk_a, false, 4096);
    catch_up(session);
    publishes("n", "i0", 3000);
    for (int i = 0; i < 64; ++i) flush_limiter.begin();   // others are written to first
    publishes("n", "i1", 3000);
    publishes("n", "i2", 3000);
    REQUIRE(session->pending.size() == 2);
    subscribes(desk_a, "last", desk_a);
    for (int i = 0; i < 64; ++i) flush_limiter.end();
    fanout.flush();
    CHECK(items(session) == Ids{"i0"});
    transport(session).is_fast = true;
    transport(session).read_all();
    catch_up(session);
    CHECK(items(session) == Ids{"l1", "i1", "i2"});
}

TEST_CASE_METHOD(Stage, "what is kept for a digest comes before anything newer of its node") {
    creates("d");
    subscribes(desk_a, "d", desk, digest);
    const auto session = comes(desk_a);
    catch_up(session);
    const std::string node = "node='d' jid='" + desk + "'";
    const std::string plain =
        "<field var='pubsub#digest'><value>0</value></field>"
        "<field var='pubsub#digest_frequency'><value>60000</value></field>";
    const std::string form =
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        "<value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>";
    publishes("d", "kept");
    CHECK(items(session).empty());
    SECTION("when it is to come at once") {
        asks(desk_a, "<options " + node + ">" + form + plain + "</x></options>");
        CHECK(items(session) == Ids{"kept"});
    }
    SECTION("when another subscription wants each item by itself") {
        subscribes(desk_a, "d", desk, plain);
        CHECK(items(session) == Ids{"kept"});
    }
    SECTION("and not at all when the subscription ends") {
        asks(desk_a, "<unsubscribe " + node + "/>");
        subscribes(desk_a, "d", desk);
        CHECK(items(session).empty());
    }
    publishes("d", "new");
    CHECK(items(session) == Ids{"new"});
    digests_leave();
    CHECK(items(session).empty());
}

}   // namespace catch_up_test
