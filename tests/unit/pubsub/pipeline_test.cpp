// tests/unit/pubsub/pipeline_test.cpp: decide, commit, apply: in order, again after a conflict,
// and the same memory whichever way it is made.
#include <random>

#include "dump.hpp"
#include "pubsub/model/records.hpp"
#include "stage.hpp"

namespace pipeline_test {

using grid::test::dump;
using grid::test::orphans;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";

std::string publish(const std::string& id, const std::string& text, const std::string& node = "n") {
    return "<publish node='" + node + "'><item id='" + id + "'><alert xmlns='urn:x:alert'>" + text +
           "</alert></item></publish>";
}
}   // namespace

TEST_CASE_METHOD(Stage, "16 pipelined publishes of one id all commit, in order") {
    creates(owner, "n", "type=urn:x:alert");
    subscribes(owner, "n", owner_bare);
    hold();
    for (int i = 0; i < 16; ++i)
        set(owner, "p" + std::to_string(i), publish("one", std::to_string(i)));
    run();
    CHECK(rounds() == 0);   // publishes commute
    for (int i = 0; i < 16; ++i) {
        CHECK(next(owner).attr_or("id", "") == "p" + std::to_string(i));
        const auto message = next(owner_bare);
        CHECK(
            message.first_child()->first_child()->first_child()->first_child()->text() ==
            std::to_string(i)
        );
    }
    get(owner, "i1", "<items node='n'/>");
    result(
        owner, "i1",
        "<pubsub xmlns='" + pubsub_ns +
            "'><items node='n'><item id='one'>"
            "<alert xmlns='urn:x:alert'>15</alert></item></items></pubsub>"
    );
}

TEST_CASE_METHOD(Stage, "publishes that teach the type conflict once and keep their order") {
    creates(owner, "n");
    hold();
    for (int i = 0; i < 16; ++i)
        set(owner, "p" + std::to_string(i), publish("id" + std::to_string(i), "x"));
    run();
    CHECK(rounds() == 15);
    for (int i = 0; i < 16; ++i) CHECK(next(owner).attr_or("id", "") == "p" + std::to_string(i));
    const auto* node = memory().find("n");
    REQUIRE(node->items.size() == 16);
    for (std::size_t i = 0; i < 16; ++i) CHECK(node->items.at(i).id == "id" + std::to_string(i));
}

TEST_CASE_METHOD(Stage, "requests of a session take effect in the order in which they came") {
    creates(owner, "n", "type=urn:x:alert");
    hold();
    set(owner, "p1", publish("a", "x"));
    owner_set(owner, "d1", "<delete node='n'/>");
    set(owner, "c1", "<create node='n'/>");
    set(owner, "p2", publish("b", "x"));
    run();
    for (const std::string id : {"p1", "d1", "c1", "p2"}) {
        const auto answer = next(owner);
        CHECK(answer.attr_or("id", "") == id);
        CHECK(answer.attr_or("type", "") == "result");
    }
    CHECK(rounds() == 0);   // each is decided when those before it are done
    CHECK(engine().item_count() == 1);
}

