// tests/xep/xep0248_items_test.cpp: items of leaves reach those who subscribed to a collection
// above.
#include "stage.hpp"

namespace grid::test::xep0248_items_test {

namespace {

const std::string owner = "owner@grid.example/o", reader = "reader@grid.example/r",
                  account = "reader@grid.example";

std::string subscription(const std::string& type, const std::string& depth) {
    return "<subscribe node='c' jid='" + account +
           "'/><options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
           "<value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>"
           "<field var='pubsub#subscription_type'><value>" +
           type + "</value></field><field var='pubsub#subscription_depth'><value>" + depth +
           "</value></field></x></options>";
}

std::string headers(const std::string& collection) {
    return "<headers xmlns='http://jabber.org/protocol/shim'><header name='Collection'>" +
           collection + "</header></headers>";
}

/// A collection `c` above a collection `d` above a leaf `n`.
class Tree : public Stage {
protected:
    Tree() {
        creates(owner, "c", "node_type=collection");
        creates(owner, "d", "node_type=collection collection=c");
        creates(owner, "n", "collection=d");
        affiliates(owner, "c", account, "member");
        affiliates(owner, "n", account, "member");
    }
    void subscribes_to_items(const std::string& depth) {
        set(reader, "s", subscription("items", depth));
        next(reader);
        forget();
    }
    std::string event_of(const std::string& id) {
        return "<message from='" + std::string(service) +
               "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item "
               "id='" +
               id + "'>...</item></items></event>" + headers("c") + "</message>";
    }
};

}   // namespace

TEST_CASE_METHOD(Tree, "0248 items through a collection carry the leaf and the header", "[0248]") {
    subscribes_to_items("all");
    publishes(owner, "n", "i");
    receives(account, event_of("i"));
}

TEST_CASE_METHOD(Tree, "0248 subscription_depth bounds what comes through", "[0248]") {
    subscribes_to_items("1");
    publishes(owner, "n", "i");
    receives_nothing(account);
}

TEST_CASE_METHOD(Tree, "0248 a collection opens no door to a leaf", "[0248]") {
    subscribes_to_items("all");
    affiliates(owner, "n", account, "none");
    forget();
    publishes(owner, "n", "i");
    receives_nothing(account);
    affiliates(owner, "n", account, "member");
    forget();
    policy.receives = [](std::string_view, std::string_view node) { return node != "n"; };
    publishes(owner, "n", "j");
    receives_nothing(account);
}

TEST_CASE_METHOD(
    Tree, "0248 who subscribed to the leaf too is told once, as its subscriber", "[0248]"
) {
    subscribes_to_items("all");
    subscribes(reader, "n", account);
    publishes(owner, "n", "i");
    event(account, "<items node='n'><item id='i'>...</item></items>");
    receives_nothing(account);
}

TEST_CASE_METHOD(Tree, "0248 what came through a collection while away is owed", "[0248]") {
    subscribes_to_items("all");
    publishes(owner, "n", "i");
    forget();
    replays(reader);
    receives(
        account, "<message from='" + std::string(service) +
                     "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'>"
                     "<item id='i'>...</item></items></event><delay xmlns='urn:xmpp:delay'/>" +
                     headers("c") + "</message>"
    );
    affiliates(owner, "n", account, "none");
    forget();
    replays(reader);
    receives_nothing(account);
}

TEST_CASE_METHOD(Tree, "0248 a dissociated leaf is out of the collection's audience", "[0248]") {
    subscribes_to_items("all");
    owner_set(owner, "x", "<collection node='d'><dissociate node='n'/></collection>");
    forget();
    publishes(owner, "n", "i");
    receives_nothing(account);
}

TEST_CASE_METHOD(Tree, "0248 subscription type items is not told of nodes, nodes is", "[0248]") {
    subscribes_to_items("all");
    creates(owner, "m", "collection=c");
    receives_nothing(account);
}

}   // namespace grid::test::xep0248_items_test
