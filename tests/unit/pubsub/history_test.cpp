// tests/unit/pubsub/history_test.cpp: the history of a node in one go: which items, in slices, and
// their payloads.
#include "stage.hpp"

namespace history_test {

using grid::test::Stage;
namespace pubsub = grid::pubsub;
namespace storage = grid::storage;

namespace {

const std::string owner = "sensor@grid.example/probe", other = "desk@grid.example/soc";
constexpr storage::Millis minute = 60'000;

/// One reader and its place.
class Reading {
public:
    Reading(Stage& stage, const std::string& who = owner) : stage_(stage) {
        context_.actor.jid = *grid::xml::Jid::parse(who);
        context_.now = now();
    }
    storage::Millis now() const { return storage::MemoryStore::time_at_start + passed; }

    /// The condition of the refusal; empty: it is open.
    std::string open(const pubsub::HistoryWish& wish) {
        context_.now = now();
        auto opened = stage_.engine().open_history(context_, wish);
        if (!opened) return opened.error().condition;
        view = std::move(*opened);
        after = view.after;
        is_end = is_gone = false;
        return "";
    }
    /// The ids of the next slice.
    std::string next(std::size_t items_max = 100, std::size_t bytes_max = 1'000'000) {
        const auto slice =
            stage_.engine().slice_of_history(view, after, items_max, bytes_max, now());
        after = slice.after;
        is_end = slice.is_end;
        is_gone = slice.is_gone;
        cursor = slice.cursor;
        std::string ids;
        const auto snapshot = stage_.store().snapshot();
        const auto behind = pubsub::read_history(
            *snapshot, view, slice, 0, stage_.engine().payload_faults(),
            [&](const pubsub::HistorySlice::Item& item, std::string_view payload) {
                ids += std::string(slice.id_of(item)) + (payload.empty() ? "! " : " ");
                cursors.push_back(item.cursor);
                return true;
            }
        );
        REQUIRE(behind.has_value());
        CHECK(*behind == slice.items.size());
        return ids;
    }
    std::string all(std::size_t items_max = 100) {
        std::string ids;
        do ids += next(items_max);
        while (!is_end && !is_gone);
        return ids;
    }

    pubsub::HistoryView view;
    storage::Revision after = 0;
    bool is_end = false, is_gone = false;
    std::string cursor;
    std::vector<std::string> cursors;
    storage::Millis passed = 0;

private:
    Stage& stage_;
    pubsub::Context context_;
};

pubsub::HistoryWish wish_for(const std::string& node = "n") {
    pubsub::HistoryWish wish;
    wish.node = node;
    return wish;
}

void publish_some(Stage& stage, const std::string& ids) {
    for (const char id : ids) stage.publishes(owner, "n", std::string(1, id));
}

}   // namespace

TEST_CASE("history: all items in their order, in slices of any size") {
    Stage stage;
    stage.creates(owner, "n", "max_items=2");
    publish_some(stage, "abcde");
    Reading reading(stage);
    for (const std::size_t size : {1U, 2U, 3U, 100U}) {
        REQUIRE(reading.open(wish_for()) == "");
        CHECK(reading.view.count == 5);   // those that max_items hides, too
        CHECK(reading.all(size) == "a b c d e ");
    }
    REQUIRE(reading.open(wish_for()) == "");
    CHECK(reading.next(100, 1) == "a ");   // one at least, whatever the bytes
}

TEST_CASE("history: a cursor goes on behind its item, and the end's behind the last") {
    Stage stage;
    stage.creates(owner, "n", "max_items=10");
    publish_some(stage, "abcd");
    Reading reading(stage);
    REQUIRE(reading.open(wish_for()) == "");
    CHECK(reading.all() == "a b c d ");
    auto wish = wish_for();
    wish.after = reading.cursors.at(1);
    const std::string end = reading.cursor;
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.view.count == 2);
    CHECK(reading.all() == "c d ");
    wish.after = end;
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.all() == "");
    CHECK(reading.cursor == end);
    publish_some(stage, "e");
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.all() == "e ");
    wish.after = "nothing";
    CHECK(reading.open(wish) == "item-not-found");
}

TEST_CASE("history: a span of time has both its ends") {
    Stage stage;
    stage.creates(owner, "n", "max_items=10");
    for (const char id : std::string("abc")) {
        publish_some(stage, std::string(1, id));
        stage.advance(minute);
    }
    Reading reading(stage);
    REQUIRE(reading.open(wish_for()) == "");
    REQUIRE(reading.view.oldest);
    const storage::Millis first = *reading.view.oldest;
    auto wish = wish_for();
    wish.start = first + 1;
    wish.end = *reading.view.newest;
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.all() == "b c ");
    wish.start = first;
    wish.end = first;
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.view.count == 1);
    CHECK(reading.all() == "a ");
    wish.start = first + 1;
    wish.end = first + 2;
    REQUIRE(reading.open(wish) == "");
    CHECK(reading.view.count == 0);
    CHECK(reading.all() == "");
}

TEST_CASE("history: what comes and goes while it is read") {
    Stage stage;
    stage.creates(owner, "n", "max_items=10");
    publish_some(stage, "abcdef");
    Reading reading(stage);
    REQUIRE(reading.open(wish_for()) == "");
    CHECK(reading.next(2) == "a b ");
    publish_some(stage, "cg");   // the first is published again: its place is another one now
    stage.set(owner, "r", "<retract node='n'><item id='e'/></retract>");
    stage.forget();
    CHECK(reading.all(2) == "d f ");
    CHECK(reading.is_end);
    REQUIRE(reading.open(wish_for()) == "");
    CHECK(reading.all() == "a b d f c g ");
}

TEST_CASE("history: it ends with a purge, or with the node") {
    Stage stage;
    for (const char* last : {"<purge node='n'/>", "<delete node='n'/>"}) {
        stage.creates(owner, "n", "max_items=10");
        publish_some(stage, "ab");
        Reading reading(stage);
        REQUIRE(reading.open(wish_for()) == "");
        CHECK(reading.next(1) == "a ");
        stage.owner_set(owner, "o", last);
        CHECK(reading.next(1) == "");
        CHECK(reading.is_gone);
        stage.owner_set(owner, "d", "<delete node='n'/>");
        stage.forget();
        stage.work_off();
    }
}

TEST_CASE("history: the node's own rules") {
    Stage stage;
    stage.creates(owner, "n", "access_model=whitelist max_items=10");
    publish_some(stage, "a");
    Reading reading(stage, other);
    CHECK(reading.open(wish_for()) == "not-allowed");
    CHECK(reading.open(wish_for("none")) == "item-not-found");
    stage.affiliates(owner, "n", "desk@grid.example", "member");
    stage.affiliates(owner, "n", "desk@grid.example", "outcast");
    CHECK(reading.open(wish_for()) == "forbidden");
    Reading own(stage);
    stage.creates(owner, "passing", "persist_items=false");
    CHECK(own.open(wish_for("passing")) == "feature-not-implemented");
    stage.creates(owner, "c", "node_type=collection");
    CHECK(own.open(wish_for("c")) == "feature-not-implemented");
    auto filtered = wish_for();
    filtered.filter = "risk = 3";
    CHECK(own.open(filtered) == "feature-not-implemented");   // this broker has no filters
}

}   // namespace history_test
