// tests/xep/leavers_test.cpp: a deleted account's nodes and subscriptions do not go to its name's
// next holder.
#include "pubsub/model/records.hpp"
#include "stage.hpp"

namespace leavers_test {

using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore";
const std::string gone = "sensor7@grid.example/probe", bare = "sensor7@grid.example";

/// As the controller's batch of a deletion does.
void is_deleted(Stage& stage, const std::string& account) {
    grid::storage::Batch batch;
    batch.put(grid::storage::Family::Control, grid::pubsub::leaver_key(account), "");
    stage.submit(std::move(batch));
}

}   // namespace

TEST_CASE_METHOD(Stage, "a deleted account leaves no affiliation and no subscription", "[design]") {
    creates(owner, "a");
    creates(owner, "b", "access_model=authorize");
    creates(gone, "own");
    affiliates(owner, "a", bare, "publisher");
    affiliates(owner, "b", bare, "member");
    subscribes(gone, "a", bare);
    subscribes(gone, "b", gone);
    affiliates(owner, "a", "sensor7@grid.example.org", "member");   // another account
    affiliates(owner, "a", "sensor70@grid.example", "member");
    CHECK(engine().holds_anything_of(bare));
    is_deleted(*this, bare);
    restart();   // the note is durable
    CHECK(engine().holds_anything_of(bare));
    work_off();
    CHECK_FALSE(engine().holds_anything_of(bare));
    CHECK(memory().leavers().empty());
    CHECK(engine().holds_anything_of("sensor7@grid.example.org"));
    CHECK(engine().holds_anything_of("sensor70@grid.example"));
    CHECK(engine().subscription_count() == 0);
    forget();
    publishes(owner, "a", "one");
    receives_nothing(bare);
    // The account's own node stays, for an administrator to look after; the name's next holder does
    // not own it.
    CHECK(engine().node("own").has_value());
    owner_get(gone, "x", "<configure node='own'/>");
    error(gone, "x", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "a deleted account with more than one batch holds", "[design]") {
    for (int i = 0; i < 120; ++i) {
        const std::string node = "n" + std::to_string(i);
        creates(gone, node);
        subscribes(gone, node, bare);
    }
    is_deleted(*this, bare);
    CHECK(work_off() >= 4);
    CHECK_FALSE(engine().holds_anything_of(bare));
    CHECK(memory().leavers().empty());
    CHECK(engine().node_count() == 120);
}

}   // namespace leavers_test