TEST_CASE_METHOD(Stage, "a publish is decided again when its right is taken while it waits") {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", "pub@grid.example", "publisher");
    hold();
    owner_set(
        owner, "m1",
        "<affiliations node='n'><affiliation jid='pub@grid.example' "
        "affiliation='none'/></affiliations>"
    );
    set("pub@grid.example/x", "p1", publish("a", "x"));
    run();
    result(owner, "m1");
    error("pub@grid.example/x", "p1", "auth", "forbidden");
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(Stage, "an absent affiliation counts too") {
    creates(owner, "n", "type=urn:x:alert publish_model=open");
    hold();
    owner_set(
        owner, "m1",
        "<affiliations node='n'><affiliation jid='out@grid.example' "
        "affiliation='outcast'/></affiliations>"
    );
    set("out@grid.example/x", "p1", publish("a", "x"));
    run();
    error("out@grid.example/x", "p1", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "a publisher by subscription loses the right with it") {
    creates(owner, "n", "type=urn:x:alert publish_model=subscribers");
    affiliates(owner, "n", "sub@grid.example", "member");
    subscribes("sub@grid.example/x", "n", "sub@grid.example");
    hold();
    owner_set(
        owner, "m1",
        "<subscriptions node='n'><subscription jid='sub@grid.example' "
        "subscription='none'/></subscriptions>"
    );
    set("sub@grid.example/x", "p1", publish("a", "x"));
    run();
    error("sub@grid.example/x", "p1", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "conflicts are decided again, and given up after eight rounds") {
    creates(owner, "n", "type=urn:x:alert");
    store().conflict_next(3);
    set(owner, "p1", publish("a", "x"));
    result(owner, "p1");
    CHECK(rounds() == 3);
    store().conflict_next(8);
    set(owner, "p2", publish("b", "x"));
    error(owner, "p2", "wait", "resource-constraint");
    CHECK(engine().item_count() == 1);
}

TEST_CASE_METHOD(Stage, "a batch that is refused changes nothing") {
    creates(owner, "n", "type=urn:x:alert");
    subscribes(owner, "n", owner_bare);
    const std::string before = dump(memory());
    store().fail_no_space();
    set(owner, "p1", publish("a", "x"));
    CHECK(next(owner).attr_or("type", "") == "error");
    receives_nothing(owner_bare);
    CHECK(dump(memory()) == before);
}

TEST_CASE_METHOD(
    Stage, "payloads of overwritten items are erased, also when that is refused once"
) {
    creates(owner, "n", "type=urn:x:alert");
    const auto payloads = [&] {
        std::size_t count = 0;
        (void)store().snapshot()->scan(
            grid::storage::Family::Payload, "", "", false, [&](auto, auto&) { return ++count > 0; }
        );
        return count;
    };
    for (int i = 0; i < 250; ++i) publishes(owner, "n", "one");
    CHECK(payloads() == 1);   // each took the one before along
    hold();                   // these do not know of each other: 8 of a session at a time
    for (int i = 0; i < 251; ++i) set(owner + std::to_string(i / 8), "p", publish("one", "x", "n"));
    run();
    CHECK(payloads() == 251);
    store().fail_no_space();
    CHECK(work_off() == 3 + 3);   // of three the first was refused: all again
    CHECK(payloads() == 1);
}

TEST_CASE_METHOD(Stage, "an unknown outcome: after reopening, memory is what the store has") {
    for (const bool landed : {false, true}) {
        const std::string node = landed ? "landed" : "lost";
        creates(owner, node, "type=urn:x:alert");
        store().fail_unknown_outcome(landed);
        set(owner, "p1", publish("a", "x", node));
        CHECK(next(owner).attr_or("type", "") == "error");
        set(owner, "p2", publish("b", "x", node));
        CHECK(next(owner).attr_or("type", "") == "error");   // writes stopped
        REQUIRE(!store().reopen());
        CHECK(engine().node(node)->items == (landed ? 1U : 0U));
        publishes(owner, node, "c");
    }
}

TEST_CASE_METHOD(Stage, "changes of another node of a cluster are followed, missed or not") {
    creates(owner, "n", "type=urn:x:alert");
    const auto uid = engine().node("n")->uid;
    const auto foreign = [&](const std::string& id) {
        grid::storage::Batch batch;
        batch.put(
            grid::storage::Family::Index, grid::pubsub::item_key(uid, 1, id),
            grid::pubsub::encode(grid::pubsub::ItemRecord{"else@grid.example", 4, 0})
        );
        store().commit_foreign(std::move(batch));
    };
    foreign("a");
    CHECK(engine().node("n")->items == 1);
    store().lose_next_group();
    foreign("b");   // the feed says Gap: scanned again
    CHECK(engine().node("n")->items == 2);
    foreign("c");
    CHECK(engine().node("n")->items == 3);
}

TEST_CASE_METHOD(Stage, "a change of policy bites at once, and the sweep removes what fails") {
    creates(owner, "n", "type=urn:x:alert access_model=authorize");
    for (int i = 0; i < 25; ++i) {
        const std::string jid = "s" + std::to_string(i) + "@grid.example";
        owner_set(
            owner, "m",
            "<subscriptions node='n'><subscription jid='" + jid +
                "' subscription='subscribed'/></subscriptions>"
        );
    }
    forget();
    const auto uid = engine().node("n")->uid;
    CHECK(engine().audience(uid).size() == 25);
    policy.receives = [](auto jid, auto) { return !jid.starts_with("s1"); };
    ++policy.number;
    CHECK(engine().audience(uid).size() == 14);
    publishes(owner, "n", "a");
    receives_nothing("s1@grid.example");
    CHECK(engine().is_sweep_pending());
    sweep();
    CHECK(engine().subscription_count() == 14);
    event("s1@grid.example", "<subscription node='n' jid='s1@grid.example' subscription='none'/>");
    CHECK_FALSE(engine().is_sweep_pending());
}

namespace {

/// One random request of one of a few actors on one of a few nodes.
void random_step(Stage& stage, std::mt19937& random) {
    const auto pick = [&](std::initializer_list<const char*> list) {
        return std::string(list.begin()[random() % list.size()]);
    };
    const std::string actor =
        pick({"hamlet", "bard", "ophelia"}) + "@grid.example/r" + pick({"1", "2", "3", "4"});
    const std::string bare = actor.substr(0, actor.find('/'));
    const std::string other = pick({"hamlet", "bard", "ophelia"}) + "@grid.example";
    const std::string node = pick({"a", "b", "c"}), at = " node='" + node + "'";
    const std::string id = "i" + std::to_string(random() % 8);
    switch (random() % 16) {
        case 0:
            return stage.set(
                actor, "x",
                "<create" + at + "/><configure>" +
                    grid::test::config_form(
                        "max_items=" + pick({"2", "5", "max"}) +
                        " access_model=" + pick({"authorize", "whitelist"}) +
                        " publish_model=" + pick({"open", "publishers"})
                    ) +
                    "</configure>"
            );
        case 1:
            return stage.owner_set(actor, "x", "<delete" + at + "/>");
        case 2:
            return stage.owner_set(actor, "x", "<purge" + at + "/>");
        case 3:
            return stage.owner_set(
                actor, "x",
                "<configure" + at + ">" +
                    grid::test::config_form(
                        "max_items=" + pick({"1", "4"}) +
                        " access_model=" + pick({"authorize", "whitelist"})
                    ) +
                    "</configure>"
            );
        case 4:
        case 5:
            return stage.owner_set(
                actor, "x",
                "<affiliations" + at + "><affiliation jid='" + other + "' affiliation='" +
                    pick({"owner", "none", "member", "outcast", "publisher"}) + "'/></affiliations>"
            );
        case 6:
            return stage.owner_set(
                actor, "x",
                "<subscriptions" + at + "><subscription jid='" + other + "' subscription='" +
                    pick({"subscribed", "none"}) + "'/></subscriptions>"
            );
        case 7:
        case 8:
            return stage.set(
                actor, "x", "<subscribe" + at + " jid='" + (random() % 2 ? bare : actor) + "'/>"
            );
        case 9:
            return stage.set(
                actor, "x", "<unsubscribe" + at + " jid='" + (random() % 2 ? bare : actor) + "'/>"
            );
        case 10:
            return stage.set(actor, "x", "<retract" + at + "><item id='" + id + "'/></retract>");
        case 11:
            if (random() % 3 != 0) return;
            stage.run();
            stage.work_off();
            stage.hold();
            return;
        default:
            return stage.set(
                actor, "x",
                "<publish" + at + "><item id='" + id +
                    "'><alert xmlns='urn:x:alert'/></item></publish>"
            );
    }
}

}   // namespace

TEST_CASE("what a start scans is what live memory was, after anything") {
    std::size_t conflicts = 0;
    for (unsigned seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        Stage stage;
        for (int burst = 0; burst < 60; ++burst) {
            // Some requests meet in one group, so that they conflict.
            stage.hold();
            const auto size = 1 + random() % 8;
            for (unsigned i = 0; i < size; ++i) random_step(stage, random);
            stage.run();
            stage.forget();
            for (const auto& [name, node] : stage.memory().by_name()) REQUIRE(node->owners() > 0);
            // A restart forgets payloads that publishes overwrote at the same time: some go on.
            if (burst % 10 != 9 || seed % 3 == 0) continue;
            const std::string live = dump(stage.memory());
            stage.restart();
            REQUIRE(dump(stage.memory()) == live);
        }
        stage.work_off();
        if (seed % 3 == 0) CHECK(orphans(stage) == 0);
        const std::string live = dump(stage.memory());
        stage.restart();
        REQUIRE(dump(stage.memory()) == live);
        conflicts += stage.rounds();
        CHECK(stage.memory().trash().empty());
        CHECK(stage.memory().old_items().empty());
        CHECK(stage.memory().old_item_count() == 0);
        CHECK(stage.memory().cleaning().empty());
    }
    CHECK(conflicts > 50);
}

}   // namespace pipeline_test
