// tests/xep/hostile_requests_test.cpp: requests of one who means harm: what they must not learn,
// and must not cost.
#include "stage.hpp"

namespace hostile_requests_test {

using namespace grid;
using grid::test::config_form;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", bare = "hamlet@grid.example";
const std::string mole = "polonius@grid.example/arras", mole_bare = "polonius@grid.example";

}   // namespace

TEST_CASE_METHOD(
    Stage, "XEP-0248 §7.6: who dissociates does not learn whether a hidden node exists", "[policy]"
) {
    creates(owner, "secret");
    creates(owner, "secret collection", "node_type=collection");
    creates(mole, "own", "node_type=collection");
    creates(mole, "leaf");
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(mole_bare) || !node.starts_with("secret");
    };
    const auto condition = [&](const std::string& collection, const std::string& node) {
        owner_set(
            mole, "d",
            "<collection node='" + collection + "'><dissociate node='" + node + "'/></collection>"
        );
        const auto iq = next(mole);
        return iq.child("error")->first_child()->name();
    };
    CHECK(condition("own", "secret") == "item-not-found");
    CHECK(condition("own", "secret nothing") == "item-not-found");
    CHECK(condition("secret collection", "leaf") == condition("secret nothing", "leaf"));
}

TEST_CASE_METHOD(Stage, "XEP-0248 §7.5: a node is named once, and at most 40 are", "[limits]") {
    creates(owner, "c", "node_type=collection");
    creates(owner, "n");
    owner_set(
        owner, "a", "<collection node='c'><associate node='n'/><dissociate node='n'/></collection>"
    );
    error(owner, "a", "modify", "bad-request");
    std::string many;
    for (int i = 0; i < 41; ++i) many += "<associate node='n" + std::to_string(i) + "'/>";
    owner_set(owner, "m", "<collection node='c'>" + many + "</collection>");
    error(owner, "m", "modify", "not-acceptable");
    std::string values;
    for (int i = 0; i < 41; ++i) values += " children=n" + std::to_string(i);
    owner_set(owner, "f", "<configure node='c'>" + config_form(values) + "</configure>");
    error(owner, "f", "modify", "not-acceptable");
}

TEST_CASE_METHOD(Stage, "§8.2: an entry of a list option is bounded", "[limits]") {
    contacts.is_there = true;
    restart();
    creates(owner, "n");
    owner_set(
        owner, "c",
        "<configure node='n'>" + config_form("roster_groups_allowed=" + std::string(5000, 'g')) +
            "</configure>"
    );
    error(owner, "c", "modify", "not-acceptable");
}

TEST_CASE_METHOD(Stage, "XEP-0248: there are at most 256 collections above a node", "[limits]") {
    creates(owner, "c0", "node_type=collection");
    for (int i = 1; i <= 256; ++i)
        creates(
            owner, "c" + std::to_string(i),
            "node_type=collection collection=c" + std::to_string(i - 1)
        );
    set(owner, "c",
        "<create node='n'/><configure>" + config_form("collection=c256") + "</configure>");
    error(owner, "c", "modify", "not-acceptable");
    creates(owner, "n", "collection=c255");
    // Nor by what is put above what is there.
    creates(owner, "top", "node_type=collection");
    owner_set(owner, "a", "<collection node='top'><associate node='c0'/></collection>");
    error(owner, "a", "modify", "not-acceptable");
}

TEST_CASE_METHOD(
    Stage, "XEP-0248: what is owed by many collections with the same leaves costs their number"
) {
    constexpr int collections = 200, leaves = 200;
    for (int i = 0; i < collections; ++i) {
        const std::string name = "c" + std::to_string(i);
        creates(
            owner, name,
            "node_type=collection" + (i == 0 ? "" : " collection=c" + std::to_string(i - 1))
        );
        set(owner, "s",
            "<subscribe node='" + name + "' jid='" + bare + "'/><options>" +
                test::options_form("subscription_type=items subscription_depth=all") +
                "</options>");
    }
    for (int i = 0; i < leaves; ++i) {
        const std::string name = "n" + std::to_string(i);
        creates(owner, name, "collection=c" + std::to_string(collections - 1));
        publishes(owner, name, "i");
    }
    std::size_t asked = 0;
    policy.receives = [&](auto, auto) { return ++asked != 0; };
    const auto owed = engine().owed(*xml::Jid::parse(owner), {}, {}, 1000, 1 << 20);
    CHECK(owed.items.size() == leaves);
    CHECK(asked == leaves);   // not once for each subscription above each leaf
    CHECK(engine().subscribed_nodes(*xml::Jid::parse(bare)).size() == collections + leaves);
}

