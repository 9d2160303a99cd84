// tests/xep/xep0060_create_test.cpp: create and configure nodes (XEP-0060 §8.1–§8.3).
#include "stage.hpp"
#include "xml/form.hpp"

namespace xep0060_create_test {

using grid::test::config_form;
using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", bare = "hamlet@grid.example";
const std::string other = "francisco@grid.example/barracks";

std::string create(const std::string& node, const std::string& fields) {
    return "<create node='" + node + "'/><configure>" + config_form(fields) + "</configure>";
}

/// The value of a field in the form that the owner gets.
std::string field(Stage& stage, const std::string& node, const std::string& name) {
    stage.owner_get(owner, "form", "<configure node='" + node + "'/>");
    const auto iq = stage.next(owner);
    REQUIRE(iq.attr_or("type", "") == "result");
    const auto* x = iq.first_child()->child("configure")->first_child();
    const auto form = grid::xml::Form::parse(*x);
    REQUIRE(form.has_value());
    const auto* found = form->field("pubsub#" + name);
    return found ? std::string(found->value()) : "(none)";
}
}   // namespace

TEST_CASE_METHOD(Stage, "owner-create-default", "[xep-0060]") {
    set(owner, "c1", "<create node='n'/>");
    result(owner, "c1");   // RFC 8600 §6: an empty result
    CHECK(field(*this, "n", "access_model") == "whitelist");
    CHECK(field(*this, "n", "publish_model") == "publishers");
    CHECK(field(*this, "n", "max_items") == "1000");
    CHECK(field(*this, "n", "item_expire") == "max");
    const auto view = engine().node("n");
    CHECK(view->creator == bare);
    CHECK(view->created == grid::storage::MemoryStore::time_at_start);
}

TEST_CASE_METHOD(Stage, "owner-create-and-configure", "[xep-0060]") {
    set(owner, "c1",
        create(
            "n",
            "access_model=authorize persist_items=1 title=Threats "
            "send_last_published_item=never"
        ));   // the form of RFC 8600 §6
    result(owner, "c1");
    CHECK(field(*this, "n", "access_model") == "authorize");
    CHECK(field(*this, "n", "title") == "Threats");
    restart();
    CHECK(field(*this, "n", "access_model") == "authorize");
}

TEST_CASE_METHOD(Stage, "owner-create-and-configure: a configure out of place", "[xep-0060]") {
    set(owner, "c1", "<configure>" + config_form("title=x") + "</configure><create node='n'/>");
    error(owner, "c1", "modify", "bad-request");
    set(owner, "c2",
        "<create node='n'/><configure node='n'>" + config_form("title=x") + "</configure>");
    error(owner, "c2", "modify", "bad-request");
    CHECK(engine().node_count() == 0);
}

TEST_CASE_METHOD(Stage, "owner-create-general: instant nodes are named", "[xep-0060]") {
    std::set<std::string> names;
    for (const char* request : {"<create/>", "<create/>", "<create node=''/>"}) {
        set(owner, "c1", request);
        const auto iq = next(owner);
        REQUIRE(iq.first_child() != nullptr);
        names.emplace(iq.first_child()->child("create")->attr_or("node", ""));
    }
    CHECK(names.size() == 3);
    for (const std::string& name : names) CHECK(engine().node(name).has_value());
}

TEST_CASE_METHOD(Stage, "owner-create-general: the name is taken", "[xep-0060]") {
    creates(owner, "n");
    set(other, "c1", "<create node='n'/>");
    error(other, "c1", "cancel", "conflict");
}

TEST_CASE_METHOD(Stage, "owner-create-general: two at once, one node", "[design]") {
    hold();
    set(owner, "c1", "<create node='n'/>");
    set(other, "c2", "<create node='n'/>");
    set(owner, "c3", "<create node='m'/>");
    run();
    result(owner, "c1");
    result(owner, "c3");
    error(other, "c2", "cancel", "conflict");
    CHECK(engine().node_count() == 2);
    CHECK(engine().node("n")->uid != engine().node("m")->uid);
}

TEST_CASE_METHOD(Stage, "owner-create-general: the policy forbids", "[xep-0060]") {
    policy.rule = [](auto, auto operation, auto) {
        return operation != grid::pubsub::Right::Create;
    };
    set(owner, "c1", "<create node='n'/>");
    error(owner, "c1", "auth", "forbidden");
    CHECK(policy.refusals == std::vector<std::string>{bare + " create n"});
}

TEST_CASE_METHOD(Stage, "owner-create-general: bounds", "[xep-0060]") {
    auto small = settings();
    small.nodes_max = 1;
    small.node_name_bytes_max = 8;
    restart(small);
    set(owner, "c1", "<create node='123456789'/>");
    error(owner, "c1", "modify", "not-acceptable");
    creates(owner, "n");
    set(owner, "c2", "<create node='m'/>");
    error(owner, "c2", "wait", "resource-constraint");
}

