// tests/stories/hostile_rights_test.cpp: rights that were lost, and rights that hang on sessions,
// where they are easily forgotten (S39, S46, S66, S74).
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "controller/state.hpp"
#include "subtopic_stage.hpp"

namespace hostile_rights_test {

using namespace grid;
using namespace grid::test;
using Catch::Contains;
namespace json = boost::json;
using Stage = SubtopicStage;

namespace {

constexpr const char* root = "root@grid.example";
constexpr const char* probe = "probe@grid.example/x";

void moves(GridStage& stage, std::string_view full, const std::string& address) {
    for (auto& [id, view] : stage.sessions.table)
        if (view.jid.str() == full) view.address = address;
}

void sweep(GridStage& stage) {
    for (int i = 0; i < 100 && stage.node.broker->is_sweep_pending(); ++i)
        for (storage::Batch& batch : stage.node.broker->sweep(50)) stage.commit(std::move(batch));
    REQUIRE_FALSE(stage.node.broker->is_sweep_pending());
}

void puts_policy(GridStage& stage, const std::string& text) {
    const auto body = json::serialize(json::object{{"text", json::string(text)}});
    REQUIRE(stage.rest(root, "PUT", "/policy", body).first == 200);
}

std::string asks(GridStage& stage, const std::string& from, const std::string& inside) {
    return std::string(stage.sends(from, Stage::pubsub_iq(inside)).attr_or("type", ""));
}

/// Desks may read what makers make; one of each.
struct Two : GridStage {
    static constexpr const char* rules =
        "allow group makers any any\nallow group desks discover,subscribe a*\n";
    Two() {
        policy(rules);
        member("maker@grid.example/m", R"(["makers"])");
        member(probe, R"(["desks"])");
        REQUIRE(asks(*this, "maker@grid.example/m", "<create node='a1'/>") == "result");
        REQUIRE(node.broker->node("a1").has_value());
        const std::string owner =
            "<iq xmlns='jabber:client' id='o' type='set' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='a1'>"
            "<affiliation jid='probe@grid.example' affiliation='member'/></affiliations>"
            "</pubsub></iq>";
        REQUIRE(sends("maker@grid.example/m", owner).attr_or("type", "") == "result");
        REQUIRE(asks(*this, probe, "<subscribe node='a1' jid='probe@grid.example'/>") == "result");
        control.sent.clear();
    }
    std::vector<FakeControl::Sent> logs_in() {
        control.sent.clear();
        controller().logged_in(*xml::Jid::parse(probe), 0, control);
        return control.sent;
    }
};

}   // namespace

TEST_CASE("S46, S66: a rule about networks counts at subtopics, in the topic's name", "[grid]") {
    // By name of the topic alone in the one, of anything else in the other.
    const std::string rules = GENERATE(
        "deny any subscribe Session-1.0 network 198.51.100.0/24\nallow any any any\n",
        "allow any discover,create,publish,manage any\n"
        "allow any subscribe Session-1.0 network 192.0.2.0/24\n"
    );
    CAPTURE(rules);
    Stage stage(rules);
    stage.provides(Stage::server_side());
    const auto name = stage.subtopic(Stage::reader, "location = 'SJC'");
    const auto uid = stage.node.broker->node_uid(name);
    REQUIRE(uid != 0);
    REQUIRE(stage.node.broker->audience(uid).size() == 1);
    CHECK(stage.node.broker->may_receive_here(stage.principal(Stage::reader), uid));
    moves(stage, Stage::reader, "198.51.100.7");
    CHECK_FALSE(stage.node.broker->may_receive_here(stage.principal(Stage::reader), uid));
}

TEST_CASE_METHOD(
    Two, "S39: who is away as its subscription is removed hears of it at its next login", "[grid]"
) {
    disconnects(probe);
    CHECK(
        rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["others"]})")
            .first == 200
    );
    sweep(*this);
    later(100);
    REQUIRE(connects(probe));
    const auto sent = logs_in();
    std::vector<std::string> removed;
    for (const auto& one : sent)
        if (one.message.find("subscription='none'") != std::string::npos)
            removed.push_back(one.message);
    REQUIRE(removed.size() == 1);
    CHECK_THAT(removed[0], Contains("from='pubsub.grid.example'") && Contains("node='a1'"));
    CHECK_THAT(removed[0], Contains("jid='probe@grid.example'") && Contains("urn:xmpp:delay"));
    later(100);
    CHECK(logs_in().empty());
}

