// tests/xep/xep0060_delete_test.cpp: delete and purge nodes (XEP-0060 §8.4, §8.5).
#include "stage.hpp"

namespace xep0060_delete_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", bare = "hamlet@grid.example";
const std::string other = "francisco@grid.example/barracks", other_bare = "francisco@grid.example";

std::size_t records(Stage& stage, grid::storage::Family family) {
    std::size_t count = 0;
    (void)stage.store().snapshot()->scan(family, "", "", false, [&](auto, auto&) {
        return ++count > 0;
    });
    return count;
}
}   // namespace

TEST_CASE_METHOD(Stage, "owner-delete-success", "[xep-0060]") {
    creates(owner, "n", "access_model=authorize");
    subscribes(owner, "n", bare);
    set(other, "s1", "<subscribe node='n' jid='" + other_bare + "'/>");   // pending
    publishes(owner, "n", "a");
    forget();
    owner_set(owner, "d1", "<delete node='n'/>");
    result(owner, "d1");
    event(bare, "<delete node='n'/>");
    event(other_bare, "<delete node='n'/>");   // also those who wait
    get(owner, "i1", "<items node='n'/>");
    error(owner, "i1", "cancel", "item-not-found");
    CHECK(engine().node_count() == 0);
    get(owner, "m1", "<subscriptions/>");   // gone from one's own lists at once
    result(owner, "m1", "<pubsub xmlns='" + pubsub_ns + "'><subscriptions/></pubsub>");
}

TEST_CASE_METHOD(Stage, "owner-delete-success with redirect", "[xep-0060]") {
    creates(owner, "n");
    subscribes(owner, "n", bare);
    owner_set(
        owner, "d1", "<delete node='n'><redirect uri='xmpp:b.example?;node=x&amp;y'/></delete>"
    );
    result(owner, "d1");
    event(bare, "<delete node='n'><redirect uri='xmpp:b.example?;node=x&amp;y'/></delete>");
    creates(owner, "m");
    owner_set(owner, "d2", "<delete node='m'><redirect/></delete>");
    error(owner, "d2", "modify", "bad-request");
}