TEST_CASE_METHOD(Stage, "owner-create: access models", "[xep-0060][rfc-8600]") {
    for (const char* model : {"open", "presence", "roster", "magic"}) {
        set(owner, "c1", create("n", "access_model=" + std::string(model)));
        // RFC 8600 §8.3.4.
        error(owner, "c1", "modify", "not-acceptable", "unsupported-access-model");
    }
    auto open = settings();
    open.allow_open = true;
    restart(open);
    creates(owner, "n", "access_model=open");
    subscribes(other, "n", other);
    publishes(owner, "n", "a");
    get("stranger@grid.example/x", "i1", "<items node='n'/>");   // need not be subscribed
    CHECK(next("stranger@grid.example/x").attr_or("type", "") == "result");
}

TEST_CASE_METHOD(Stage, "strict_type refuses a node without a type", "[rfc-8600]") {
    auto strict = settings();
    strict.strict_type = true;
    strict.types = {{"iodef/*", "urn:ietf:params:xml:ns:iodef-2.0"}};
    restart(strict);
    set(owner, "c1", "<create node='n'/>");
    error(owner, "c1", "modify", "not-acceptable", "configuration-required");
    creates(owner, "n", "type=urn:x:alert");
    creates(owner, "iodef/mile");
    CHECK(engine().node("iodef/mile")->type == "urn:ietf:params:xml:ns:iodef-2.0");
}

TEST_CASE_METHOD(Stage, "owner-configure-success", "[xep-0060]") {
    creates(owner, "n");
    owner_get(owner, "g1", "<configure node='n'/>");
    const auto iq = next(owner);
    const auto* configure = iq.first_child()->child("configure");
    CHECK(configure->attr_or("node", "") == "n");
    const auto form = grid::xml::Form::parse(*configure->first_child());
    REQUIRE(form.has_value());
    CHECK(form->type == "form");
    CHECK(form->form_type() == pubsub_ns + "#node_config");
    for (const auto& field : form->fields) {   // clients trip over less, and over empty addresses
        CHECK(!field.var.empty());
        CHECK(!field.type.empty());
        const bool is_list = field.type.ends_with("-multi");
        CHECK(field.values.empty() == (is_list && field.value().empty()));
    }
    std::string models;
    for (const auto& option : form->field("pubsub#access_model")->options)
        models += option.value + " ";
    CHECK(models == "authorize whitelist ");
}

TEST_CASE_METHOD(Stage, "owner-configure-submit: partial forms keep the rest", "[xep-0060]") {
    creates(owner, "n", "title=Old description=About max_items=7");
    configures(owner, "n", "title=New");
    CHECK(field(*this, "n", "title") == "New");
    CHECK(field(*this, "n", "description") == "About");
    CHECK(field(*this, "n", "max_items") == "7");
    owner_set(
        owner, "x1", "<configure node='n'><x xmlns='jabber:x:data' type='cancel'/></configure>"
    );
    result(owner, "x1");
    CHECK(field(*this, "n", "title") == "New");
    // COMPAT(xmpp-grid-broker 2018): no FORM_TYPE.
    owner_set(
        owner, "x2",
        "<configure node='n'><x xmlns='jabber:x:data' type='submit'><field "
        "var='pubsub#title'><value>Newer</value></field></x></configure>"
    );
    result(owner, "x2");
    CHECK(field(*this, "n", "title") == "Newer");
}

TEST_CASE_METHOD(Stage, "owner-configure-process-failure", "[xep-0060]") {
    creates(owner, "n", "title=Old");
    for (const char* bad :
         {"max_items=0", "max_items=-1", "max_items=9999999", "max_items=x", "persist_items=maybe",
          "publish_model=nobody", "max_payload_size=9999999", "item_expire=soon",
          "presence_based_delivery=1", "contact=@@", "itemreply=nobody", "children_max=3",
          "roster_groups_allowed=friends"}) {
        INFO(bad);
        owner_set(
            owner, "x1",
            "<configure node='n'>" + config_form("title=New " + std::string(bad)) + "</configure>"
        );
        error(owner, "x1", "modify", "not-acceptable");
    }
    CHECK(field(*this, "n", "title") == "Old");   // all or nothing
    configures(
        owner, "n",
        "max_items=max item_expire=max max_payload_size=max "
        "presence_based_delivery=0 purge_offline=false"
    );
    CHECK(field(*this, "n", "max_items") == "max");
    CHECK(field(*this, "n", "max_payload_size") == "262144");
}

TEST_CASE_METHOD(Stage, "owner-configure-error-forbidden", "[xep-0060]") {
    creates(owner, "n");
    owner_get(other, "g1", "<configure node='n'/>");
    error(other, "g1", "auth", "forbidden");
    owner_set(other, "g2", "<configure node='n'>" + config_form("title=x") + "</configure>");
    error(other, "g2", "auth", "forbidden");
    policy.administrators.insert("francisco@grid.example");
    configures(other, "n", "title=x");
}

TEST_CASE_METHOD(Stage, "owner-configure-error-nodeid", "[xep-0060]") {
    owner_get(owner, "g1", "<configure/>");
    error(owner, "g1", "modify", "bad-request", "nodeid-required");
}

