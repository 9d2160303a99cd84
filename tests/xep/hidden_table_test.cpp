// tests/xep/hidden_table_test.cpp: every operation at a node that is hidden and at one that is
// not there, answered byte by byte alike.
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "stage.hpp"
#include "xml/writer.hpp"

namespace hidden_table_test {

using grid::pubsub::Right;
using grid::test::config_form;
using grid::test::options_form;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "mallory@grid.example/x", bare = "mallory@grid.example";

struct Row {
    std::string name, type, ns;
    std::string request;   // NODE stands for the name that is tried
    bool makes = false;    // where there is no such node it may make one
};

std::string in_pubsub(const std::string& ns, const std::string& inner) {
    return "<pubsub xmlns='http://jabber.org/protocol/pubsub" + ns + "'>" + inner + "</pubsub>";
}
Row own(const std::string& name, const std::string& type, const std::string& inner) {
    return {name, type, "", in_pubsub("", inner)};
}
Row ruling(const std::string& name, const std::string& type, const std::string& inner) {
    return {name, type, "#owner", in_pubsub("#owner", inner)};
}
Row plain(const std::string& name, const std::string& type, const std::string& payload) {
    return {name, type, "", payload};
}
Row making(Row row) {
    row.makes = true;
    return row;
}
std::string with_values(const std::string& var, const std::string& value) {
    std::string form = config_form("");
    form.resize(form.size() - 4);
    return form + "<field var='pubsub#" + var + "'><value>" + value + "</value></field></x>";
}
std::string disco(const std::string& what, const std::string& node, const std::string& set = "") {
    return "<query xmlns='http://jabber.org/protocol/disco#" + what + "' node='" + node + "'>" +
           (set.empty() ? "" : "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>") +
           "</query>";
}

std::vector<Row> rows() {
    const std::string jid = " jid='" + bare + "'", other = " jid='" + owner_bare + "'";
    const std::string item = "<item id='i'><a xmlns='urn:a'/></item>";
    const std::string options = "<options node='NODE'" + jid;
    const auto collection = [](const std::string& parent, const std::string& inner) {
        return "<collection node='" + parent + "'>" + inner + "</collection>";
    };
    return {
        plain("disco#info", "get", disco("info", "NODE")),
        plain("disco#items", "get", disco("items", "NODE")),
        plain("disco#items, paged", "get", disco("items", "NODE", "<max>0</max>")),
        plain("disco#items, cursor", "get", disco("items", "NODE", "<after>1:1</after>")),
        plain("archive", "set", "<query xmlns='urn:xmpp:mam:2' node='NODE'/>"),
        plain("archive, form", "get", "<query xmlns='urn:xmpp:mam:2' node='NODE'/>"),
        plain("archive, ends", "get", "<metadata xmlns='urn:xmpp:mam:2' node='NODE'/>"),
        own("subscriptions", "get", "<subscriptions node='NODE'/>"),
        own("affiliations", "get", "<affiliations node='NODE'/>"),
        own("subscribe", "set", "<subscribe node='NODE'" + jid + "/>"),
        own("subscribe another", "set", "<subscribe node='NODE'" + other + "/>"),
        own("subscribe with options", "set",
            "<subscribe node='NODE'" + jid + "/><options>" + options_form("deliver=1") +
                "</options>"),
        own("unsubscribe", "set", "<unsubscribe node='NODE'" + jid + "/>"),
        own("unsubscribe by subid", "set", "<unsubscribe node='NODE' subid='s'" + jid + "/>"),
        own("unsubscribe another", "set", "<unsubscribe node='NODE'" + other + "/>"),
        own("options", "get", options + "/>"),
        own("set options", "set", options + ">" + options_form("deliver=1") + "</options>"),
        own("default options", "get", "<default node='NODE'/>"),
        own("items", "get", "<items node='NODE'/>"),
        own("items by id", "get", "<items node='NODE'><item id='i'/></items>"),
        own("newest items", "get", "<items node='NODE' max_items='1'/>"),
        own("items by subid", "get", "<items node='NODE' subid='s'/>"),
        own("items, cursor", "get",
            "<items node='NODE'/><set xmlns='http://jabber.org/protocol/rsm'><after>1:1</after>"
            "</set>"),
        own("items by creation", "get",
            "<items node='NODE'/><order xmlns='urn:xmpp:order-by:1' by='creation'/>"),
        making(own("publish", "set", "<publish node='NODE'>" + item + "</publish>")),
        making(own("publish nothing", "set", "<publish node='NODE'/>")),
        making(
            own("publish with options", "set",
                "<publish node='NODE'>" + item +
                    "</publish><publish-options><x xmlns='jabber:x:data' type='submit'><field "
                    "var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options"
                    "</value></field><field var='pubsub#access_model'><value>open</value>"
                    "</field></x></publish-options>")
        ),
        own("retract", "set", "<retract node='NODE'><item id='i'/></retract>"),
        making(own("create", "set", "<create node='NODE'/>")),
        making(own("create beneath", "set", "<create node='NODE/0123456789abcdef'/>")),
        making(own("create the collection", "set", "<create node='NODE#subtopics'/>")),
        own("create in it", "set",
            "<create node='made'/><configure>" + with_values("collection", "NODE") + "</configure>"
        ),
        own("create around it", "set",
            "<create node='made'/><configure>" +
                with_values("children", "NODE")
                    .replace(
                        with_values("children", "NODE").find("</x>"), 4,
                        "<field var='pubsub#node_type'><value>collection</value></field></x>"
                    ) +
                "</configure>"),
        ruling("configure", "get", "<configure node='NODE'/>"),
        ruling(
            "set configuration", "set",
            "<configure node='NODE'>" + config_form("title=x") + "</configure>"
        ),
        ruling(
            "cancel configuration", "set",
            "<configure node='NODE'><x xmlns='jabber:x:data' type='cancel'/></configure>"
        ),
        ruling("delete", "set", "<delete node='NODE'/>"),
        ruling("purge", "set", "<purge node='NODE'/>"),
        ruling("owner's subscriptions", "get", "<subscriptions node='NODE'/>"),
        ruling("owner's affiliations", "get", "<affiliations node='NODE'/>"),
        ruling(
            "set subscriptions", "set",
            "<subscriptions node='NODE'><subscription" + jid +
                " subscription='subscribed'/></subscriptions>"
        ),
        ruling(
            "set affiliations", "set",
            "<affiliations node='NODE'><affiliation" + jid + " affiliation='owner'/></affiliations>"
        ),
        ruling("associate it", "set", collection("mine", "<associate node='NODE'/>")),
        ruling("dissociate it", "set", collection("mine", "<dissociate node='NODE'/>")),
        ruling("associate to it", "set", collection("NODE", "<associate node='leaf'/>")),
        ruling("dissociate from it", "set", collection("NODE", "<dissociate node='leaf'/>")),
        ruling(
            "move into it", "set",
            "<configure node='leaf'>" + with_values("collection", "NODE") + "</configure>"
        ),
        ruling(
            "take it in", "set",
            "<configure node='mine'>" + with_values("children", "NODE") + "</configure>"
        ),
        plain(
            "pending requests", "set",
            "<command xmlns='http://jabber.org/protocol/commands' node='http://jabber.org/protocol/"
            "pubsub#get-pending' action='execute'><x xmlns='jabber:x:data' type='submit'><field "
            "var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#subscribe_authorization"
            "</value></field><field var='pubsub#node'><value>NODE</value></field></x></command>"
        ),
        plain("subtopic: disco#info", "get", disco("info", "NODE/0123456789abcdef")),
        own("subtopic: subscribe", "set", "<subscribe node='NODE/0123456789abcdef'" + jid + "/>"),
        own("subtopic: items", "get", "<items node='NODE/0123456789abcdef'/>"),
        making(
            own("subtopic: publish", "set",
                "<publish node='NODE/0123456789abcdef'>" + item + "</publish>")
        ),
        plain("subtopics: disco#items", "get", disco("items", "NODE#subtopics")),
        own("subtopics: subscribe", "set", "<subscribe node='NODE#subtopics'" + jid + "/>"),
    };
}

/// The answer, with the name that was tried taken out.
std::string answer(Stage& stage, const Row& row, const std::string& node) {
    const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
        for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
            text.replace(at, from.size(), to);
        return text;
    };
    stage.sends(
        reader,
        "<iq type='" + row.type + "' id='q'>" + replaced(row.request, "NODE", node) + "</iq>"
    );
    std::string text = grid::xml::to_string(stage.next(reader), "jabber:client");
    stage.forget();
    return replaced(std::move(text), node, "NODE");
}

