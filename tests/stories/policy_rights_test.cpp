// tests/stories/policy_rights_test.cpp: rights that hang on time, network, issuer, device and
// type.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "controller/state.hpp"
#include "grid_stage.hpp"

namespace policy_rights_test {

using namespace grid;
using namespace grid::test;
namespace json = boost::json;

namespace {

constexpr storage::Millis hour = 3'600'000;
const std::string root = "root@grid.example";

json::object body(const std::pair<int, std::string>& answer) {
    CAPTURE(answer.first, answer.second);
    return json::parse(answer.second).as_object();
}

struct Rights : GridStage {
    std::pair<int, std::string> puts(const std::string& text) {
        return rest(
            root, "PUT", "/policy", json::serialize(json::object{{"text", json::string(text)}})
        );
    }
    std::string asks(const std::string& from, const std::string& inner) {
        const xml::Element answer = sends(
            from,
            "<iq xmlns='jabber:client' id='1' type='set' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'>" +
                inner + "</pubsub></iq>"
        );
        if (answer.attr_or("type", "") == "result") return "result";
        return std::string(answer.child_any_ns("error")->first_child()->name());
    }
    std::string publishes(const std::string& from, const std::string& node) {
        return asks(
            from, "<publish node='" + node + "'><item id='i'><x xmlns='u'/></item></publish>"
        );
    }
    std::string subscribes(const std::string& from, const std::string& node) {
        const std::string bare(xml::Jid::parse(from)->bare_view());
        return asks(from, "<subscribe node='" + node + "' jid='" + bare + "'/>");
    }
    void moves(std::string_view full, const std::string& address, const std::string& issuer = {}) {
        for (auto& [id, view] : sessions.table) {
            if (view.jid.str() != full) continue;
            view.address = address;
            if (!issuer.empty()) view.identity.issuer = issuer;
        }
    }
    bool may(std::string_view full, pubsub::Right operation, std::string_view node) {
        return controller().check(principal(full), operation, node, "").allowed;
    }
    /// The node's audience by account, and of it by this session.
    bool is_told(std::string_view full, const std::string& name) {
        const auto view = node.broker->node(name);
        REQUIRE(view);
        const std::string bare(xml::Jid::parse(full)->bare_view());
        for (const auto& subscriber : node.broker->audience(view->uid))
            if (subscriber.jid.bare_view() == bare)
                return node.broker->may_receive_here(principal(full), view->uid);
        return false;
    }
    void sweep() {
        for (int i = 0; i < 1000 && node.broker->is_sweep_pending(); ++i)
            for (storage::Batch& batch : node.broker->sweep(1)) commit(std::move(batch));
        REQUIRE_FALSE(node.broker->is_sweep_pending());
    }
    void opens(const std::string& name, const std::string& type = {}) {
        asks(
            root + "/console",
            "<create node='" + name +
                "'/><configure><x xmlns='jabber:x:data' type='submit'>"
                "<field "
                "var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value>"
                "</field><field var='pubsub#access_model'><value>authorize</value></field>" +
                (type.empty() ? "" : "<field var='pubsub#type'><value>" + type + "</value></field>"
                ) +
                "</x></configure>"
        );
    }
    /// An owner lets that account in.
    void member_of(
        const std::string& bare, const std::string& name, const std::string& affiliation
    ) {
        const xml::Element answer = sends(
            root + "/console",
            "<iq xmlns='jabber:client' id='2' type='set' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='" +
                name + "'><affiliation jid='" + bare + "' affiliation='" + affiliation +
                "'/></affiliations></pubsub></iq>"
        );
        REQUIRE(answer.attr_or("type", "") == "result");
    }
};

}   // namespace

TEST_CASE_METHOD(
    Rights, "S46: a time window opens and closes by a commit, on every node", "[grid]"
) {
    // The stage begins on Thursday, 2026-01-01T00:00:00Z.
    policy("allow any subscribe any\nallow any publish t time thu 08:00-17:00\n");
    member("probe@grid.example/x", "[]");
    using enum pubsub::Right;
    CHECK_FALSE(may("probe@grid.example/x", Publish, "t"));
    later(7 * hour);
    CHECK_FALSE(may("probe@grid.example/x", Publish, "t"));
    CHECK(control.rights_changes == 0);
    const auto closed = controller().revision();
    later(1 * hour);
    CHECK(control.rights_changes == 1);
    CHECK(may("probe@grid.example/x", Publish, "t"));
    CHECK(controller().revision() != closed);
    // A publish that was allowed within the window does not commit behind it.
    storage::Batch batch;
    controller().record_allowed(
        batch, principal("probe@grid.example/x"), {pubsub::Deed{Publish}}, "t", {true, "x"}
    );
    later(9 * hour);
    CHECK(control.rights_changes == 2);
    CHECK_FALSE(may("probe@grid.example/x", Publish, "t"));
    CHECK_FALSE(commit(batch));
    // No batch until the next boundary: a window is no reason to write all the time.
    later(24 * hour);
    CHECK(control.rights_changes == 2);
    const auto shown = body(rest(root, "GET", "/policy"));
    CHECK(shown.at("version") == 1);
    CHECK(shown.at("next_change") == "2026-01-08T08:00:00.000Z");
    CHECK(shown.at("instant") == "2026-01-01T17:00:00.000Z");
    // Another node that sees the same commits decides alike.
    later((6 * 24 - 5) * hour);
    CHECK(may("probe@grid.example/x", Publish, "t"));
    test::Node other(settings, sessions);
    REQUIRE(store.scan([&](const storage::KeyChange& change) { other.apply(change); }));
    CHECK(other.controller->check(principal("probe@grid.example/x"), Publish, "t", "").allowed);
}

TEST_CASE_METHOD(
    Rights, "S46: a subscription whose window closes is removed, and it is told", "[grid]"
) {
    policy("allow any subscribe t time thu 00:00-17:00\n");
    member("probe@grid.example/x", "[]");
    opens("t");
    member_of("probe@grid.example", "t", "member");
    CHECK(subscribes("probe@grid.example/x", "t") == "result");
    CHECK(is_told("probe@grid.example/x", "t"));
    control = {};
    later(17 * hour);
    CHECK_FALSE(is_told("probe@grid.example/x", "t"));   // before any sweep
    sweep();
    CHECK(node.broker->node("t")->subscriptions == 0);
    REQUIRE(control.sent.size() == 1);   // XEP-0060 §12.14
    CHECK(control.sent.front().to == std::vector<std::string>{"probe@grid.example"});
    CHECK(control.sent.front().message.find("subscription='none'") != std::string::npos);
    CHECK(subscribes("probe@grid.example/x", "t") == "forbidden");
}

TEST_CASE_METHOD(Rights, "S45: sessions of one account differ by network and issuer", "[grid]") {
    policy(
        "deny any subscribe t network 192.0.2.66\n"
        "allow any subscribe t network 192.0.2.0/24 issuer CN=ca\n"
        "allow any publish t issuer CN=branch\n"
    );
    member("probe@grid.example/inside", "[]");
    REQUIRE(connects("probe@grid.example/outside"));
    moves("probe@grid.example/outside", "203.0.113.9:4000");
    opens("t");
    member_of("probe@grid.example", "t", "publisher");
    CHECK(subscribes("probe@grid.example/outside", "t") == "forbidden");
    CHECK(subscribes("probe@grid.example/inside", "t") == "result");
    CHECK(is_told("probe@grid.example/inside", "t"));
    CHECK_FALSE(is_told("probe@grid.example/outside", "t"));
    CHECK(publishes("probe@grid.example/inside", "t") == "forbidden");
    moves("probe@grid.example/inside", "192.0.2.66:4000", "CN=branch");
    CHECK(publishes("probe@grid.example/inside", "t") == "result");
    CHECK_FALSE(is_told("probe@grid.example/inside", "t"));
    moves("probe@grid.example/inside", "192.0.2.65", "CN=branch");
    CHECK_FALSE(is_told("probe@grid.example/inside", "t"));
    moves("probe@grid.example/inside", "192.0.2.65", "CN=ca");
    CHECK(is_told("probe@grid.example/inside", "t"));
    // The subscription is the account's: where its sessions are now does not end it.
    moves("probe@grid.example/inside", "203.0.113.9");
    sweep();
    CHECK(node.broker->node("t")->subscriptions == 1);
    // Without rules on sessions none is asked about.
    REQUIRE(puts("allow any any any").first == 200);
    CHECK_FALSE(controller().asks_sessions());
    CHECK(is_told("probe@grid.example/outside", "t"));
}

TEST_CASE_METHOD(Rights, "S45: the trust anchor's fingerprint names an issuer", "[grid]") {
    policy("allow any publish t issuer ca\n");
    member("probe@grid.example/x", "[]");
    CHECK(may("probe@grid.example/x", pubsub::Right::Publish, "t"));
    moves("probe@grid.example/x", "192.0.2.1", "CN=another");
    CHECK(may("probe@grid.example/x", pubsub::Right::Publish, "t"));
    REQUIRE(puts("allow any publish t issuer cb").first == 200);
    CHECK_FALSE(may("probe@grid.example/x", pubsub::Right::Publish, "t"));
}

TEST_CASE_METHOD(Rights, "S45: a topic's type counts, and follows its configuration", "[grid]") {
    policy("allow any subscribe any type urn:open\nallow any discover any\n");
    member("probe@grid.example/x", "[]");
    opens("a", "urn:open");
    opens("b", "urn:closed");
    member_of("probe@grid.example", "a", "member");
    member_of("probe@grid.example", "b", "member");
    CHECK(subscribes("probe@grid.example/x", "b") == "forbidden");
    CHECK(subscribes("probe@grid.example/x", "a") == "result");
    CHECK(is_told("probe@grid.example/x", "a"));
    sweep();
    control = {};
    sends(
        root + "/console",
        "<iq xmlns='jabber:client' id='3' type='set' to='pubsub.grid.example'><pubsub "
        "xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='a'><x "
        "xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
        "http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#type'>"
        "<value>urn:closed</value></field></x></configure></pubsub></iq>"
    );
    CHECK_FALSE(is_told("probe@grid.example/x", "a"));
    CHECK(node.broker->is_sweep_pending());
    sweep();
    CHECK(node.broker->node("a")->subscriptions == 0);
}

TEST_CASE_METHOD(
    Rights, "S74: administrators are past the policy: none can lock them out", "[grid]"
) {
    policy("allow any any any\n");
    member("probe@grid.example/x", "[]");
    opens("t");
    CHECK(subscribes(root + "/console", "t") == "result");
    REQUIRE(puts("deny group administrators any any\ndeny client root any any\n").first == 200);
    sweep();
    CHECK(node.broker->node("t")->subscriptions == 1);
    CHECK(is_told(root + "/console", "t"));
    CHECK(publishes(root + "/console", "t") == "result");
    CHECK(puts("allow any any any\n").first == 200);
}

TEST_CASE_METHOD(
    Rights, "S48: an answer for another client holds for all of its sessions", "[grid]"
) {
    policy("allow any query t network 192.0.2.0/24\nallow any query u\n");
    member("probe@grid.example/inside", "[]");
    const auto& state = controller().state_for_admin();
    const auto may_query = [&](std::string_view jid, std::string_view topic) {
        return state
            .decide_for(
                *xml::Jid::parse(jid), controller::policy::Right::Query,
                controller::policy::Object{topic, {}, {}}
            )
            .allowed;
    };
    CHECK(may_query("probe@grid.example", "t"));
    CHECK(may_query("probe@grid.example/inside", "t"));
    REQUIRE(connects("probe@grid.example/outside"));
    moves("probe@grid.example/outside", "203.0.113.9");
    CHECK_FALSE(may_query("probe@grid.example", "t"));
    CHECK(may_query("probe@grid.example/inside", "t"));
    CHECK_FALSE(may_query("probe@grid.example/outside", "t"));
    // Not connected: its network is unknown.
    CHECK_FALSE(may_query("probe@grid.example/gone", "t"));
    CHECK(may_query("probe@grid.example/gone", "u"));
    CHECK_FALSE(may_query("nobody@grid.example", "u"));
}

}   // namespace policy_rights_test