TEST_CASE_METHOD(Two, "S46: who is there hears of it as it happens, and once", "[grid]") {
    for (auto& [id, view] : sessions.table) view.is_active = true;
    puts_policy(*this, "allow group makers any any\n");
    sweep(*this);
    std::size_t told = 0;
    for (const auto& one : control.sent)
        told += one.message.find("subscription='none'") != std::string::npos ? 1U : 0U;
    CHECK(told == 1);
    later(100);
    CHECK(logs_in().empty());
}

TEST_CASE_METHOD(Two, "S46: what no session has heard is kept for the next login", "[grid]") {
    for (auto& [id, view] : sessions.table) view.is_active = true;
    puts_policy(*this, "allow group makers any any\n");
    sweep(*this);
    const auto found = std::ranges::find_if(control.sent, [](const auto& one) {
        return one.what.notice != nullptr;
    });
    REQUIRE(found != control.sent.end());
    const auto notice = found->what.notice;
    REQUIRE(notice->accounts.size() == 1);
    // The session ends before the message has gone out to it.
    disconnects(probe);
    const xml::Jid& account = notice->accounts.front();
    const auto revision = found->what.revision;
    SECTION("it was one of this member's own batches") {
        controller().notice_went_out(*notice, account, revision, false, control);
        REQUIRE(connects(probe));
        control.sent.clear();
        later(100);   // stored, and told to whom has logged in meanwhile
        CHECK(logs_in().size() == 1);
        later(100);
        CHECK(logs_in().empty());
    }
    SECTION("a session is there that the event was not for") {
        REQUIRE(connects(probe));
        for (auto& [id, view] : sessions.table) view.is_active = true;
        control.sent.clear();
        controller().notice_went_out(*notice, account, revision, false, control);
        REQUIRE(control.sent.size() == 1);
        CHECK_THAT(control.sent[0].message, Contains("subscription='none'"));
        later(100);
        CHECK(logs_in().empty());
    }
    SECTION("another member sees to it") {
        pubsub::Notice foreign = *notice;
        foreign.is_own = false;
        controller().notice_went_out(foreign, account, revision, false, control);
        later(100);
        REQUIRE(connects(probe));
        CHECK(logs_in().empty());
    }
    SECTION("a newer one of the same subject is there") {
        grid::storage::Batch batch;
        node.controller->store_notice(batch, account, notice->subject, "<newer/>");
        controller().notice_went_out(*notice, account, revision, false, control);
        REQUIRE(commit(std::move(batch)));
        later(100);
        REQUIRE(connects(probe));
        const auto sent = logs_in();
        REQUIRE(sent.size() == 1);
        CHECK_THAT(sent[0].message, Contains("<newer/>"));
    }
}

TEST_CASE_METHOD(Two, "S39: of an account that is no more nobody is told", "[grid]") {
    disconnects(probe);
    CHECK(rest(root, "DELETE", "/accounts/probe@grid.example").first == 200);
    sweep(*this);
    CHECK(controller().state_for_admin().accounts.notices().find("probe@grid.example") == nullptr);
}

TEST_CASE("S46: an address is in the audience as long as it may receive", "[grid]") {
    Two stage;
    const auto uid = stage.node.broker->node_uid("a1");
    const auto jid = *xml::Jid::parse("probe@grid.example");
    CHECK(stage.node.broker->is_in_audience(jid, uid));
    CHECK_FALSE(stage.node.broker->is_in_audience(*xml::Jid::parse(probe), uid));
    puts_policy(stage, "allow group makers any any\n");
    CHECK_FALSE(stage.node.broker->is_in_audience(jid, uid));   // before any sweep
    puts_policy(stage, Two::rules);
    REQUIRE(asks(stage, probe, "<unsubscribe node='a1' jid='probe@grid.example'/>") == "result");
    CHECK_FALSE(stage.node.broker->is_in_audience(jid, uid));
    CHECK_FALSE(stage.node.broker->is_in_audience(jid, 12345));
}

TEST_CASE("S56: leaving a topic that may not be discovered tells nothing of it", "[grid]") {
    Stage stage("allow client maker any any\nallow client reader discover,subscribe Session-1.0\n");
    stage.provides();
    for (const char* dialect : {"xgrid", "gi"}) {
        for (const char* more :
             {"", "<filter>color = 'red'</filter>", "<filter>location = 'A'</filter>"}) {
            const auto answers = [&](const std::string& topic) {
                const auto answer = stage.sends(
                    Stage::other, Stage::grid_iq(
                                      "<unsubscribeRequest><topicName>" + topic + "</topicName>" +
                                          more + "</unsubscribeRequest>",
                                      dialect
                                  )
                );
                const auto* error = answer.child_any_ns("error");
                REQUIRE(error != nullptr);
                std::string text;
                for (const auto* child : error->children()) text += child->name() + " ";
                const auto* said = error->child_any_ns("text");
                return text + (said ? said->text() : "");
            };
            CHECK(
                answers("Session-1.0") ==
                "item-not-found text unknown-capability no topic Session-1.0"
            );
            CHECK(
                answers("Nothing-1.0") ==
                "item-not-found text unknown-capability no topic Nothing-1.0"
            );
        }
    }
    // A subscriber may leave, whatever rights are left to it.
    const auto name = stage.subtopic(Stage::reader, "location = 'A'");
    puts_policy(stage, "allow client maker any any\n");
    CHECK(
        stage.type_of(
            Stage::reader, Stage::leave_request("<subtopicName>" + name + "</subtopicName>")
        ) == "result"
    );
}