TEST_CASE_METHOD(Stage, "owner-delete: nothing of it is left, and the name is free", "[design]") {
    creates(owner, "n");
    subscribes(owner, "n", bare);
    for (int i = 0; i < 120; ++i) publishes(owner, "n", "item" + std::to_string(i));
    const auto first_uid = engine().node("n")->uid;
    owner_set(owner, "d1", "<delete node='n'/>");
    creates(owner, "n");   // at once, while the old one is being erased
    CHECK(engine().node("n")->uid != first_uid);
    publishes(owner, "n", "mine");
    const std::size_t batches = work_off();
    CHECK(batches >= 3);   // bounded
    CHECK(records(*this, grid::storage::Family::Index) == 1);
    CHECK(records(*this, grid::storage::Family::Payload) == 1);
    CHECK(records(*this, grid::storage::Family::Control) == 3);   // name, node, owner
    CHECK(engine().item_count() == 1);
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(Stage, "a session that logs in while a node is erased hears of it", "[design]") {
    const auto logs_in = [&] {
        forget();
        engine().logged_in(*grid::xml::Jid::parse(other), *this);
    };
    for (const char* node : {"n", "silent"}) {
        creates(owner, node, node == std::string("n") ? "" : "notify_delete=0");
        subscribes(other, node, other_bare);
    }
    logs_in();
    receives_nothing(other);
    for (const char* node : {"n", "silent"})
        owner_set(owner, "d1", "<delete node='" + std::string(node) + "'/>");
    logs_in();
    event(other, "<delete node='n'/>");
    receives_nothing(other);
    work_off();
    logs_in();
    receives_nothing(other);
}

TEST_CASE_METHOD(Stage, "owner-delete: no publish in flight survives", "[design]") {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", other_bare, "publisher");
    hold();
    owner_set(owner, "d1", "<delete node='n'/>");
    set(other, "p1",
        "<publish node='n'><item id='a'><alert xmlns='urn:x:alert'/></item></publish>");
    run();
    result(owner, "d1");
    error(other, "p1", "cancel", "item-not-found");
    CHECK(records(*this, grid::storage::Family::Index) == 0);
}

TEST_CASE_METHOD(Stage, "notify_delete 0 is silence", "[xep-0060]") {
    creates(owner, "n", "notify_delete=0");
    subscribes(owner, "n", bare);
    owner_set(owner, "d1", "<delete node='n'/>");
    receives_nothing(bare);
}

TEST_CASE_METHOD(Stage, "owner-delete-error-forbidden", "[xep-0060]") {
    creates(owner, "n");
    owner_set(other, "d1", "<delete node='n'/>");
    error(other, "d1", "auth", "forbidden");
    affiliates(owner, "n", other_bare, "publisher");
    owner_set(other, "d2", "<delete node='n'/>");
    error(other, "d2", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "owner-delete-error-node", "[xep-0060]") {
    owner_set(owner, "d1", "<delete node='n'/>");
    error(owner, "d1", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "owner-purge-success", "[xep-0060]") {
    creates(owner, "n");
    subscribes(owner, "n", bare);
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    forget();
    owner_set(owner, "x1", "<purge node='n'/>");
    result(owner, "x1");
    event(bare, "<purge node='n'/>");   // one, and no retracts
    work_off();
    receives_nothing(bare);
    get(owner, "i1", "<items node='n'/>");
    result(owner, "i1", "<pubsub xmlns='" + pubsub_ns + "'><items node='n'/></pubsub>");
    CHECK(records(*this, grid::storage::Family::Index) == 0);
    CHECK(records(*this, grid::storage::Family::Payload) == 0);
    publishes(owner, "n", "a");   // goes on
    CHECK(engine().item_count() == 1);
}

TEST_CASE_METHOD(Stage, "owner-purge: a restart before the erasing shows no item", "[design]") {
    creates(owner, "n");
    for (const char* id : {"a", "b"}) publishes(owner, "n", id);
    owner_set(owner, "x1", "<purge node='n'/>");
    publishes(owner, "n", "c");
    restart();
    CHECK(engine().node("n")->items == 1);
    CHECK(memory().item_count() == 3);   // not yet erased
    work_off();
    CHECK(engine().item_count() == 1);
}

TEST_CASE_METHOD(Stage, "owner-purge-error-forbidden", "[xep-0060]") {
    creates(owner, "n");
    owner_set(other, "x1", "<purge node='n'/>");
    error(other, "x1", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "owner-purge-error-nopersist", "[xep-0060]") {
    creates(owner, "n", "persist_items=0");
    owner_set(owner, "x1", "<purge node='n'/>");
    error(owner, "x1", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(Stage, "owner-purge-error-node", "[xep-0060]") {
    owner_set(owner, "x1", "<purge node='n'/>");
    error(owner, "x1", "cancel", "item-not-found");
    owner_get(owner, "x2", "<purge node='n'/>");
    error(owner, "x2", "modify", "bad-request");
}

TEST_CASE_METHOD(
    Stage, "items from before persist_items=0 are not shown, and can be purged", "[xep-0060][8.5]"
) {
    const std::string disco = "http://jabber.org/protocol/disco#items";
    creates(owner, "n");
    publishes(owner, "n", "a");
    configures(owner, "n", "persist_items=0");
    sends(owner, "<iq type='get' id='l'><query xmlns='" + disco + "' node='n'/></iq>");
    receives(owner, "<iq type='result' id='l'><query xmlns='" + disco + "' node='n'/></iq>");
    owner_set(owner, "p", "<purge node='n'/>");
    result(owner, "p");
    configures(owner, "n", "persist_items=1");
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(Stage, "owner-delete: a redirect is a URI", "[xep-0060][8.4]") {
    creates(owner, "n");
    for (const char* uri : {"not a uri", "other", ":x", "xmpp:", "1x:y", "xmpp:a b"}) {
        INFO(uri);
        owner_set(
            owner, "d", "<delete node='n'><redirect uri='" + std::string(uri) + "'/></delete>"
        );
        error(owner, "d", "modify", "bad-request");
    }
    CHECK(engine().node_count() == 1);
}

TEST_CASE_METHOD(Stage, "deliver_notifications 0 is silence of the node, too", "[xep-0060][8.4]") {
    creates(owner, "n", "notify_config=1");
    subscribes(owner, "n", bare);
    configures(owner, "n", "deliver_notifications=0");
    configures(owner, "n", "title=x");
    owner_set(owner, "d", "<delete node='n'/>");
    result(owner, "d");
    receives_nothing(bare);
}

}   // namespace xep0060_delete_test
