// tests/stories/switch_test.cpp: an administrator takes a topic out of use (S82).
#include <catch2/catch.hpp>

#include "grid_stage.hpp"

namespace switch_test {

using grid::test::GridStage;

namespace {

constexpr const char* maker = "maker@grid.example/m";
constexpr const char* reader = "reader@grid.example/r";

std::string pubsub_iq(const std::string& type, const std::string& inside) {
    return "<iq xmlns='jabber:client' id='t' type='" + type +
           "' to='pubsub.grid.example'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
           inside + "</pubsub></iq>";
}

std::string grid_iq(const std::string& operation) {
    return "<iq xmlns='jabber:client' id='g' type='set' to='controller.grid.example'>"
           "<grid xmlns='xgrid'><" +
           operation + "><topicName>T-1.0</topicName></" + operation + "></grid></iq>";
}

class Switch : public GridStage {
public:
    Switch() {
        policy("allow any any any\n");
        member(maker, R"(["makers"])");
        member(reader, R"(["readers"])");
        REQUIRE(answer(maker, pubsub_iq("set", "<create node='T-1.0'/><configure/>")) == "result");
        REQUIRE(answer(maker, publish) == "result");
    }
    std::string answer(const char* who, const std::string& iq) {
        const auto stanza = sends(who, iq);
        const auto* error = stanza.child("error");
        return error == nullptr ? "result" : std::string(error->first_child()->name());
    }
    int set_enabled(bool is_enabled, const char* who = "root@grid.example") {
        return rest(
                   who, "PUT", "/topics/T-1.0",
                   is_enabled ? R"({"enabled": true})" : R"({"enabled": false})"
        )
            .first;
    }

    const std::string publish =
        pubsub_iq("set", "<publish node='T-1.0'><item><a xmlns='urn:a'/></item></publish>");
    const std::string subscribe =
        pubsub_iq("set", "<subscribe node='T-1.0' jid='maker@grid.example'/>");
    const std::string items = pubsub_iq("get", "<items node='T-1.0'/>");
    const std::string retract = pubsub_iq("set", "<retract node='T-1.0'><item id='x'/></retract>");
};

}   // namespace

TEST_CASE_METHOD(
    Switch,
    "S82: a disabled topic takes no publish, subscription or retrieval until it is enabled",
    "[grid]"
) {
    REQUIRE(set_enabled(false) == 200);
    CHECK(answer(maker, publish) == "not-allowed");
    CHECK(answer(maker, subscribe) == "not-allowed");
    CHECK(answer(maker, items) == "not-allowed");
    CHECK(answer(maker, retract) == "not-allowed");
    CHECK(answer(maker, grid_iq("initPublishRequest")) == "not-allowed");
    CHECK(answer(maker, grid_iq("subscribeRequest")) == "not-allowed");
    // For administrators too.
    CHECK(answer("root@grid.example/console", publish) == "not-allowed");
    CHECK(
        rest("root@grid.example", "GET", "/topics/T-1.0").second.find(R"("enabled":false)") !=
        std::string::npos
    );
    REQUIRE(set_enabled(true) == 200);
    CHECK(answer(maker, publish) == "result");
    CHECK(answer(maker, subscribe) == "result");
}

TEST_CASE_METHOD(Switch, "S82: what is switched stays so over a restart", "[grid]") {
    REQUIRE(set_enabled(false) == 200);
    grid::test::Node fresh(settings, sessions);
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); }));
    fresh.broker->scan_finished();
    CHECK_FALSE(fresh.broker->node("T-1.0")->is_enabled);
}

TEST_CASE_METHOD(
    Switch, "S82: a publish that was decided before the switch does not pass", "[grid]"
) {
    const auto iq = grid::test::parse(publish);
    const grid::pubsub::IqRequest request{
        grid::xml::IqType::Set, settings.broker, iq.first_child(), {&iq}
    };
    auto prepared = node.broker->prepare(request);
    REQUIRE((prepared && *prepared));
    const auto with = context(principal(maker));
    auto decided = (*prepared)->decide(with);
    REQUIRE(decided.change() != nullptr);
    REQUIRE(set_enabled(false) == 200);
    CHECK_FALSE(commit(std::move(decided.change()->batch)));
    CHECK((*prepared)->decide(with).error()->condition == "not-allowed");
}

TEST_CASE_METHOD(
    Switch, "S82: who may switch, what may be switched, and the record of it", "[grid]"
) {
    CHECK(set_enabled(false, "maker@grid.example") == 403);
    CHECK(
        rest("root@grid.example", "PUT", "/topics/Nothing", R"({"enabled": false})").first == 404
    );
    CHECK(rest("root@grid.example", "PUT", "/topics/T-1.0", R"({"enabled": "no"})").first == 400);
    CHECK(rest("root@grid.example", "PUT", "/topics/T-1.0", "{}").first == 400);
    REQUIRE(set_enabled(false) == 200);
    const auto revision = store.status().revision;
    REQUIRE(set_enabled(false) == 200);   // again: as it is
    CHECK(store.status().revision == revision);
    const auto audit = rest("root@grid.example", "GET", "/audit", {}, "topic=T-1.0").second;
    CHECK(audit.find(R"("operation":"topic-disable")") != std::string::npos);
    CHECK(audit.find(R"("actor":"root@grid.example")") != std::string::npos);
}

TEST_CASE_METHOD(
    Switch, "S82: a disabled topic is hidden from those who may not know of it", "[grid]"
) {
    REQUIRE(set_enabled(false) == 200);
    const auto changed = rest(
        "root@grid.example", "PUT", "/policy", R"({"text": "allow group \"makers\" any any\n"})"
    );
    REQUIRE(changed.first == 200);
    CHECK(answer(reader, publish) == "forbidden");
}

}   // namespace switch_test