TEST_CASE("S74: a dry run names what the policy then cuts, no more and no less", "[grid]") {
    std::mt19937 random(GENERATE(1u, 2u, 3u, 4u, 5u, 6u));
    const auto one_of = [&](const std::vector<std::string>& all) {
        return all[random() % all.size()];
    };
    GridStage stage;
    stage.policy("allow any any any\n");
    const std::vector<std::string> names{"ann", "bob", "cid", "dan"};
    const std::vector<std::string> topics{"a1", "a2", "b1", "Session-1.0"};
    for (const auto& name : names)
        stage.member(name + "@grid.example/x", R"([")" + one_of({"red", "blue", "green"}) + "\"]");
    stage.sends(
        "ann@grid.example/x", Stage::grid_iq(
                                  "<initPublishRequest><topicName>Session-1.0</topicName>" +
                                  Stage::support() + "</initPublishRequest>"
                              )
    );
    for (const char* made : {"a1", "a2", "b1"})
        REQUIRE(
            asks(stage, "ann@grid.example/x", "<create node='" + std::string(made) + "'/>") ==
            "result"
        );
    for (const auto& name : names) {
        for (const auto& topic : topics) {
            const std::string filter =
                topic == "Session-1.0" ? "<filter>location = '" + one_of({"A", "B"}) + "'</filter>"
                                       : "";
            if (random() % 4 == 0) continue;
            stage.sends(
                name + "@grid.example/x", Stage::grid_iq(
                                              "<subscribeRequest><topicName>" + topic +
                                              "</topicName>" + filter + "</subscribeRequest>"
                                          )
            );
        }
    }
    const auto held = [&] {
        std::multiset<std::string> all;
        for (const auto& holder : stage.node.broker->holders({}, 10'000).holders)
            if (holder.kind == pubsub::Holder::Kind::Subscriber)
                all.insert(holder.jid + " " + holder.node);
        return all;
    };
    for (int round = 0; round < 20; ++round) {
        std::string text;
        for (int i = 0; i < 4; ++i)
            text += one_of({"allow", "deny"}) + " " +
                    one_of({"any", "group red", "group blue", "client ann,bob", "client ?id"}) +
                    " " + one_of({"subscribe", "any", "publish,subscribe"}) + " " +
                    one_of({"a*", "b1", "any", "Session-1.0", "Session*"}) + "\n";
        text += one_of({"", "allow any any any\n", "allow any subscribe a1\n"});
        CAPTURE(round, text);
        std::multiset<std::string> named;
        std::string after;
        const auto pages_max = 200;
        int pages = 0;
        do {
            json::object ask{{"text", json::string(text)}, {"max", random() % 3 + 1}};
            if (!after.empty()) ask["after"] = after;
            const auto answer = stage.rest(root, "POST", "/policy/dry-run", json::serialize(ask));
            REQUIRE(answer.first == 200);
            const auto body = json::parse(answer.second).as_object();
            for (const auto& cut : body.at("cuts").as_array())
                if (cut.at("kind").as_string() == "subscription")
                    named.insert(
                        std::string(cut.at("jid").as_string()) + " " +
                        std::string(cut.at("topic").as_string())
                    );
            const auto* next = body.if_contains("next");
            after = next && next->is_string() ? std::string(next->get_string()) : "";
        } while (!after.empty() && ++pages < pages_max);
        REQUIRE(pages < pages_max);
        const auto before = held();
        puts_policy(stage, text);
        sweep(stage);
        auto gone = before;
        for (const auto& kept : held()) gone.erase(gone.find(kept));
        CHECK(gone == named);
        puts_policy(stage, "allow any any any\n");
        for (const auto& one : gone) {   // as it was
            const auto at = one.find('@');
            stage.sends(
                one.substr(0, at) + "@grid.example/x",
                Stage::grid_iq(
                    "<subscribeRequest><topicName>" + one.substr(one.find(' ') + 1) +
                    "</topicName></subscribeRequest>"
                )
            );
        }
    }
}

}   // namespace hostile_rights_test
