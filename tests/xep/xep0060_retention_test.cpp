// tests/xep/xep0060_retention_test.cpp: the effects of max_items and item_expire on items, and
// how long a node keeps items that it no longer shows (XEP-0060 §7.1.2.5).
#include "pubsub/model/records.hpp"
#include "stage.hpp"

namespace xep0060_retention_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "sensor@grid.example/probe", reader = "sensor@grid.example";
constexpr grid::storage::Millis day = 24LL * 3600 * 1000;

std::string publish(const std::string& id, std::size_t bytes = 0) {
    return "<publish node='n'><item id='" + id + "'><alert xmlns='urn:x:alert'>" +
           std::string(bytes, 'x') + "</alert></item></publish>";
}

/// The ids that a retrieval shows.
std::string shown(Stage& stage) {
    stage.forget();
    stage.get(owner, "shown", "<items node='n'/>");
    std::string ids;
    const auto answer = stage.next(owner);
    for (const auto* item : answer.first_child()->first_child()->children("item"))
        ids += std::string(item->attr_or("id", "?")) + " ";
    return ids;
}

/// The ids that the node keeps.
std::string kept(const Stage& stage) {
    const auto& items = stage.memory().find("n")->items;
    std::string ids;
    for (std::size_t rank = 0; rank < items.size(); ++rank)
        ids += std::string(items.at(rank).id) + " ";
    return ids;
}

/// Keys of a family in the store.
std::size_t stored(Stage& stage, grid::storage::Family family) {
    std::size_t count = 0;
    (void)stage.store().snapshot()->scan(family, "", "", false, [&](auto, auto&) {
        return ++count > 0;
    });
    return count;
}

void check_store(Stage& stage, std::size_t items) {
    CHECK(stage.engine().item_count() == items);
    CHECK(stored(stage, grid::storage::Family::Index) == items);
    CHECK(stored(stage, grid::storage::Family::Payload) == items);
}

}   // namespace

