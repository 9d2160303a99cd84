// tests/xep/xep0060_entity_test.cpp: discovery, own subscriptions and affiliations (XEP-0060 §5),
// and the topic list of RFC 8600.
#include "disco_texts.hpp"
#include "stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace xep0060_entity_test {

using grid::test::pubsub_ns;
using grid::test::Stage;
using namespace disco_texts;

namespace {

std::set<std::string> features(Stage& stage) {
    stage.sends(reader, info());
    const auto iq = stage.next(reader);
    std::set<std::string> vars;
    for (const auto* feature : iq.first_child()->children("feature"))
        vars.emplace(feature->attr_or("var", ""));
    return vars;
}
}   // namespace

TEST_CASE_METHOD(Stage, "entity-features", "[xep-0060]") {
    sends(reader, info());
    receives(reader, R"(<iq type='result' id='q' from='pubsub.grid.example'>
        <query xmlns='http://jabber.org/protocol/disco#info'>...
          <identity category='pubsub' type='service'/>
          <feature var='http://jabber.org/protocol/disco#info'/>
          <feature var='http://jabber.org/protocol/disco#items'/>
          <feature var='http://jabber.org/protocol/rsm'/>
          <feature var='http://jabber.org/protocol/pubsub'/></query></iq>)");
    // Exactly these features; each further one comes with a test.
    std::set<std::string> expected{
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/rsm",
        pubsub_ns,
        "urn:xmpp:pubsub-filter:0",
        "http://jabber.org/protocol/commands",
        "urn:xmpp:mam:2",
        "urn:xmpp:mam:2#extended",
        "urn:xmpp:order-by:1",
        "urn:xmpp:order-by:1@" + pubsub_ns
    };
    for (const char* name :
         {"access-whitelist",
          "collections",
          "config-node",
          "config-node-max",
          "create-and-configure",
          "create-nodes",
          "delete-items",
          "delete-nodes",
          "get-pending",
          "instant-nodes",
          "item-ids",
          "leased-subscription",
          "manage-subscriptions",
          "member-affiliation",
          "meta-data",
          "modify-affiliations",
          "multi-collection",
          "multi-collections",
          "multi-items",
          "multi-subscribe",
          "outcast-affiliation",
          "persistent-items",
          "publish",
          "publish-node-full",
          "publish-only-affiliation",
          "publish-options",
          "publisher-affiliation",
          "purge-nodes",
          "retract-items",
          "retrieve-affiliations",
          "retrieve-default",
          "retrieve-default-sub",
          "retrieve-items",
          "retrieve-subscriptions",
          "rsm",
          "subscribe",
          "subscription-notifications",
          "subscription-options"})
        expected.insert(pubsub_ns + "#" + name);
    CHECK(features(*this) == expected);
}

TEST_CASE_METHOD(Stage, "entity-features: the default access model is named", "[xep-0060]") {
    auto other = settings();
    other.default_access_model = "authorize";
    other.advertise = {"access-open"};   // COMPAT(xmpp-grid-broker 2018)
    restart(other);
    CHECK(features(*this).contains(pubsub_ns + "#access-authorize"));
    CHECK(!features(*this).contains(pubsub_ns + "#access-whitelist"));
    CHECK(features(*this).contains(pubsub_ns + "#access-open"));
    creates(owner, "n");
    set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    CHECK(next(reader).first_child()->first_child()->attr_or("subscription", "") == "pending");
}

TEST_CASE_METHOD(Stage, "entity-nodes: RFC 8600 topic list", "[xep-0060][rfc-8600]") {
    creates(owner, "NEA1", "title=Endpoint-Posture-Information");
    creates(owner, "MILEHost", "title=MILE-Host-Data");
    creates(owner, "bare");
    sends(reader, items());
    result(
        reader, "q",
        in_items(
            line("MILEHost", " name='MILE-Host-Data'") +
            line("NEA1", " name='Endpoint-Posture-Information'") + line("bare")
        )
    );
}

TEST_CASE_METHOD(Stage, "entity-nodes with RSM", "[xep-0060][xep-0059]") {
    for (const char* node : {"a", "b", "c", "d", "e"}) creates(owner, node);
    sends(reader, items("", "<max>2</max>"));   // RFC 8600 §4
    result(
        reader, "q",
        in_items(
            line("a") + line("b") +
            "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a"
            "</first><last>b</last><count>5</count></set>"
        )
    );
    sends(reader, items("", "<max>2</max><after>b</after>"));
    result(
        reader, "q",
        in_items(
            line("c") + line("d") +
            "<set xmlns='http://jabber.org/protocol/rsm'><first index='2'>c"
            "</first><last>d</last><count>5</count></set>"
        )
    );
    sends(reader, items("", "<max>50</max><after>e</after>"));
    result(
        reader, "q", in_items("<set xmlns='http://jabber.org/protocol/rsm'><count>5</count></set>")
    );
}

