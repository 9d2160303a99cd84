// tests/unit/controller/policy_rest_test.cpp: the policy by REST: versions, roll-back, test, dry
// run.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/rest/rest.hpp"
#include "controller/state.hpp"

namespace policy_rest_test {

using namespace grid::controller;
using namespace grid::test;
namespace json = boost::json;

namespace {

const std::string root = "root@grid.example";

struct Desk : GridStage {
    Desk() {
        member("probe@grid.example/x", R"(["siem"])");
        REQUIRE(put("allow group siem any any\n").first == 200);
    }
    std::pair<int, std::string> call(
        const std::string& method, const std::string& path, const json::object& body
    ) {
        return rest(root, method, path, body.empty() ? "" : json::serialize(body));
    }
    std::pair<int, std::string> put(const std::string& text) {
        return call("PUT", "/policy", {{"text", text}});
    }
    json::object ok(const std::pair<int, std::string>& answer) {
        CAPTURE(answer.second);
        REQUIRE(answer.first == 200);
        return json::parse(answer.second).as_object();
    }
    std::string code(const std::pair<int, std::string>& answer) {
        CAPTURE(answer.second);
        REQUIRE(answer.first >= 400);
        return std::string(json::parse(answer.second).as_object().at("code").as_string());
    }
    json::object tests(json::object body) {
        body.emplace("client", "probe");
        body.emplace("topic", "t");
        body.emplace("operation", "publish");
        return ok(call("POST", "/policy/test", body));
    }
    void pubsub(const std::string& from, const std::string& inner) {
        const auto answer = sends(
            from,
            "<iq xmlns='jabber:client' id='1' type='set' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'>" +
                inner + "</pubsub></iq>"
        );
        REQUIRE(answer.attr_or("type", "") == "result");
    }
    /// All pages of a dry run.
    std::vector<json::object> cuts(const std::string& text, std::size_t max) {
        std::vector<json::object> all;
        json::object body{{"text", text}, {"max", max}};
        for (int page = 0; page < 100; ++page) {
            const json::object answer = ok(call("POST", "/policy/dry-run", body));
            CHECK(answer.at("cuts").as_array().size() <= max);
            for (const json::value& cut : answer.at("cuts").as_array())
                all.push_back(cut.as_object());
            if (answer.at("next").is_null()) return all;
            body["after"] = answer.at("next");
        }
        FAIL("the pages do not end");
        return all;
    }
};

}   // namespace

TEST_CASE_METHOD(Desk, "S74: versions with who and when; an earlier one is put in force again") {
    REQUIRE(put("deny any any any\n").first == 200);
    later(60'000);
    REQUIRE(put("allow any publish t\n").first == 200);
    const json::object list = ok(rest(root, "GET", "/policy/versions"));
    const auto& versions = list.at("versions").as_array();
    REQUIRE(versions.size() == 3);
    CHECK(versions[0].at("version") == 3);
    CHECK(versions[0].at("in_force") == true);
    CHECK(versions[0].at("changed_by").as_string() == root);
    CHECK(versions[0].at("changed") != versions[1].at("changed"));
    CHECK(versions[1].at("in_force") == false);
    const json::object first = ok(rest(root, "GET", "/policy/versions", "", "max=2"));
    CHECK(first.at("versions").as_array().size() == 2);
    const std::string next(first.at("next").as_string());
    const json::object second = ok(rest(root, "GET", "/policy/versions", "", "after=" + next));
    REQUIRE(second.at("versions").as_array().size() == 1);
    CHECK(second.at("versions").at(0).at("version") == 1);
    CHECK(ok(rest(root, "GET", "/policy/versions/2")).at("text") == "deny any any any\n");

    const auto back = call("POST", "/policy/rollback", {{"version", 1}, {"expect_version", 3}});
    CHECK(ok(back).at("version") == 4);
    CHECK(ok(rest(root, "GET", "/policy")).at("text") == "allow group siem any any\n");
    CHECK(tests({}).at("allowed") == true);
    const auto audit = ok(rest(root, "GET", "/audit", "", "decision=allow&max=1"));
    CHECK(
        audit.at("records").at(0).at("detail").as_string().find("as version 1") != std::string::npos
    );
}

TEST_CASE_METHOD(Desk, "S74: a roll-back that cannot be is refused") {
    CHECK(code(call("POST", "/policy/rollback", {{"version", 7}})) == "unknown-version");
    CHECK(code(call("POST", "/policy/rollback", {{"version", 1}})) == "wrong-state");
    CHECK(code(call("POST", "/policy/rollback", {{"version", "1"}})) == "malformed-request");
    CHECK(code(call("POST", "/policy/rollback", {{"expect_version", 1}})) == "malformed-request");
    REQUIRE(put("deny any any any").first == 200);
    CHECK(
        code(call("POST", "/policy/rollback", {{"version", 1}, {"expect_version", 1}})) ==
        "policy-changed"
    );
    CHECK(code(rest(root, "GET", "/policy/versions/9")) == "unknown-version");
    CHECK(code(rest(root, "GET", "/policy/versions/x")) == "malformed-request");
    CHECK(code(rest(root, "GET", "/policy/versions", "", "after=x")) == "malformed-request");
    CHECK(ok(rest(root, "GET", "/policy")).at("version") == 2);
}

TEST_CASE_METHOD(Desk, "S74: more than a hundred versions: the oldest are forgotten, on disk too") {
    for (int i = 0; i < 105; ++i) REQUIRE(put("# " + std::to_string(i) + "\n").first == 200);
    CHECK(controller().state_for_admin().policy.versions().size() == 100);
    CHECK(code(rest(root, "GET", "/policy/versions/6")) == "unknown-version");
    CHECK(ok(rest(root, "GET", "/policy/versions/7")).at("version") == 7);
    std::size_t stored = 0;
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) {
        if (change.key.starts_with("Pv")) ++stored;
    }));
    CHECK(stored == 100);
}