TEST_CASE_METHOD(Stage, "owner-configure-error-node", "[xep-0060]") {
    owner_get(owner, "g1", "<configure node='nowhere'/>");
    error(owner, "g1", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "owner-configure-process-notify", "[xep-0060]") {
    creates(owner, "n", "notify_config=1");
    subscribes(owner, "n", bare);
    configures(owner, "n", "title=New");
    event(bare, R"(<configuration node='n'><x xmlns='jabber:x:data' type='result'>...
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value></field>
        <field var='pubsub#title'><value>New</value></field></x></configuration>)");
    configures(owner, "n", "deliver_payloads=0");
    event(bare, "<configuration node='n'/>");
    configures(owner, "n", "notify_config=0");
    receives_nothing(bare);
}

TEST_CASE_METHOD(
    Stage,
    "owner-configure: narrowed to a whitelist, others lose their subscriptions",
    "[part-f-20]"
) {
    creates(owner, "n", "access_model=authorize");
    subscribes(owner, "n", bare);
    owner_set(
        owner, "m1",
        "<subscriptions node='n'><subscription jid='francisco@grid.example' "
        "subscription='subscribed'/></subscriptions>"
    );
    result(owner, "m1");
    configures(owner, "n", "access_model=whitelist");
    forget();
    publishes(owner, "n", "a");
    receives_nothing("francisco@grid.example");   // at once
    CHECK(engine().subscription_count() == 2);
    work_off();
    CHECK(engine().subscription_count() == 1);
    event("francisco@grid.example", "<subscription node='n' subscription='none'/>");
}

TEST_CASE_METHOD(Stage, "owner-default-success", "[xep-0060]") {
    owner_get(owner, "d1", "<default/>");
    const auto iq = next(owner);
    const auto form = grid::xml::Form::parse(*iq.first_child()->child("default")->first_child());
    REQUIRE(form.has_value());
    CHECK(form->type == "form");
    CHECK(form->field("pubsub#access_model")->value() == "whitelist");
}

TEST_CASE_METHOD(Stage, "owner-create: names of ad-hoc commands are kept", "[xep-0060][8.7]") {
    for (const std::string& name :
         {std::string("http://jabber.org/protocol/commands"), pubsub_ns + "#get-pending"}) {
        set(owner, "c", "<create node='" + name + "'/>");
        error(owner, "c", "cancel", "not-allowed");
    }
    CHECK(engine().node_count() == 0);
}

TEST_CASE_METHOD(Stage, "a form that was not filled in changes nothing", "[xep-0004]") {
    creates(owner, "n");
    for (const char* type : {"form", "result"}) {
        std::string form = config_form("title=x");
        form.replace(form.find("submit"), 6, type);
        owner_set(owner, "c1", "<configure node='n'>" + form + "</configure>");
        error(owner, "c1", "modify", "bad-request");
        set(owner, "c2", "<create node='m'/><configure>" + form + "</configure>");
        error(owner, "c2", "modify", "bad-request");
    }
    set(owner, "c3",
        "<create node='m'/><configure><x xmlns='jabber:x:data' type='cancel'/></configure>");
    error(owner, "c3", "modify", "bad-request");
    CHECK(engine().node("n")->title.empty());
    CHECK(engine().node_count() == 1);
}

TEST_CASE_METHOD(Stage, "a request has one form, and a field of one value has one", "[xep-0004]") {
    creates(owner, "n");
    const std::string one = "<configure>" + config_form("title=x") + "</configure>";
    const std::string two = config_form("title=x") + config_form("title=y");
    set(owner, "c1", "<create node='m'/>" + one + one);
    error(owner, "c1", "modify", "bad-request");
    set(owner, "c2", "<create node='m'/><configure>" + two + "</configure>");
    error(owner, "c2", "modify", "bad-request");
    owner_set(owner, "c3", "<configure node='n'>" + two + "</configure>");
    error(owner, "c3", "modify", "bad-request");
    for (const char* fields :
         {"title=x title=y", "access_model=authorize access_model=whitelist",
          "persist_items=1 persist_items=0", "max_items=1 max_items=2"}) {
        INFO(fields);
        owner_set(owner, "c4", "<configure node='n'>" + config_form(fields) + "</configure>");
        error(owner, "c4", "modify", "not-acceptable");
    }
    owner_set(
        owner, "c5",
        "<configure node='n'><x xmlns='jabber:x:data' type='submit'><field var='other' "
        "type='list-single'><value>a</value><value>b</value></field></x></configure>"
    );
    error(owner, "c5", "modify", "bad-request");
    CHECK(engine().node("n")->title.empty());
    CHECK(engine().node_count() == 1);
    configures(owner, "n", "contact=a@grid.example contact=b@grid.example");   // jid-multi
    const std::string options = "<options>" + options_form("deliver=1") + "</options>";
    const std::string subscribe = "<subscribe node='n' jid='hamlet@grid.example'/>";
    set(owner, "s1", subscribe + options + options);
    error(owner, "s1", "modify", "bad-request");
    set(owner, "s2", subscribe + "<options>" + options_form("deliver=1 deliver=0") + "</options>");
    error(owner, "s2", "modify", "bad-request", "invalid-options");
    CHECK(engine().subscription_count() == 0);
}

}   // namespace xep0060_create_test