/// Compares all rows; the rows that could make the node are left out where the actor may do so.
void compare(Stage& stage, const std::string& hidden, const std::string& absent, bool may_make) {
    for (const Row& row : rows()) {
        if (row.makes && may_make) continue;
        INFO(row.name << " at " << hidden << " and " << absent);
        CHECK(answer(stage, row, hidden) == answer(stage, row, absent));
    }
}

/// `secret` of a type, `kept/secret` by its name: leaves, and collections `…box`.
struct Hidden : Stage {
    explicit Hidden(bool auto_create = false) {
        auto changed = default_settings();
        changed.auto_create = auto_create;
        restart(changed);
        for (const std::string name : {"secret", "kept/secret"}) {
            creates(owner, name, "access_model=whitelist type=urn:x:alert");
            creates(
                owner, name + "box",
                "node_type=collection type=urn:x:alert children_association_policy=all "
                "access_model=whitelist"
            );
            publishes(owner, name, "i");
        }
        creates(reader, "mine", "node_type=collection access_model=whitelist");
        creates(reader, "leaf", "access_model=whitelist");
        forget();
    }
};

bool is_hidden_name(std::string_view node) { return node.starts_with("kept/"); }

}   // namespace

TEST_CASE("found A15: hidden by name or by type, and absent, answer alike", "[policy]") {
    const bool auto_create = GENERATE(false, true);
    Hidden stage(auto_create);
    stage.policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(bare) || !is_hidden_name(node);
    };
    stage.policy.typed = [](auto actor, auto, auto, auto type) {
        return !actor.starts_with(bare) || !type.starts_with("urn:x:alert");
    };
    for (const std::string kind : {"secret", "secretbox"}) {
        compare(stage, "kept/" + kind, "kept/nothing", false);
        compare(stage, kind, "nothing", true);
    }
}