TEST_CASE_METHOD(Desk, "a test knows that administrators are past the policy for topics") {
    REQUIRE(put("deny any any any\n").first == 200);
    const json::object allowed = tests({{"client", "root"}});
    CHECK(allowed.at("allowed") == true);
    CHECK(allowed.at("rule") == "administrator");
    CHECK(tests({{"client", "root"}, {"operation", "query"}}).at("allowed") == false);
    CHECK(
        tests({{"client", "new"}, {"groups", json::array{"administrators"}}}).at("allowed") == true
    );
    CHECK(tests({{"client", "root"}, {"groups", json::array{"x"}}}).at("allowed") == false);
}

TEST_CASE_METHOD(Desk, "an empty text is no policy") {
    const auto before = controller().state_for_admin().policy.head().version;
    CHECK(put("").first == 400);
    CHECK(put(" \n\t\n").first == 400);
    CHECK(controller().state_for_admin().policy.head().version == before);
    CHECK(put("# allows nothing\n").first == 200);
}

TEST_CASE_METHOD(Desk, "S45: a test says which rule decides and why, for every attribute") {
    REQUIRE(
        put("deny any publish t network 203.0.113.0/24\n"
            "deny any publish t time sat-sun\n"
            "allow group siem publish t type urn:a device probe issuer CN=ca\n")
            .first == 200
    );
    const json::object denied = tests({});
    CHECK(denied.at("allowed") == false);
    CHECK(denied.at("rule") == "default deny");
    CHECK(denied.at("why").at(0) == "no rule fits: denied");
    REQUIRE(denied.at("passed_over").as_array().size() == 3);
    CHECK(
        denied.at("passed_over").at(0).at("because") ==
        "the client's address is not in 203.0.113.0/24"
    );
    CHECK(
        denied.at("passed_over").at(1).at("because") == "the time is thu 00:00, not within sat-sun"
    );
    CHECK(denied.at("passed_over").at(2).at("line") == 3);
    CHECK(denied.at("network") == "192.0.2.1");   // of its session

    const json::object allowed = tests({{"type", "urn:a"}, {"device_type", "probe"}});
    CHECK(allowed.at("allowed") == true);
    CHECK(allowed.at("line") == 3);
    CHECK(allowed.at("why").at(0) == "the client is in group siem");
    CHECK(allowed.at("sessions").as_array().size() == 1);
    const json::object abroad =
        tests({{"type", "urn:a"}, {"device_type", "probe"}, {"network", "203.0.113.7"}});
    CHECK(abroad.at("allowed") == false);
    CHECK(abroad.at("line") == 1);
    CHECK(abroad.at("why").at(2) == "the client's address is in 203.0.113.0/24");
    const json::object weekend =
        tests({{"type", "urn:a"}, {"device_type", "probe"}, {"time", "2026-01-03T10:00:00Z"}});
    CHECK(weekend.at("line") == 2);
    const json::object imagined = tests(
        {{"client", "new"},
         {"groups", json::array{"siem"}},
         {"type", "urn:a"},
         {"device_type", "probe"},
         {"issuer", "CN=ca"}}
    );
    CHECK(imagined.at("allowed") == true);
    CHECK(
        tests({{"client", "new"},
               {"groups", json::array{"siem"}},
               {"type", "urn:a"},
               {"device_type", "probe"},
               {"issuer", "CN=cb"}})
            .at("allowed") == false
    );
    // A text that is not in force.
    const json::object other = tests({{"text", "# x\nallow any any t\n"}});
    CHECK(other.at("allowed") == true);
    CHECK(other.at("line") == 2);
    CHECK(other.at("version") == 0);
    CHECK(ok(rest(root, "GET", "/policy")).at("version") == 2);
}

