// tests/xep/xep0248_events_test.cpp: the events for subscribers of collections (XEP-0248 §5.3,
// §6.1).
#include "stage.hpp"

namespace xep0248_events_test {

using grid::test::config_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@denmark.lit/elsinore", owner_bare = "hamlet@denmark.lit";
const std::string reader = "francisco@denmark.lit/barracks", bare = "francisco@denmark.lit";

/// blogs ⊃ verses ⊃ musings (a leaf), and blogs ⊃ diary (a leaf); all open.
struct Blogs : Stage {
    Blogs() {
        auto open = settings();
        open.allow_open = true;
        restart(open);
        creates(owner, "blogs", "node_type=collection access_model=open");
        creates(owner, "verses", "node_type=collection access_model=open collection=blogs");
        creates(owner, "musings", "access_model=open collection=verses");
        creates(owner, "diary", "access_model=open collection=blogs");
    }

    /// Subscribes the reader with these options, written `name=value …`.
    void follows(const std::string& node, const std::string& options) {
        std::string form = config_form(options);
        const std::string from = pubsub_ns + "#node_config";
        form.replace(form.find(from), from.size(), pubsub_ns + "#subscribe_options");
        set(reader, "follow",
            "<subscribe node='" + node + "' jid='" + bare + "'/><options>" + form + "</options>");
        CHECK(next(reader).attr_or("type", "") == "result");
        forget();
    }
    /// `<message/>` with the event and the header of the collection.
    void hears(const std::string& inner, const std::string& collection) {
        receives(
            bare, "<message to='" + bare + "' from='pubsub.grid.example'><event xmlns='" +
                      pubsub_ns + "#event'>" + inner + "</event>" + header(collection) +
                      "</message>"
        );
    }
    static std::string header(const std::string& collection) {
        return "<headers xmlns='http://jabber.org/protocol/shim'><header "
               "name='Collection'>" +
               collection + "</header></headers>";
    }
    static std::string item(const std::string& node, const std::string& id) {
        return "<items node='" + node + "'><item id='" + id + "' publisher='" + owner_bare +
               "'><alert xmlns='urn:x:alert'>" + id + "</alert></item></items>";
    }
};

}   // namespace

TEST_CASE_METHOD(Blogs, "subscription_type items: events carry the Collection header", "[0248]") {
    follows("blogs", "subscription_type=items subscription_depth=all");
    publishes(owner, "musings", "one");
    hears(item("musings", "one"), "blogs");
    set(owner, "r", "<retract node='musings' notify='1'><item id='one'/></retract>");
    hears("<items node='musings'><retract id='one'/></items>", "blogs");
    publishes(owner, "diary", "two");
    hears(item("diary", "two"), "blogs");
    owner_set(owner, "p", "<purge node='diary'/>");
    hears("<purge node='diary'/>", "blogs");
    forget();
    configures(owner, "diary", "notify_config=1");
    creates(owner, "more", "access_model=open collection=blogs");
    receives_nothing(bare);   // of items alone
    restart();
    publishes(owner, "more", "three");
    hears(item("more", "three"), "blogs");
}

TEST_CASE_METHOD(Blogs, "subscription defaults on a collection: nodes, depth 1", "[0248]") {
    subscribes(reader, "blogs", bare);
    forget();
    publishes(owner, "diary", "one");
    receives_nothing(bare);
    creates(owner, "poems", "access_model=open collection=blogs");
    hears("<create node='poems'/>", "blogs");
    creates(owner, "deep",
            "access_model=open collection=verses");   // two steps down
    receives_nothing(bare);
    configures(owner, "poems", "notify_config=1");
    const auto message = next(bare);
    CHECK(message.first_child()->first_child()->attr_or("node", "") == "poems");
    owner_set(owner, "d", "<delete node='poems'/>");
    hears("<delete node='poems'/>", "blogs");
}

TEST_CASE_METHOD(Blogs, "subscription_depth: how far down", "[0248]") {
    follows("blogs", "subscription_type=items subscription_depth=1");
    publishes(owner, "musings", "one");   // two steps
    receives_nothing(bare);
    publishes(owner, "diary", "two");
    hears(item("diary", "two"), "blogs");
    configures(owner, "musings", "collection=blogs");   // now one
    forget();
    publishes(owner, "musings", "three");
    hears(item("musings", "three"), "blogs");
}

TEST_CASE_METHOD(Blogs, "subscription_type all: items and nodes", "[0248]") {
    follows("blogs", "subscription_type=all subscription_depth=all");
    publishes(owner, "musings", "one");
    hears(item("musings", "one"), "blogs");
    creates(owner, "deep", "access_model=open collection=verses");
    hears("<create node='deep'/>", "blogs");
}

TEST_CASE_METHOD(Blogs, "notify-associate-dissociate: node events", "[0248]") {
    subscribes(reader, "blogs", bare);
    creates(owner, "new-node-id", "access_model=open");
    forget();
    owner_set(owner, "a", "<collection node='blogs'><associate node='new-node-id'/></collection>");
    event(bare, "<collection node='blogs'><associate node='new-node-id'/></collection>");
    owner_set(owner, "b", "<collection node='blogs'><dissociate node='new-node-id'/></collection>");
    event(bare, "<collection node='blogs'><dissociate node='new-node-id'/></collection>");
    receives_nothing(bare);
}