TEST_CASE("found A15: hidden from an account that may do anything else", "[policy]") {
    Hidden stage;
    stage.policy.typed = [](auto actor, auto operation, auto, auto type) {
        return !actor.starts_with(bare) || operation != Right::Discover ||
               !type.starts_with("urn:x:alert");
    };
    // A collection that takes children of anybody is of use to the account: it may put its own in.
    compare(stage, "secret", "nothing", true);
}

TEST_CASE("found A15: one right alone does not tell hidden nodes from absent ones", "[policy]") {
    const Right only =
        GENERATE(Right::Create, Right::Publish, Right::Subscribe, Right::Retrieve, Right::Manage);
    Hidden stage(true);
    stage.policy.rule = [only](auto actor, auto operation, auto node) {
        return !actor.starts_with(bare) || node == "mine" || node == "leaf" || operation == only;
    };
    stage.policy.typed = [](auto actor, auto, auto, auto type) {
        return !actor.starts_with(bare) || !type.starts_with("urn:x:alert");
    };
    compare(stage, "secret", "nothing", only == Right::Create);
    compare(stage, "secretbox", "nothing", only == Right::Create);
}

TEST_CASE_METHOD(Stage, "found A13: a collection names children to those who may know them") {
    creates(owner, "box", "node_type=collection");
    creates(owner, "hidden/h9");
    creates(owner, "seen");
    for (const char* who : {"mallory@grid.example", "bob@grid.example"})
        subscribes(std::string(who) + "/x", "box", who);
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(bare) || !node.starts_with("hidden/");
    };
    policy.receives = [](auto actor, auto node) {
        return !actor.starts_with(bare) || !node.starts_with("hidden/");
    };
    forget();
    const auto change = [&](const std::string& what, const std::string& node) {
        owner_set(
            owner, "c", "<collection node='box'><" + what + " node='" + node + "'/></collection>"
        );
        result(owner, "c");
        return "<collection node='box'><" + what + " node='" + node + "'/></collection>";
    };
    for (const char* what : {"associate", "dissociate"}) {
        event("bob@grid.example", change(what, "hidden/h9"));
        receives_nothing(bare);
        const std::string text = change(what, "seen");
        event("bob@grid.example", text);
        event(bare, text);
    }
}