TEST_CASE_METHOD(Desk, "S45: a test that cannot be answered is refused") {
    const auto refused = [&](json::object body) {
        body.emplace("client", "probe");
        body.emplace("topic", "t");
        body.emplace("operation", "publish");
        return code(call("POST", "/policy/test", body));
    };
    CHECK(refused({{"operation", "fly"}}) == "malformed-request");
    CHECK(refused({{"network", "here"}}) == "malformed-request");
    CHECK(refused({{"time", "noon"}}) == "malformed-request");
    CHECK(refused({{"device_type", 1}}) == "malformed-request");
    CHECK(refused({{"colour", "red"}}) == "malformed-request");
    CHECK(refused({{"client", "a@b/c"}}) == "malformed-request");
    CHECK(refused({{"text", "allow"}}) == "policy-invalid");
    // A message is to somebody; all else is about a topic.
    CHECK(refused({{"operation", "message"}}) == "malformed-request");
    CHECK(refused({{"recipient", "desk"}}) == "malformed-request");
    const auto message = [&](json::object body) {
        body.emplace("client", "ise");
        body.emplace("operation", "message");
        return call("POST", "/policy/test", body);
    };
    CHECK(code(message({})) == "malformed-request");
    CHECK(code(message({{"recipient", "desk@b/c"}})) == "malformed-request");
    CHECK(code(message({{"recipient", "desk"}, {"topic", "t"}})) == "malformed-request");
    const auto answer = ok(message(
        {{"recipient", "desk"},
         {"recipient_groups", json::array{"desks"}},
         {"groups", json::array{"sensors"}},
         {"text", "allow group sensors message group desks"}}
    ));
    CHECK(answer.at("allowed") == true);
    CHECK(answer.at("recipient") == "desk@grid.example");
    CHECK(answer.at("recipient_groups") == json::array{"desks"});
}

