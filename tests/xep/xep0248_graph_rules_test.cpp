// tests/xep/xep0248_graph_rules_test.cpp: the bounds of the graph of collections, and the right
// to change it (XEP-0248 §7.2.3, §7.5.3).
#include "graph_texts.hpp"

namespace xep0248_graph_rules_test {

using namespace graph_texts;

TEST_CASE_METHOD(Stage, "a cycle is refused, by configuration and by associate", "[0248]") {
    collect(*this, "a");
    collect(*this, "b", "collection=a");
    collect(*this, "c", "collection=b");
    owner_set(owner, "x1", change("associate", "c", "a"));
    error(owner, "x1", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x2", change("associate", "a", "a"));
    error(owner, "x2", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x3", configure("a", "collection=c"));
    error(owner, "x3", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x4", configure("c", "children=a"));
    error(owner, "x4", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x5", configure("a", "collection=a"));
    error(owner, "x5", "cancel", "not-allowed", "invalid-options");
    set(owner, "x6",   // through a node that is only being made
        "<create node='d'/><configure>" +
            config_form("node_type=collection collection=c children=a") + "</configure>");
    error(owner, "x6", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "ok", change("associate", "a", "c"));   // a diamond is no cycle
    result(owner, "ok");
    CHECK(meta(*this, "c", "collection") == "text-multi: a b");
    configures(owner, "b", "collection= children=");   // takes b out of the way
    owner_set(owner, "ok2", change("associate", "c", "b"));
    result(owner, "ok2");
}

TEST_CASE_METHOD(Stage, "an entry that is no association changes nothing", "[0248]") {
    collect(*this, "a");
    creates(owner, "leaf");
    owner_set(
        owner, "x1",
        "<collection node='a'><associate node='leaf'/><asociate node='b'/></collection>"
    );
    error(owner, "x1", "modify", "bad-request");
    CHECK(listed(*this, owner, "a").empty());
}

TEST_CASE_METHOD(Stage, "two requests at once do not close a cycle together", "[0248][design]") {
    collect(*this, "a");
    collect(*this, "b");
    collect(*this, "under-a", "collection=a");
    collect(*this, "under-b", "collection=b");
    hold();
    owner_set(owner, "x1", change("associate", "under-a", "b"));
    owner_set("francisco@grid.example/other", "x2", change("associate", "under-b", "a"));
    run();
    result(owner, "x1");
    error("francisco@grid.example/other", "x2", "cancel", "not-allowed", "invalid-options");
}

TEST_CASE_METHOD(Stage, "error-children-on-leaf: no child under a leaf", "[0248]") {
    creates(owner, "leaf");
    creates(owner, "n");
    owner_set(owner, "x1", configure("leaf", "children=n"));
    error(owner, "x1", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x2", configure("n", "collection=leaf"));
    error(owner, "x2", "cancel", "not-allowed", "invalid-options");
    owner_set(owner, "x3", change("associate", "leaf", "n"));
    error(owner, "x3", "cancel", "not-allowed", "invalid-options");
    set(owner, "x4",
        "<create node='m'/><configure>" + config_form("collection=leaf") + "</configure>");
    error(owner, "x4", "cancel", "not-allowed", "invalid-options");
    CHECK_FALSE(engine().node("m").has_value());
}

TEST_CASE_METHOD(Stage, "error-node-type: a collection to leaf", "[0248]") {
    collect(*this, "c");
    owner_set(owner, "x1", configure("c", "node_type=leaf"));
    error(owner, "x1", "cancel", "not-allowed", "invalid-options");
}

TEST_CASE_METHOD(Stage, "change-to-collection: a leaf to collection purges items", "[0248]") {
    creates(owner, "n");
    subscribes(owner, "n", owner);
    publishes(owner, "n", "one");
    forget();
    configures(owner, "n", "node_type=collection");
    event(owner, "<purge node='n'/>");
    CHECK(engine().node("n")->items == 0);
    work_off();
    CHECK(engine().item_count() == 0);
    creates(owner, "m", "collection=n");
    // The owner's subscription is one to a collection now.
    CHECK(next(owner).first_child()->first_child()->name() == "create");
    CHECK(listed(*this, owner, "n") == "m");
    set(owner, "x1", "<publish node='n'><item><a xmlns='urn:a'/></item></publish>");
    error(owner, "x1", "cancel", "feature-not-implemented", "unsupported publish");
}

TEST_CASE_METHOD(Stage, "children_max: max-nodes-exceeded", "[0248]") {
    collect(*this, "c", "children_max=2");
    creates(owner, "n1", "collection=c");
    creates(owner, "n2");
    creates(owner, "n3");
    owner_set(owner, "ok", change("associate", "c", "n2"));
    result(owner, "ok");
    owner_set(owner, "x1", change("associate", "c", "n3"));
    error(owner, "x1", "cancel", "not-allowed", "max-nodes-exceeded");
    owner_set(owner, "x2", configure("n3", "collection=c"));
    error(owner, "x2", "cancel", "not-allowed", "max-nodes-exceeded");
    owner_set(
        owner, "x3",
        "<configure node='c'>" + with_values("children", {"n1", "n2", "n3"}) + "</configure>"
    );
    error(owner, "x3", "cancel", "not-allowed", "max-nodes-exceeded");
    set(owner, "x4",
        "<create node='n4'/><configure>" + config_form("collection=c") + "</configure>");
    error(owner, "x4", "cancel", "not-allowed", "max-nodes-exceeded");
    owner_set(
        owner, "swap",
        "<configure node='c'>" + with_values("children", {"n2", "n3"}) + "</configure>"
    );
    result(owner, "swap");   // one goes, one comes
    owner_set(owner, "d", "<delete node='n2'/>");
    result(owner, "d");
    creates(owner, "n5", "collection=c");   // a deleted child makes room at once
    CHECK(listed(*this, owner, "c") == "n3 n5");
}

TEST_CASE_METHOD(Stage, "two children at once, room for one", "[0248][design]") {
    collect(*this, "c", "children_max=1");
    hold();
    const std::string form = "<configure>" + config_form("collection=c") + "</configure>";
    set(owner, "x1", "<create node='n1'/>" + form);
    set("francisco@grid.example/other", "x2", "<create node='n2'/>" + form);
    run();
    result(owner, "x1");
    error("francisco@grid.example/other", "x2", "cancel", "not-allowed", "max-nodes-exceeded");
}

TEST_CASE_METHOD(
    Stage,
    "children_association_policy, children_association_whitelist: associate is forbidden",
    "[0248]"
) {
    for (const char* policy_name : {"owners", "whitelist", "all"})
        collect(*this, policy_name, "children_association_policy=" + std::string(policy_name));
    creates(other, "mine");
    owner_set(other, "x1", change("associate", "owners", "mine"));
    error(other, "x1", "cancel", "forbidden");
    owner_set(other, "x2", change("associate", "whitelist", "mine"));
    error(other, "x2", "cancel", "forbidden");
    owner_set(other, "x3", configure("mine", "collection=owners"));
    error(other, "x3", "cancel", "forbidden");
    owner_set(other, "ok1", change("associate", "all", "mine"));
    result(other, "ok1");
    configures(owner, "whitelist", "children_association_whitelist=" + other_bare);
    owner_set(other, "ok2", change("associate", "whitelist", "mine"));
    result(other, "ok2");
    // To associate is not to own: others' nodes stay where they are.
    creates(owner, "foreign");
    owner_set(other, "x4", change("associate", "all", "foreign"));
    error(other, "x4", "cancel", "forbidden");
    creates(other, "hole", "node_type=collection");
    owner_set(other, "x5", configure("hole", "children=foreign"));
    error(other, "x5", "cancel", "forbidden");
    owner_set(other, "x6", change("dissociate", "all", "foreign"));
    error(other, "x6", "cancel", "forbidden");
    owner_set(owner, "ok3", change("dissociate", "all", "mine"));   // owner of the collection
    result(owner, "ok3");
    affiliates(owner, "all", other_bare, "outcast");
    owner_set(other, "x7", change("associate", "all", "mine"));
    error(other, "x7", "cancel", "forbidden");
}

TEST_CASE_METHOD(Stage, "associate: what the policy hides stays hidden", "[0248][policy]") {
    collect(*this, "secret", "children_association_policy=all");
    creates(other, "mine");
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(other_bare) || node == "mine";
    };
    owner_set(other, "x1", change("associate", "secret", "mine"));
    error(other, "x1", "cancel", "forbidden");
    owner_set(other, "x2", change("associate", "nowhere", "mine"));
    error(other, "x2", "cancel", "forbidden");
    creates(owner, "in-secret", "collection=secret");
    CHECK(listed(*this, other) == "mine");
    // A form does not name what is hidden, and does not take it away either.
    policy.rule = nullptr;
    owner_set(other, "a", change("associate", "secret", "mine"));
    result(other, "a");
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(other_bare) || node == "mine";
    };
    owner_set(other, "c", configure("mine", "collection="));
    result(other, "c");
    policy.rule = nullptr;
    CHECK(listed(*this, owner, "secret") == "in-secret mine");
}

}   // namespace xep0248_graph_rules_test