TEST_CASE_METHOD(Stage, "found A13: a redirect to a hidden node is for those who may know it") {
    creates(owner, "old");
    creates(owner, "hidden/h 1");
    for (const char* who : {"mallory@grid.example", "bob@grid.example"})
        subscribes(std::string(who) + "/x", "old", who);
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(bare) || !node.starts_with("hidden/");
    };
    forget();
    const std::string uri = "xmpp:pubsub.grid.example?;node=hidden/h%201";
    owner_set(owner, "d", "<delete node='old'><redirect uri='" + uri + "'/></delete>");
    result(owner, "d");
    event("bob@grid.example", "<delete node='old'><redirect uri='" + uri + "'/></delete>");
    event(bare, "<delete node='old'/>");
    receives_nothing(bare);
    // The name that it left behind tells no more.
    set(reader, "s1", "<subscribe node='old' jid='" + bare + "'/>");
    error(reader, "s1", "cancel", "item-not-found");
    set("bob@grid.example/x", "s2", "<subscribe node='old' jid='bob@grid.example'/>");
    CHECK(next("bob@grid.example/x").child("error")->child_any_ns("gone") != nullptr);
}

TEST_CASE_METHOD(Stage, "found M14: item ids are listed for those who may retrieve") {
    auto changed = default_settings();
    changed.allow_open = true;
    restart(changed);
    creates(owner, "n", "access_model=open");
    publishes(owner, "n", "telling");
    policy.rule = [](auto actor, auto operation, auto) {
        return !actor.starts_with(bare) || operation != Right::Retrieve;
    };
    forget();
    const std::string ask = "<iq type='get' id='q'>" + disco("items", "n") + "</iq>";
    sends(reader, ask);
    result(reader, "q", "<query xmlns='http://jabber.org/protocol/disco#items' node='n'/>");
    sends(owner, ask);
    result(
        owner, "q",
        "<query xmlns='http://jabber.org/protocol/disco#items' node='n'><item "
        "jid='pubsub.grid.example' name='telling'/></query>"
    );
}

TEST_CASE_METHOD(Stage, "found M2: the owner's whitelist or the policy admits, by a node option") {
    creates(owner, "listed", "access_model=whitelist");
    creates(owner, "policed");
    set(reader, "s1", "<subscribe node='listed' jid='" + bare + "'/>");
    error(reader, "s1", "cancel", "not-allowed", "closed-node");
    set(reader, "s2", "<subscribe node='policed' jid='" + bare + "'/>");
    CHECK(next(reader).attr_or("type", "") == "result");
    owner_get(owner, "a", "<affiliations node='policed'/>");
    result(
        owner, "a",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='policed'>"
        "<affiliation jid='" +
            owner_bare + "' affiliation='owner'/><affiliation jid='" + bare +
            "' affiliation='member'/></affiliations></pubsub>"
    );
    // The owner changes its mind: members stay, others are not let in any more.
    configures(owner, "policed", "access_model=whitelist");
    publishes(owner, "policed", "i");
    CHECK(next(bare).name() == "message");
    set("eve@grid.example/x", "s3", "<subscribe node='policed' jid='eve@grid.example'/>");
    error("eve@grid.example/x", "s3", "cancel", "not-allowed", "closed-node");
    // A node of an administrator's stays with the policy, and an outcast stays out.
    policy.administrators = {"root@grid.example"};
    creates("root@grid.example/x", "central", "access_model=whitelist");
    set("eve@grid.example/x", "s4", "<subscribe node='central' jid='eve@grid.example'/>");
    CHECK(next("eve@grid.example/x").attr_or("type", "") == "result");
    affiliates("root@grid.example/x", "central", bare, "outcast");
    forget();
    set(reader, "s5", "<subscribe node='central' jid='" + bare + "'/>");
    error(reader, "s5", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "found 13: publishing makes no node of a name kept for subtopics") {
    auto changed = default_settings();
    changed.auto_create = true;
    restart(changed);
    creates(owner, "dev");
    const std::string item = "<item id='i'><a xmlns='urn:a'/></item>";
    set(owner, "p1", "<publish node='dev/0123456789abcdef'>" + item + "</publish>");
    error(owner, "p1", "cancel", "not-allowed");
    set(owner, "p2", "<publish node='dev/0123456789abcde'>" + item + "</publish>");
    CHECK(next(owner).attr_or("type", "") == "result");
}

}   // namespace hidden_table_test