TEST_CASE_METHOD(
    Desk, "S45: a text that is no policy is refused as a whole, and all errors named"
) {
    const auto bad = put("allow any any any\nallow any any t network 10.0.0.0/99\nallow\n");
    CHECK(code(bad) == "policy-invalid");
    const json::object answer = json::parse(bad.second).as_object();
    REQUIRE(answer.at("errors").as_array().size() == 2);
    CHECK(answer.at("errors").at(0).at("line") == 2);
    CHECK(answer.at("errors").at(0).at("column") == 25);
    CHECK(answer.at("errors").at(1).at("line") == 3);
    CHECK(answer.at("errors").at(1).at("column") == 6);
    CHECK(code(put(std::string(300'000, '#'))) == "policy-invalid");
    std::string many;
    for (int i = 0; i < 10'001; ++i) many += "deny any any a\n";
    CHECK(code(put(many)) == "policy-invalid");
    CHECK(ok(rest(root, "GET", "/policy")).at("version") == 1);
}

TEST_CASE_METHOD(Desk, "S45: texts are made drafts away from the core strand, a few at once") {
    Rest rest(controller(), *node.broker, sessions, server);
    grid::pubsub::Principal actor;
    actor.jid = *grid::xml::Jid::parse(root);
    actor.origin = grid::pubsub::Origin::Http;
    actor.issuer = "ca";
    const auto asks = [&](const std::string& method, const std::string& path, json::object body) {
        body.emplace("text", "allow any any any\n# " + path);
        auto prepared = rest.prepare({method, path, "", json::serialize(body), "*"});
        REQUIRE(prepared.has_value());
        return prepared->decide;
    };
    const json::object question{{"client", "x"}, {"topic", "t"}, {"operation", "publish"}};
    const auto test = asks("POST", "/policy/test", question);
    const auto dry_run = asks("POST", "/policy/dry-run", {});
    const auto check = asks("POST", "/policy/check", {});
    const auto put = asks("PUT", "/policy", {});
    auto first = test(context(actor)), second = dry_run(context(actor));
    REQUIRE(first.work() != nullptr);
    REQUIRE(second.work() != nullptr);
    {
        const auto refused = check(context(actor));
        REQUIRE(refused.reply() != nullptr);
        CHECK(refused.reply()->status == 429);
        CHECK(refused.reply()->headers == "Retry-After: 1\r\n");
        auto change = put(context(actor));   // questions keep none from it
        CHECK(change.work() != nullptr);
    }
    (*first.work())(*store.snapshot());
    first = test(context(actor));   // the rules are tried on the reader pool, too
    REQUIRE(first.query() != nullptr);
    CHECK(check(context(actor)).work() != nullptr);
    (*second.work())(*store.snapshot());
    second = dry_run(context(actor));
    REQUIRE(second.reply() != nullptr);
    CHECK(second.reply()->status == 200);
    // The last draft is not made twice.
    CHECK(asks("POST", "/policy/dry-run", {})(context(actor)).reply() != nullptr);
}

TEST_CASE_METHOD(Desk, "S45: a text that is put in force is the draft, and is not made twice") {
    const auto& policy = controller().state_for_admin().policy;
    const auto& drafts = controller().state_for_admin().drafts;
    const std::vector<std::string> texts{"allow any any t\n", "deny any any t\n"};
    for (const std::string& text : texts) {
        REQUIRE(put(text).first == 200);
        REQUIRE(drafts.last() != nullptr);
        CHECK(policy.shared_compiled() == drafts.last()->shared_compiled());
        CHECK(policy.head().text == text);
        CHECK(tests({}).at("allowed") == text.starts_with("allow"));
    }
    const auto in_force = policy.shared_compiled();
    REQUIRE(call("POST", "/policy/check", {{"text", "allow any any other\n"}}).first == 200);
    CHECK(policy.shared_compiled() == in_force);
    CHECK(drafts.last()->shared_compiled() != in_force);
    REQUIRE(put("allow any any third\n").first == 200);
    CHECK(tests({}).at("allowed") == false);
}

TEST_CASE_METHOD(Desk, "S74: a dry run lists who would be cut, page by page, and changes nothing") {
    member("other@grid.example/y", R"(["siem"])");
    for (const char* topic : {"a", "b", "c"}) {
        pubsub("probe@grid.example/x", "<create node='" + std::string(topic) + "'/>");
        for (const char* full : {"probe@grid.example", "root@grid.example"})
            pubsub(
                std::string(full) == "root@grid.example" ? "root@grid.example/console"
                                                         : "probe@grid.example/x",
                "<subscribe node='" + std::string(topic) + "' jid='" + full + "'/>"
            );
    }
    disconnects("other@grid.example/y");
    const auto all = cuts("allow any any c\n", 500);
    REQUIRE(all.size() == 4);   // of a and b: a subscription and a publisher each; never root's
    CHECK(all[0].at("kind") == "subscription");
    CHECK(all[0].at("topic") == "a");
    CHECK(all[0].at("jid") == "probe@grid.example");
    CHECK(all[0].at("online") == true);
    CHECK(all[0].at("rule") == "default deny");
    CHECK(all[1].at("kind") == "publisher");
    CHECK(all[3].at("topic") == "b");
    CHECK(cuts("allow any any c\n", 1) == all);
    CHECK(cuts("allow any subscribe any\n", 500).size() == 3);
    CHECK(cuts("allow any any any\n", 1).empty());
    // A session that is elsewhere would be cut, though the account is not.
    const auto elsewhere =
        cuts("allow any subscribe any network 10.0.0.0/8\nallow any publish any\n", 500);
    REQUIRE(elsewhere.size() == 3);
    CHECK(elsewhere[0].at("kind") == "session");
    CHECK(elsewhere[0].at("jid") == "probe@grid.example/x");
    // Time windows count as they are now: Thursday.
    CHECK(cuts("allow any any any time thu\n", 500).empty());
    CHECK(cuts("allow any any any time fri\n", 500).size() == 6);
    CHECK(ok(rest(root, "GET", "/policy")).at("version") == 1);
    CHECK(node.broker->subscription_count() == 6);
    CHECK(code(call("POST", "/policy/dry-run", {{"text", "x"}})) == "policy-invalid");
    CHECK(
        code(call("POST", "/policy/dry-run", {{"text", ""}, {"after", "nonsense"}})) ==
        "malformed-request"
    );
    CHECK(code(call("POST", "/policy/dry-run", {{"text", ""}, {"max", 0}})) == "malformed-request");
}

}   // namespace policy_rest_test
