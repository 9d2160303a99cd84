// tests/xep/xep0248_graph_test.cpp: collections made, filled, listed and deleted (XEP-0248 §7).
#include "graph_texts.hpp"

namespace xep0248_graph_test {

using namespace graph_texts;

namespace {

std::string field(Stage& stage, const std::string& node, const std::string& name) {
    stage.owner_get(owner, "form", "<configure node='" + node + "'/>");
    const auto iq = stage.next(owner);
    REQUIRE(iq.attr_or("type", "") == "result");
    return shown(*grid::xml::Form::parse(*iq.first_child()->first_child()->first_child()), name);
}

}   // namespace

TEST_CASE_METHOD(Stage, "8.3 owner-default-success: the default of a collection", "[0248][8.3]") {
    owner_get(owner, "def1", "<default type='collection'/>");
    const auto iq = next(owner);
    REQUIRE(iq.attr_or("type", "") == "result");
    const auto* x = iq.first_child()->child("default")->first_child();
    const auto form = *grid::xml::Form::parse(*x);
    CHECK(form.field("pubsub#node_type")->value() == "collection");
    CHECK(form.field("pubsub#node_type")->options.size() == 2);
    CHECK(form.field("pubsub#collection")->type == "text-multi");
    CHECK(form.field("pubsub#children")->type == "text-multi");
    CHECK(form.field("pubsub#children_association_policy")->value() == "owners");
    CHECK(form.field("pubsub#children_association_policy")->options.size() == 3);
    CHECK(form.field("pubsub#children_association_whitelist")->type == "jid-multi");
    CHECK(form.field("pubsub#children_max")->value() == "max");
    CHECK(form.field("pubsub#max_items") == nullptr);   // of leaves only
    for (const auto& each : form.fields)   // no empty address, no collection without a name
        CHECK(each.values.empty() == (each.type.ends_with("-multi") && each.value().empty()));
}

TEST_CASE_METHOD(Stage, "8.1 create a collection; nested disco", "[0248][8.1]") {
    set(owner, "create3",
        "<create node='announcements'/><configure>" + config_form("node_type=collection") +
            "</configure>");
    result(owner, "create3");
    creates(owner, "news", "collection=announcements");
    creates(owner, "alone");
    creates(owner, "archive", "collection=announcements title=Old");
    CHECK(listed(*this, owner) == "alone announcements");   // top level only
    CHECK(listed(*this, owner, "announcements") == "archive news");
    sends(
        owner,
        "<iq type='get' id='n'><query xmlns='http://jabber.org/protocol/disco#items' "
        "node='announcements'/></iq>"
    );
    result(
        owner, "n",
        "<query xmlns='http://jabber.org/protocol/disco#items' node='announcements'>"
        "<item jid='pubsub.grid.example' node='archive' name='Old'/>"
        "<item jid='pubsub.grid.example' node='news'/></query>"
    );
    sends(
        owner,
        "<iq type='get' id='t'><query xmlns='http://jabber.org/protocol/disco#info' "
        "node='announcements'/></iq>"
    );
    receives(
        owner,
        "<iq type='result' id='t'><query xmlns='http://jabber.org/protocol/disco#info' "
        "node='announcements'><identity category='pubsub' type='collection'/>...</query></iq>"
    );
    restart();
    CHECK(listed(*this, owner) == "alone announcements");
    CHECK(listed(*this, owner, "announcements") == "archive news");
}

TEST_CASE_METHOD(Stage, "root: not created, not deleted, not configured", "[0248][8.4]") {
    owner_set(owner, "d1", "<delete/>");
    error(owner, "d1", "cancel", "not-allowed");
    owner_set(owner, "d2", "<delete node=''/>");
    error(owner, "d2", "cancel", "not-allowed");
    owner_get(owner, "c1", "<configure node=''/>");
    error(owner, "c1", "cancel", "not-allowed");
    owner_set(owner, "c2", configure("", "title=x"));
    error(owner, "c2", "cancel", "not-allowed");
    set(owner, "s1", "<subscribe jid='" + bare + "'/>");   // not offered
    error(owner, "s1", "modify", "bad-request", "nodeid-required");
    set(owner, "n1", "<create node=''/>");   // without a name: an instant node, never the root
    const auto iq = next(owner);
    CHECK_FALSE(iq.first_child()->child("create")->attr_or("node", "").empty());
}

TEST_CASE_METHOD(
    Stage,
    "multi-collection: pubsub#collection and pubsub#children mirror the graph, typed",
    "[0248][broker-client]"
) {
    collect(*this, "a");
    collect(*this, "b");
    creates(owner, "leaf");
    CHECK(field(*this, "leaf", "collection") == "text-multi:");
    CHECK(meta(*this, "leaf", "collection") == "text-single: ");
    configures(owner, "leaf", "collection=a");
    CHECK(field(*this, "leaf", "collection") == "text-multi: a");
    // One parent: text-single, for xmpp-grid-broker.
    CHECK(meta(*this, "leaf", "collection") == "text-single: a");
    CHECK(field(*this, "a", "children") == "text-multi: leaf");
    owner_set(
        owner, "m",
        "<configure node='leaf'>" + with_values("collection", {"a", "b"}) + "</configure>"
    );
    result(owner, "m");   // multi-collection
    CHECK(meta(*this, "leaf", "collection") == "text-multi: a b");
    CHECK(field(*this, "b", "children") == "text-multi: leaf");
    CHECK(listed(*this, owner, "a") == "leaf");
    CHECK(listed(*this, owner, "b") == "leaf");
    configures(owner, "b", "children=");   // the other side
    CHECK(meta(*this, "leaf", "collection") == "text-single: a");
    configures(owner, "leaf", "title=x");   // not in the form: nothing changes
    CHECK(meta(*this, "leaf", "collection") == "text-single: a");
    configures(owner, "leaf", "collection=");   // the root
    CHECK(listed(*this, owner) == "a b leaf");
    CHECK(field(*this, "leaf", "children") == "(none)");   // leaves have no such field
    CHECK(field(*this, "leaf", "children_max") == "(none)");
}

TEST_CASE_METHOD(Stage, "associate and dissociate", "[0248]") {
    collect(*this, "some-collection");
    creates(owner, "new-child-node");
    owner_set(owner, "assoc1", change("associate", "some-collection", "new-child-node"));
    result(owner, "assoc1");
    CHECK(listed(*this, owner, "some-collection") == "new-child-node");
    owner_set(owner, "assoc2", change("associate", "some-collection", "new-child-node"));
    result(owner, "assoc2");   // the association exists already
    restart();
    owner_set(owner, "dissoc1", change("dissociate", "some-collection", "new-child-node"));
    result(owner, "dissoc1");
    CHECK(listed(*this, owner, "some-collection").empty());
    owner_set(owner, "x1", "<collection node='some-collection'/>");
    error(owner, "x1", "modify", "bad-request");
    owner_get(owner, "x2", change("associate", "some-collection", "new-child-node"));
    error(owner, "x2", "modify", "bad-request");
}

TEST_CASE_METHOD(Stage, "error-dissoc-not-assoc: what is no child", "[0248]") {
    collect(*this, "c");
    creates(owner, "n");
    owner_set(owner, "x1", change("dissociate", "c", "n"));
    error(owner, "x1", "modify", "bad-request");
    owner_set(owner, "x2", change("dissociate", "c", "nowhere"));
    error(owner, "x2", "cancel", "item-not-found");
    owner_set(owner, "x3", change("associate", "c", "nowhere"));
    error(owner, "x3", "cancel", "item-not-found");
    owner_set(owner, "x4", change("associate", "nowhere", "n"));
    error(owner, "x4", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "delete-node: a collection's children go to the root", "[0248][8.4]") {
    collect(*this, "c");
    collect(*this, "d");
    creates(owner, "only-c", "collection=c");
    creates(owner, "both", "collection=c");
    owner_set(owner, "a", change("associate", "d", "both"));
    result(owner, "a");
    owner_set(owner, "x", "<delete node='c'/>");
    result(owner, "x");
    CHECK(listed(*this, owner) == "d only-c");
    CHECK(listed(*this, owner, "d") == "both");
    CHECK(meta(*this, "only-c", "collection") == "text-single: ");
    restart();
    CHECK(listed(*this, owner) == "d only-c");
    work_off();
    collect(*this, "c");   // the name is free, and means another node
    CHECK(listed(*this, owner, "c").empty());
    CHECK(memory().tree().parents(memory().find("both")->uid).size() == 1);   // edges are erased
}

TEST_CASE_METHOD(Stage, "a collection deleted at once with an association", "[0248][design]") {
    collect(*this, "c");
    creates(owner, "n");
    hold();
    owner_set(owner, "x1", "<delete node='c'/>");
    owner_set("francisco@grid.example/other", "x2", change("associate", "c", "n"));
    run();
    result(owner, "x1");
    error("francisco@grid.example/other", "x2", "cancel", "item-not-found");
    work_off();
    CHECK(memory().tree().parents(memory().find("n")->uid).empty());
}

TEST_CASE_METHOD(Stage, "items of a collection: not retrieved through it", "[0248]") {
    collect(*this, "blogs", "access_model=authorize");
    get(owner, "items1", "<items node='blogs'/>");
    error(owner, "items1", "cancel", "feature-not-implemented", "unsupported retrieve-items");
    owner_set(owner, "p1", "<purge node='blogs'/>");
    error(owner, "p1", "cancel", "feature-not-implemented", "unsupported persistent-items");
    set(owner, "r1", "<retract node='blogs'><item id='a'/></retract>");
    error(owner, "r1", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(Stage, "a request changes a bounded part of the graph", "[0248][design]") {
    collect(*this, "c");
    std::vector<std::string> names;
    for (int i = 0; i < 60; ++i) {
        names.push_back("n" + std::to_string(i));
        creates(owner, names.back(), i < 20 ? "collection=c" : "");
    }
    owner_set(
        owner, "x1", "<configure node='c'>" + with_values("children", names) + "</configure>"
    );
    result(owner, "x1");   // 40 more
    owner_set(owner, "x2", configure("c", "children="));
    error(owner, "x2", "modify", "not-acceptable");
    owner_set(owner, "d", "<delete node='c'/>");
    result(owner, "d");
    work_off();
    CHECK(memory().tree().top().size() == 60);
}

}   // namespace xep0248_graph_test
