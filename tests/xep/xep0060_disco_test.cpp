// tests/xep/xep0060_disco_test.cpp: lists of nodes: by type (XEP-0462), in pages, by the
// thousand, and what the switches for other clients change (XEP-0060 §5.1, §5.2).
#include <chrono>

#include "stage.hpp"

namespace xep0060_disco_test {

using grid::test::config_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/x", reader_bare = "francisco@grid.example";
const std::string info =
    "<iq type='get' id='i'><query "
    "xmlns='http://jabber.org/protocol/disco#info'/></iq>";

std::string ask(const std::string& inner, const std::string& node = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" + inner + "</query></iq>";
}
std::string page(const std::string& inner) {
    return "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>";
}
std::string filter(const std::string& fields) {
    return "<filter xmlns='urn:xmpp:pubsub-filter:0'><x xmlns='jabber:x:data' type='submit'>"
           "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:pubsub-filter:0</value></field>" +
           fields + "</x></filter>";
}
std::string types(const std::string& which, const std::string& values) {
    return "<field type='list-multi' var='" + which + "-types'>" + values + "</field>";
}
std::string listed(Stage& stage, const std::string& who, const std::string& stanza) {
    stage.sends(who, stanza);
    const auto iq = stage.next(who);
    if (iq.attr_or("type", "") != "result") return "error";
    std::string names;
    for (const auto* item : iq.first_child()->children("item"))
        names += (names.empty() ? "" : " ") + std::string(item->attr_or("node", "?"));
    if (const auto* set =
            iq.first_child()->child("set", grid::xml::Ns("http://jabber.org/protocol/rsm")))
        names += " of " + set->child("count")->text();
    return names;
}

}   // namespace

TEST_CASE_METHOD(Stage, "5.2 type filtering", "[xep-0462][5.2]") {
    sends(owner, info);
    receives(
        owner,
        "<iq type='result' id='i'><query xmlns='http://jabber.org/protocol/disco#info'>"
        "<feature var='urn:xmpp:pubsub-filter:0'/>...</query></iq>"
    );
    creates(owner, "a", "type=urn:xmpp:microblog:0");
    creates(owner, "b", "type=urn:x:comments");
    creates(owner, "c");
    creates(owner, "d", "type=urn:xmpp:microblog:0");
    const std::string blog = "<value>urn:xmpp:microblog:0</value>";
    CHECK(listed(*this, owner, ask(filter(types("included", blog + "<value/>")))) == "a c d");
    CHECK(listed(*this, owner, ask(filter(types("included", blog)))) == "a d");
    CHECK(listed(*this, owner, ask(filter(types("included", "<value/>")))) == "c");
    CHECK(listed(*this, owner, ask(filter(types("excluded", blog)))) == "b c");
    CHECK(listed(*this, owner, ask(filter(types("excluded", blog + "<value/>")))) == "b");
    CHECK(listed(*this, owner, ask(filter(types("included", "<value>urn:none</value>")))).empty());
    CHECK(listed(*this, owner, ask(filter(""))) == "a b c d");   // no wishes
    CHECK(
        listed(*this, owner, ask(filter(types("excluded", "<value/>")) + page("<max>2</max>"))) ==
        "a b of 3"
    );
    creates(owner, "coll", "node_type=collection type=urn:x:mixed");
    for (const char* node : {"a", "b", "c"}) configures(owner, node, "collection=coll");
    CHECK(listed(*this, owner, ask(filter(types("included", blog)), "coll")) == "a");
    CHECK(listed(*this, owner, ask(filter(types("included", blog)))) == "d");
    configures(owner, "b", "type=urn:xmpp:microblog:0");   // seen at once
    CHECK(listed(*this, owner, ask(filter(types("included", blog)), "coll")) == "a b");
}