TEST_CASE_METHOD(
    Stage, "what max_items hides is kept, and cannot be asked for, but taken back", "[retention]"
) {
    creates(owner, "n", "max_items=2");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    CHECK(shown(*this) == "c d ");
    work_off();
    CHECK(kept(*this) == "a b c d ");
    check_store(*this, 4);
    CHECK(engine().node("n")->items == 2);
    get(owner, "i1", "<items node='n'><item id='a'/></items>");
    result(owner, "i1", "<pubsub xmlns='" + pubsub_ns + "'><items node='n'/></pubsub>");
    set(owner, "r1", "<retract node='n'><item id='a'/></retract>");
    result(owner, "r1");
    CHECK(kept(*this) == "b c d ");
    CHECK(shown(*this) == "c d ");
    restart();
    CHECK(shown(*this) == "c d ");
    check_store(*this, 3);
    set(owner, "r2", "<retract node='n'><item id='a'/></retract>");
    error(owner, "r2", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "what went out of sight does not come back", "[retention]") {
    creates(owner, "n", "max_items=2");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    SECTION("when a shown item is retracted") {
        set(owner, "r1", "<retract node='n'><item id='d'/></retract>");
        CHECK(shown(*this) == "c ");
        restart();
        CHECK(shown(*this) == "c ");
        publishes(owner, "n", "e");
        publishes(owner, "n", "f");
        CHECK(shown(*this) == "e f ");
    }
    SECTION("when max_items is raised") {
        configures(owner, "n", "max_items=9");
        CHECK(shown(*this) == "c d ");
        restart();
        publishes(owner, "n", "e");
        CHECK(shown(*this) == "c d e ");
    }
    SECTION("unless it is published again") {
        publishes(owner, "n", "a");
        CHECK(shown(*this) == "d a ");
        CHECK(kept(*this) == "b c d a ");
        check_store(*this, 4);
    }
    CHECK(memory().over_max_items().size() == 1);
}

TEST_CASE_METHOD(Stage, "a retract of a shown item erases it", "[retention]") {
    creates(owner, "n", "max_items=2");
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    set(owner, "r1", "<retract node='n'><item id='b'/></retract>");
    result(owner, "r1");
    CHECK(kept(*this) == "a c ");
    check_store(*this, 2);
}

TEST_CASE_METHOD(Stage, "purge and delete erase all that is kept", "[retention]") {
    creates(owner, "n", "max_items=2");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    set(owner, "r1",
        "<retract node='n'><item id='d'/></retract>");   // leaves a note of what is hidden
    const bool is_purge = GENERATE(true, false);
    owner_set(owner, "p1", is_purge ? "<purge node='n'/>" : "<delete node='n'/>");
    work_off();
    check_store(*this, 0);
    // A purged node has its records still; of a deleted one nothing is left.
    if (!is_purge) CHECK(stored(*this, grid::storage::Family::Control) == 0);
    if (is_purge) CHECK(memory().by_hidden().empty());
}

TEST_CASE_METHOD(Stage, "subscribers hear what max_items pushes out, 50 a message", "[retention]") {
    creates(owner, "n", "max_items=1");
    subscribes(owner, "n", reader);
    hold();
    for (int i = 0; i < 121; ++i) set(owner, "p", publish(std::to_string(i)));
    run();
    forget();
    const auto revision = store().status().revision;
    CHECK(work_off() == 3);
    std::size_t told = 0;
    for (const std::size_t expected : {50U, 50U, 20U}) {
        const auto message = next(reader);
        const auto* items = message.first_child()->first_child();
        CHECK(items->children("retract").size() == expected);
        for (const auto* retract : items->children("retract"))
            CHECK(retract->attr_or("id", "") == std::to_string(told++));
    }
    receives_nothing(reader);
    check_store(*this, 121);
    // No record was written for it.
    CHECK(store().status().revision == revision + 3);
    publishes(owner, "n", "next");
    forget();
    CHECK(work_off() == 1);
    event(reader, "<items node='n'><retract id='120'/></items>");
    CHECK(work_off() == 0);
}

TEST_CASE_METHOD(Stage, "an item that is published again is not said to be gone", "[retention]") {
    creates(owner, "n", "max_items=2");
    subscribes(owner, "n", reader);
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    forget();
    hold();   // decided before the publish is applied, committed after it
    set(owner, "p1", publish("a"));
    for (auto& batch : engine().due(grid::storage::MemoryStore::time_at_start, 16))
        submit(std::move(batch));
    run();
    event(reader, "<items node='n'><item id='a'>...</item></items>");
    receives_nothing(reader);
    CHECK(work_off() == 1);
    event(reader, "<items node='n'><retract id='b'/><retract id='c'/></items>");
    CHECK(shown(*this) == "d a ");
}

TEST_CASE_METHOD(Stage, "lowering max_items hides, and says so", "[retention]") {
    creates(owner, "n");
    subscribes(owner, "n", reader);
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    configures(owner, "n", "max_items=1");
    forget();
    work_off();
    event(reader, "<items node='n'><retract id='a'/><retract id='b'/></items>");
    CHECK(kept(*this) == "a b c ");
}

TEST_CASE_METHOD(Stage, "retention by count: of a node", "[retention]") {
    auto few = settings();
    few.archive.items_max = 5;
    restart(few);
    creates(owner, "n", "max_items=3");
    subscribes(owner, "n", reader);
    for (int i = 0; i < 200; ++i) publishes(owner, "n", std::to_string(i));
    forget();
    work_off();
    CHECK(kept(*this) == "195 196 197 198 199 ");
    check_store(*this, 5);
    std::size_t told = 0;
    for (int message = 0; message < 4; ++message)
        told += next(reader).first_child()->first_child()->children("retract").size();
    CHECK(told == 197);   // each once, though most are erased already
    receives_nothing(reader);
}

TEST_CASE_METHOD(Stage, "retention by count never takes what is shown", "[retention]") {
    auto none = settings();
    none.archive = {0, 0, 0, 0};
    restart(none);
    creates(owner, "n", "max_items=3");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    advance(30 * day);
    work_off();
    CHECK(kept(*this) == "b c d ");
    check_store(*this, 3);
}

TEST_CASE_METHOD(Stage, "retention by age: hidden items go, shown ones stay", "[retention]") {
    creates(owner, "n", "max_items=1");
    publishes(owner, "n", "a");
    advance(2 * day);
    publishes(owner, "n", "b");
    advance(2 * day);
    publishes(owner, "n", "c");
    work_off();
    CHECK(kept(*this) == "a b c ");
    advance(3 * day);
    work_off();
    CHECK(kept(*this) == "b c ");
    advance(100 * day);
    work_off();
    CHECK(kept(*this) == "c ");
    check_store(*this, 1);
}

TEST_CASE_METHOD(Stage, "retention by bytes", "[retention]") {
    auto small = settings();
    small.archive.bytes_max = 5'000;
    restart(small);
    creates(owner, "n", "max_items=2");
    for (int i = 0; i < 20; ++i) set(owner, "p", publish(std::to_string(i), 960));   // 1 KB each
    work_off();
    CHECK(memory().find("n")->items.payload_bytes() <= 5'000);
    CHECK(kept(*this) == "15 16 17 18 19 ");
    for (int i = 20; i < 22; ++i) set(owner, "p", publish(std::to_string(i), 4'000));
    work_off();
    CHECK(kept(*this) == "20 21 ");   // shown items stay, whatever they weigh
    check_store(*this, 2);
}

TEST_CASE_METHOD(Stage, "a byte bound that is lowered takes effect in the end", "[retention]") {
    creates(owner, "n", "max_items=1");
    for (int i = 0; i < 6000; ++i) set(owner, "p", publish(std::to_string(i)));
    auto small = settings();
    small.archive.bytes_max = 1'000;
    restart(small);
    CHECK(memory().over_retention().size() == 1);
    work_off();
    CHECK(memory().find("n")->items.payload_bytes() <= 1'000);
    check_store(*this, memory().find("n")->items.size());
}

TEST_CASE_METHOD(Stage, "retention over all nodes: the busiest pays", "[retention]") {
    auto few = settings();
    few.archive.total_items_max = 100;
    restart(few);
    creates(owner, "n", "max_items=1");
    creates(owner, "quiet", "max_items=1");
    for (int i = 0; i < 20; ++i) publishes(owner, "quiet", std::to_string(i));
    for (int i = 0; i < 500; ++i) publishes(owner, "n", std::to_string(i));
    work_off();
    CHECK(memory().find("quiet")->items.size() == 20);
    CHECK(memory().find("n")->items.size() == 80);
    check_store(*this, 100);
    for (int i = 500; i < 540; ++i) publishes(owner, "n", std::to_string(i));
    owner_set(owner, "p1", "<purge node='n'/>");   // items that wait to be erased do not count
    CHECK(memory().old_item_count() == 120);
    work_off();
    check_store(*this, 20);
}

TEST_CASE_METHOD(
    Stage, "item_expire erases, hidden or shown, and tells of what was seen", "[retention]"
) {
    creates(owner, "n", "max_items=2 item_expire=60");
    subscribes(owner, "n", reader);
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    work_off();
    forget();
    advance(60'000);
    CHECK(shown(*this).empty());
    CHECK(kept(*this) == "a b c ");
    work_off();
    event(reader, "<items node='n'><retract id='b'/><retract id='c'/></items>");
    receives_nothing(reader);   // of a it heard when it was hidden
    check_store(*this, 0);
}

TEST_CASE_METHOD(Stage, "first_retained says what an archive may show at once", "[retention]") {
    creates(owner, "n", "max_items=1");
    publishes(owner, "n", "a");
    advance(8 * day);
    publishes(owner, "n", "b");
    publishes(owner, "n", "c");
    const auto& node = *memory().find("n");
    const auto now = grid::storage::MemoryStore::time_at_start + 8 * day;
    CHECK(node.first_retained(settings(), now) == 1);
    CHECK(node.first_visible(settings(), now) == 2);
    CHECK(node.first_retained(settings(), now - 2 * day) == 0);
}

}   // namespace xep0060_retention_test