TEST_CASE_METHOD(Stage, "entity-info and entity-metadata", "[xep-0060][rfc-8600]") {
    creates(owner, "n", "title=Threats description=About language=en contact=soc@grid.example");
    affiliates(owner, "n", "pub@grid.example", "publisher");
    subscribes(owner, "n", owner_bare);
    sends(reader, info("n"));
    const auto iq = next(reader);
    const auto* query = iq.first_child();
    CHECK(query->attr_or("node", "") == "n");   // echoed
    CHECK(query->first_child()->name() == "identity");
    CHECK(query->first_child()->attr_or("type", "") == "leaf");
    const auto form = grid::xml::Form::parse(*query->child("x", grid::xml::ns::data));
    REQUIRE(form.has_value());
    CHECK(form->type == "result");
    CHECK(form->form_type() == pubsub_ns + "#meta-data");
    const auto value = [&](const std::string& name) {
        const auto* field = form->field("pubsub#" + name);
        return field ? std::string(field->value()) : "(none)";
    };
    CHECK(value("type").empty());   // RFC 8600 §5: there even when not known yet
    CHECK(value("title") == "Threats");
    CHECK(value("description") == "About");
    CHECK(value("language") == "en");
    CHECK(value("contact") == "soc@grid.example");
    CHECK(value("creator") == owner_bare);
    CHECK(value("creation_date") == "2026-01-01T00:00:00.000Z");
    CHECK(value("access_model") == "whitelist");
    CHECK(value("publish_model") == "publishers");
    CHECK(value("max_items") == "1000");
    CHECK(value("num_subscribers") == "1");
    CHECK(value("owner") == owner_bare);
    CHECK(
        form->field("pubsub#publisher")->values ==
        std::vector<std::string>{owner_bare, "pub@grid.example"}
    );
    publishes(owner, "n", "a");
    sends(reader, info("n"));
    receives(
        reader,
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info' node='n'>"
        "...<x xmlns='jabber:x:data'>...<field var='pubsub#type' type='text-single'>"
        "<value>urn:x:alert</value></field></x></query></iq>"
    );
}

TEST_CASE_METHOD(Stage, "entity-info: no such node", "[xep-0060]") {
    sends(reader, info("nowhere"));
    error(reader, "q", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "entity-discoveritems", "[xep-0060]") {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    sends(owner, items("n"));
    const auto iq = next(owner);
    const auto lines = iq.first_child()->children("item");
    REQUIRE(lines.size() == 3);
    CHECK(lines[0]->attr_or("jid", "") == service);
    CHECK(lines[0]->attr_or("name", "") == "a");
    CHECK(lines[0]->attr("node") == nullptr);   // MUST NOT
    sends(owner, items("n", "<max>2</max>"));
    receives(
        owner, "<iq type='result'>" +
                   in_items(
                       "...<item name='a'/><item name='b'/>"
                       "<set xmlns='http://jabber.org/protocol/rsm'>...<first index='0'>"
                       "...</first><last>...</last><count>3</count></set>",
                       "n"
                   ) +
                   "</iq>"
    );
    sends(reader, items("n"));   // not entitled to the items: sees none
    result(reader, "q", in_items("", "n"));
}

TEST_CASE_METHOD(Stage, "entity-subscriptions", "[xep-0060]") {
    get(reader, "m1", "<subscriptions/>");
    result(reader, "m1", "<pubsub xmlns='" + pubsub_ns + "'><subscriptions/></pubsub>");
    creates(owner, "a", "access_model=authorize");
    creates(owner, "b");
    affiliates(owner, "b", bare, "member");
    set(reader, "s1", "<subscribe node='a' jid='" + bare + "'/>");
    subscribes(reader, "b", bare);
    subscribes(reader, "b", reader);
    forget();
    get(reader, "m2", "<subscriptions/>");
    result(
        reader, "m2",
        "<pubsub xmlns='" + pubsub_ns + "'><subscriptions>" + "<subscription node='a' jid='" +
            bare + "' subscription='pending'/>" + "<subscription node='b' jid='" + bare +
            "' subscription='subscribed'/>" + "<subscription node='b' jid='" + reader +
            "' subscription='subscribed'/>" + "</subscriptions></pubsub>"
    );
    get(reader, "m3", "<subscriptions node='a'/>");
    const auto iq = next(reader);
    const auto* list = iq.first_child()->first_child();
    CHECK(list->attr_or("node", "") == "a");
    REQUIRE(list->child_count() == 1);
    CHECK(!list->first_child()->attr_or("subid", "").empty());
    get(owner, "m4", "<subscriptions/>");   // one's own only
    result(owner, "m4", "<pubsub xmlns='" + pubsub_ns + "'><subscriptions/></pubsub>");
}

TEST_CASE_METHOD(Stage, "entity-affiliations", "[xep-0060]") {
    creates(owner, "a");
    creates(owner, "b");
    affiliates(owner, "b", bare, "outcast");
    get(owner, "m1", "<affiliations/>");
    result(
        owner, "m1",
        "<pubsub xmlns='" + pubsub_ns +
            "'><affiliations>"
            "<affiliation node='a' affiliation='owner'/>"
            "<affiliation node='b' affiliation='owner'/></affiliations></pubsub>"
    );
    get(reader, "m2", "<affiliations node='b'/>");
    result(
        reader, "m2",
        "<pubsub xmlns='" + pubsub_ns +
            "'><affiliations node='b'>"
            "<affiliation node='b' affiliation='outcast'/></affiliations></pubsub>"
    );
    get(reader, "m3", "<affiliations node='a'/>");
    result(reader, "m3", "<pubsub xmlns='" + pubsub_ns + "'><affiliations/></pubsub>");
}

TEST_CASE_METHOD(Stage, "entity-discoveritems: item-not-found", "[xep-0060][5.5]") {
    sends(reader, items("nowhere"));
    error(reader, "q", "cancel", "item-not-found");
}

TEST_CASE_METHOD(
    Stage, "entity-discoveritems: hidden from those who may not retrieve", "[xep-0060][5.5]"
) {
    creates(owner, "n");
    publishes(owner, "n", "secret");
    sends(reader, items("n"));
    result(reader, "q", in_items("", "n"));
    affiliates(owner, "n", bare, "publisher");
    sends(reader, items("n"));
    result(reader, "q", in_items("<item jid='pubsub.grid.example' name='secret'/>", "n"));
}

}   // namespace xep0060_entity_test