TEST_CASE_METHOD(Stage, "5.2 type filtering: both at once is bad-request", "[xep-0462][5.2]") {
    sends(
        owner, ask(filter(types("included", "<value>a</value>") + types("excluded", "<value/>")))
    );
    error(owner, "q", "modify", "bad-request");
    sends(owner, ask("<filter xmlns='urn:xmpp:pubsub-filter:0'/>"));
    error(owner, "q", "modify", "bad-request");
    sends(
        owner,
        ask("<filter xmlns='urn:xmpp:pubsub-filter:0'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE'><value>urn:other</value></field></x></filter>")
    );
    error(owner, "q", "modify", "bad-request");
}

TEST_CASE_METHOD(
    Stage, "5.2 pages of what an actor may see, across many blocks", "[5.2][xep-0059]"
) {
    constexpr int nodes = 1200;
    for (int i = 0; i < nodes; ++i) {
        std::string number = std::to_string(i);
        creates(owner, "n" + std::string(5 - number.size(), '0') + number);
    }
    const auto is_odd = [](std::string_view name) { return (name.back() - '0') % 2 == 1; };
    policy.rule = [&](auto actor, auto, auto node) {
        return !actor.starts_with(reader_bare) || is_odd(node);
    };
    std::set<std::string> seen;
    std::string after;
    for (int pages = 0; pages < 20; ++pages) {   // as xmpp-grid-broker walks: index + 50 < count
        sends(
            reader,
            ask(page("<max>50</max>" + (after.empty() ? "" : "<after>" + after + "</after>")))
        );
        const auto iq = next(reader);
        const auto* set =
            iq.first_child()->child("set", grid::xml::Ns("http://jabber.org/protocol/rsm"));
        REQUIRE(set != nullptr);
        const int index = std::stoi(std::string(set->child("first")->attr_or("index", "-1")));
        CHECK(index == static_cast<int>(seen.size()));
        CHECK(set->child("count")->text() == "600");
        for (const auto* item : iq.first_child()->children("item")) {
            CHECK(is_odd(item->attr_or("node", "")));
            seen.insert(std::string(item->attr_or("node", "")));
        }
        after = set->child("last")->text();
        if (index + 50 >= 600) break;
    }
    CHECK(seen.size() == 600);
    CHECK(listed(*this, reader, ask(page("<max>2</max><before/>"))) == "n01197 n01199 of 600");
    CHECK(listed(*this, reader, ask(page("<max>1</max><index>599</index>"))) == "n01199 of 600");
    CHECK(
        listed(*this, reader, ask(page("<max>1</max><after>n00500x</after>"))) == "n00501 of 600"
    );
    CHECK(
        listed(*this, reader, ask(page("<max>1</max><before>n00002</before>"))) == "n00001 of 600"
    );
    owner_set(owner, "d", "<delete node='n00501'/>");   // counted again where it changed
    CHECK(listed(*this, reader, ask(page("<max>0</max>"))) == " of 599");
    ++policy.number;
    policy.rule = nullptr;
    CHECK(listed(*this, reader, ask(page("<max>0</max>"))) == " of 1199");
}