TEST_CASE_METHOD(Blogs, "a subscriber of leaf and collections is told once", "[0248]") {
    follows("blogs", "subscription_type=items subscription_depth=all");
    follows("verses", "subscription_type=items subscription_depth=all");
    publishes(owner, "musings", "one");
    receives(
        bare, "<message to='" + bare + "'><event xmlns='" + pubsub_ns + "#event'>" +
                  item("musings", "one") +
                  "</event><headers "
                  "xmlns='http://jabber.org/protocol/shim'><header "
                  "name='Collection'>verses</header>"
                  "<header name='Collection'>blogs</header></headers></message>"
    );
    receives_nothing(bare);
    subscribes(reader, "musings", bare);
    forget();
    publishes(owner, "musings", "two");
    event(bare, item("musings", "two"));   // from the subscription to the leaf: no header
    receives_nothing(bare);
}

TEST_CASE_METHOD(
    Blogs,
    "security-access (10.1): only what the subscriber may get "
    "from the leaf itself",
    "[0248]"
) {
    follows("blogs", "subscription_type=items subscription_depth=all");
    creates(owner, "closed", "access_model=whitelist collection=blogs");
    creates(owner, "asks", "access_model=authorize collection=blogs");
    forget();
    publishes(owner, "closed", "a");
    publishes(owner, "asks", "b");
    receives_nothing(bare);
    affiliates(owner, "closed", bare, "member");
    publishes(owner, "closed", "c");
    hears(item("closed", "c"), "blogs");
    affiliates(owner, "diary", bare, "outcast");
    publishes(owner, "diary", "d");
    receives_nothing(bare);
    policy.receives = [](auto subscriber, auto node) {
        return !subscriber.starts_with(bare) || node != "musings";
    };
    publishes(owner, "musings", "e");
    receives_nothing(bare);
    policy.receives = [](auto subscriber,
                         auto node) {   // nor what he may not follow at all
        return !subscriber.starts_with(bare) || node != "blogs";
    };
    publishes(owner, "closed", "f");
    receives_nothing(bare);
    policy.receives = nullptr;
    affiliates(owner, "blogs", bare, "outcast");
    forget();
    publishes(owner, "closed", "g");
    receives_nothing(bare);
}

TEST_CASE_METHOD(
    Blogs, "security-access (10.1): nor the configuration of a leaf that refuses it", "[0248]"
) {
    follows("blogs", "subscription_type=nodes subscription_depth=all");
    creates(
        owner, "closed", "access_model=whitelist collection=blogs notify_config=1 notify_delete=1"
    );
    configures(owner, "closed", "contact=hidden@grid.example");
    owner_set(owner, "d", "<delete node='closed'/>");
    receives_nothing(bare);
    creates(
        owner, "listed", "access_model=whitelist collection=blogs notify_config=1 notify_delete=1"
    );
    affiliates(owner, "listed", bare, "member");
    forget();
    configures(owner, "listed", "contact=shown@grid.example");
    hears("<configuration node='listed'>...</configuration>", "blogs");
}

TEST_CASE_METHOD(Blogs, "delete-node: what a deleted collection brought ends at once", "[0248]") {
    follows("blogs", "subscription_type=items subscription_depth=all");
    owner_set(owner, "d", "<delete node='verses'/>");
    forget();
    publishes(owner, "musings", "one");
    receives_nothing(bare);
    publishes(owner, "diary", "two");
    hears(item("diary", "two"), "blogs");
}

TEST_CASE_METHOD(
    Blogs, "collection: a second subscription of a type with another depth: conflict", "[0248]"
) {
    follows("blogs", "subscription_type=items subscription_depth=1");
    std::string form = config_form("subscription_type=items subscription_depth=all");
    const std::string from = pubsub_ns + "#node_config";
    form.replace(form.find(from), from.size(), pubsub_ns + "#subscribe_options");
    set(reader, "x", "<subscribe node='blogs' jid='" + bare + "'/><options>" + form + "</options>");
    error(reader, "x", "cancel", "conflict");
    // Nor by other options of one that is there.
    const auto with = [&](std::string type) {
        std::string wanted = form;
        return wanted.replace(wanted.find("items"), 5, type);
    };
    set(reader, "y",
        "<subscribe node='blogs' jid='" + bare + "'/><options>" + with("nodes") + "</options>");
    const std::string second(next(reader).first_child()->first_child()->attr_or("subid", ""));
    REQUIRE(!second.empty());
    const std::string of_second =
        "<options node='blogs' jid='" + bare + "' subid='" + second + "'>";
    set(reader, "z", of_second + form + "</options>");
    error(reader, "z", "cancel", "conflict");
    set(reader, "w", of_second + with("nodes") + "</options>");
    result(reader, "w");
}

TEST_CASE_METHOD(Blogs, "what a collection brings is owed to who was away", "[0248][replay]") {
    follows("blogs", "subscription_type=items subscription_depth=all");
    publishes(owner, "musings", "one");
    publishes(owner, "diary", "two");
    creates(owner, "closed", "access_model=whitelist collection=blogs");
    publishes(owner, "closed", "three");
    const auto full = *grid::xml::Jid::parse(reader);
    const auto owed = engine().owed(full, {}, {}, 100, 1 << 20);
    std::vector<std::string> ids;
    for (const auto& each : owed.items) ids.push_back(each.id);
    CHECK(ids == std::vector<std::string>{"one", "two"});
}

}   // namespace xep0248_events_test