TEST_CASE_METHOD(
    Stage, "XEP-0248 §6: of several subscriptions above a leaf each counts as far as it reaches"
) {
    creates(owner, "top", "node_type=collection");
    creates(owner, "mid", "node_type=collection collection=top");
    creates(owner, "leaf", "collection=mid");
    const auto follows = [&](const std::string& node, const std::string& depth) {
        set(owner, "s",
            "<subscribe node='" + node + "' jid='" + bare + "'/><options>" +
                test::options_form("subscription_type=items subscription_depth=" + depth) +
                "</options>");
    };
    follows("top", "1");   // earlier, but does not reach the leaf
    publishes(owner, "leaf", "before");
    follows("mid", "1");
    publishes(owner, "leaf", "after");
    const auto owed = engine().owed(*xml::Jid::parse(owner), {}, {}, 1000, 1 << 20);
    REQUIRE(owed.items.size() == 1);
    CHECK(owed.items[0].id == "after");
    set(owner, "d",
        "<subscribe node='top' jid='" + bare + "'/><options>" +
            test::options_form("subscription_type=all subscription_depth=33") + "</options>");
    error(owner, "d", "modify", "bad-request", "invalid-options");
}

TEST_CASE_METHOD(Stage, "§8.9: a node's list of affiliations is bounded", "[limits]") {
    auto small = settings();
    small.affiliations_per_node_max = 3;   // with the owner
    restart(small);
    creates(owner, "n");
    affiliates(owner, "n", "w@grid.example", "member");
    affiliates(owner, "n", mole_bare, "member");
    owner_set(
        owner, "a",
        "<affiliations node='n'><affiliation jid='x@grid.example' affiliation='member'/>"
        "</affiliations>"
    );
    error(owner, "a", "wait", "resource-constraint");
    affiliates(owner, "n", mole_bare, "publisher");   // a subscriber that is there may change
}

TEST_CASE_METHOD(Stage, "§5.4: num_subscribers leaves out who waits for an owner", "[5.4]") {
    creates(owner, "n", "access_model=authorize");
    affiliates(owner, "n", "a@grid.example", "member");
    subscribes("a@grid.example/x", "n", "a@grid.example");
    set(mole, "s", "<subscribe node='n' jid='" + mole_bare + "'/>");
    const auto shown = [&] {
        forget();
        sends(
            owner,
            "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info' "
            "node='n'/></iq>"
        );
        const auto iq = next(owner);
        for (const auto* field : iq.first_child()->child("x", xml::Ns("jabber:x:data"))->children())
            if (field->attr_or("var", "") == "pubsub#num_subscribers")
                return field->child("value")->text();
        return std::string("none");
    };
    CHECK(shown() == "1");
    restart();
    CHECK(shown() == "1");
    set(mole, "u", "<unsubscribe node='n' jid='" + mole_bare + "'/>");
    CHECK(shown() == "1");
    set("a@grid.example/x", "u", "<unsubscribe node='n' jid='a@grid.example'/>");
    CHECK(shown() == "0");
}

namespace {

/// Records the nodes whose recipients the fan-out was told to look up again.
struct Audiences : Stage {
    void audience_changed(std::uint64_t node) override { changed.insert(node); }
    std::uint64_t uid(const char* node) { return engine().node(node)->uid; }
    std::set<std::uint64_t> changed;
};

}   // namespace

TEST_CASE_METHOD(
    Audiences, "XEP-0248: who plays with a collection of his own costs others nothing", "[fan-out]"
) {
    creates(owner, "busy");
    creates(mole, "own", "node_type=collection");
    creates(mole, "mid", "node_type=collection collection=own");
    creates(mole, "leaf", "collection=mid");
    creates(mole, "spare");
    const std::set<std::uint64_t> beneath{uid("own"), uid("mid"), uid("leaf")};
    changed.clear();
    subscribes(mole, "own", mole_bare);
    CHECK(changed == beneath);
    changed.clear();
    owner_set(mole, "a", "<collection node='own'><associate node='spare'/></collection>");
    CHECK(changed == std::set<std::uint64_t>{uid("spare")});
    changed.clear();
    owner_set(mole, "a", "<collection node='own'><dissociate node='mid'/></collection>");
    CHECK(changed == std::set<std::uint64_t>{uid("mid"), uid("leaf")});
    owner_set(mole, "a", "<collection node='own'><associate node='mid'/></collection>");
    changed.clear();
    const auto own = uid("own");
    owner_set(mole, "d", "<delete node='own'/>");
    CHECK(changed == std::set<std::uint64_t>{own, uid("mid"), uid("leaf"), uid("spare")});
}

}   // namespace hostile_requests_test