TEST_CASE_METHOD(Stage, "5.2 a page of 20,000 nodes asks the policy for a page", "[5.2][f-18]") {
    constexpr int nodes = 20'000;
    auto many = settings();
    many.nodes_per_account_max = 30'000;
    restart(many);
    for (int i = 0; i < nodes; ++i) {
        std::string number = std::to_string(i);
        set(owner, "c", "<create node='n" + std::string(5 - number.size(), '0') + number + "'/>");
    }
    forget();
    std::size_t asked = 0;
    policy.rule = [&](auto, auto, auto) { return ++asked > 0; };
    CHECK(listed(*this, reader, ask(page("<max>1</max>"))) == "n00000 of 20000");
    CHECK(asked >= nodes);   // once, to count
    asked = 0;
    const auto before = std::chrono::steady_clock::now();
    constexpr int pages = 200;
    for (int i = 0; i < pages; ++i)
        sends(
            reader,
            ask(page("<max>50</max><after>n" + std::to_string(10'000 + i * 40) + "</after>"))
        );
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - before;
    forget();
    WARN("a page of 50 of 20,000 nodes: " << took.count() / pages << " ms");
    CHECK(asked / pages <= 3 * 256 + 50);
    asked = 0;
    creates(owner, "n15000x");   // one block is counted again
    CHECK(listed(*this, reader, ask(page("<max>1</max>"))) == "n00000 of 20001");
    CHECK(asked <= 3 * 256);
}

TEST_CASE_METHOD(
    Stage, "5.1 compat: what the start guard of the broker client needs", "[5.1][broker-client]"
) {
    auto with = settings();
    with.advertise = {"access-open", "presence-notifications"};
    restart(with);
    sends(owner, info);
    const auto iq = next(owner);
    std::multiset<std::string> vars;
    for (const auto* feature : iq.first_child()->children("feature"))
        vars.insert(std::string(feature->attr_or("var", "")));
    for (const char* name :
         {"access-open",
          "collections",
          "config-node",
          "create-and-configure",
          "create-nodes",
          "delete-nodes",
          "instant-nodes",
          "item-ids",
          "meta-data",
          "modify-affiliations",
          "manage-subscriptions",
          "outcast-affiliation",
          "persistent-items",
          "presence-notifications",
          "publish",
          "publisher-affiliation",
          "purge-nodes",
          "retract-items",
          "retrieve-affiliations",
          "retrieve-default",
          "retrieve-items",
          "retrieve-subscriptions",
          "subscribe"}) {
        INFO(name);
        CHECK(vars.count(pubsub_ns + "#" + name) == 1);
    }
}

TEST_CASE_METHOD(
    Stage, "5.2 compat.empty_set: a set in every list, asked for or not", "[5.2][broker-client]"
) {
    sends(owner, ask(""));
    result(owner, "q", "<query xmlns='http://jabber.org/protocol/disco#items'/>");
    sends(owner, ask(page("<max>50</max>")));
    const std::string empty =
        "<query xmlns='http://jabber.org/protocol/disco#items'>"
        "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set></query>";
    result(owner, "q", empty);
    auto with = settings();
    with.empty_set = true;
    restart(with);
    sends(owner, ask(""));
    result(owner, "q", empty);
    creates(owner, "n");
    sends(owner, ask("", "n"));
    result(
        owner, "q",
        "<query xmlns='http://jabber.org/protocol/disco#items' node='n'>"
        "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set></query>"
    );
    CHECK(listed(*this, owner, ask("")) == "n of 1");
}

TEST_CASE_METHOD(
    Stage, "compat.write_by_get: publish, retract and purge as iq get", "[broker-client]"
) {
    creates(owner, "n");
    const std::string publish =
        "<publish node='n'><item id='i'><a xmlns='urn:a'/></item></publish>";
    get(owner, "x1", publish);
    error(owner, "x1", "modify", "bad-request");
    owner_get(owner, "x2", "<purge node='n'/>");
    error(owner, "x2", "modify", "bad-request");
    auto with = settings();
    with.write_by_get = true;
    restart(with);
    get(owner, "p", publish);
    result(owner, "p");
    CHECK(engine().node("n")->items == 1);
    get(owner, "r", "<retract node='n'><item id='i'/></retract>");
    result(owner, "r");
    CHECK(engine().node("n")->items == 0);
    owner_get(owner, "u", "<purge node='n'/>");
    result(owner, "u");
    get(owner, "x3", "<create node='m'/>");   // and no other request
    error(owner, "x3", "modify", "bad-request");
}

TEST_CASE_METHOD(Stage, "8.1 nodes_max is not passed by creations at once", "[8.1][design]") {
    auto small = settings();
    small.nodes_max = 2;
    restart(small);
    hold();
    set("a@grid.example/x", "c1", "<create node='a'/>");
    set("b@grid.example/x", "c2", "<create node='b'/>");
    set("c@grid.example/x", "c3", "<create node='c'/>");
    run();
    result("a@grid.example/x", "c1");
    result("b@grid.example/x", "c2");
    error("c@grid.example/x", "c3", "wait", "resource-constraint");
    CHECK(engine().node_count() == 2);
}

}   // namespace xep0060_disco_test
