// tests/unit/controller/offline_messages_test.cpp: messages that wait for an account, in memory and
// in the store.
#include "controller/messages/offline_messages.hpp"

#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"

namespace offline_messages_test {

using namespace grid::controller;
using grid::storage::Batch;
using grid::test::GridStage;
using grid::xml::Jid;

namespace {

const Jid anna = *Jid::parse("anna@grid.example"), bert = *Jid::parse("bert@grid.example");
constexpr grid::storage::Millis day = 24LL * 3600 * 1000;

Settings few() {
    Settings settings = GridStage::default_settings();
    settings.offline.messages_max = 3;
    settings.offline.bytes_max = 100;
    return settings;
}

struct OfflineStage : GridStage {
    OfflineStage() : GridStage(few()) {
        policy("allow any message any\n");
        member("anna@grid.example/a", R"(["x"])");
        member("bert@grid.example/b", R"(["x"])");
    }
    /// The condition of the refusal; nothing when it waits.
    std::string stores(const Jid& to, const std::string& text) {
        Controller::Kept kept;
        kept.to = to;
        kept.waits = true;
        kept.received = text;
        auto batch = controller().keep_message(principal("anna@grid.example/a"), kept);
        if (!batch) return batch.error().condition;
        REQUIRE(commit(std::move(*batch)));
        return "";
    }
    std::vector<std::string> waiting(const Jid& account, std::size_t bytes_max = 1000) {
        std::vector<std::string> texts;
        const auto snapshot = store.snapshot();
        for (const auto& message :
             controller().offline().next(account.str(), 0, 0, 100, bytes_max)) {
            const auto key = OfflineMessages::text_of(account.str(), message.revision);
            const auto value = snapshot->get(key.family, key.key);
            REQUIRE(value.has_value());
            REQUIRE(value->has_value());
            const auto text = OfflineMessages::decode_text((*value)->value);
            CHECK(text.from == "anna@grid.example/a");
            texts.push_back(text.message);
        }
        return texts;
    }
    std::size_t records() const {
        std::size_t count = 0;
        const auto look = [&](std::string_view key, const auto&) {
            count += key.front() == 'm' ? 1 : 0;
            return true;
        };
        for (const auto family : {grid::storage::Family::Index, grid::storage::Family::Payload}) {
            const auto snapshot = const_cast<grid::storage::MemoryStore&>(store).snapshot();
            REQUIRE_FALSE(snapshot->scan(family, "", "", false, look));
        }
        return count;
    }
};

}   // namespace

TEST_CASE_METHOD(
    OfflineStage, "offline: messages wait in their order, and over a restart", "[offline]"
) {
    for (const char* text : {"1", "2", "3"}) REQUIRE(stores(bert, text).empty());
    CHECK(waiting(bert) == std::vector<std::string>{"1", "2", "3"});
    CHECK(waiting(bert, 1) == std::vector<std::string>{"1"});   // one at least
    grid::test::Node other(settings, sessions);
    REQUIRE(store.scan([&](const auto& change) { other.apply(change); }).has_value());
    CHECK(other.controller->offline() == controller().offline());
}

TEST_CASE_METHOD(
    OfflineStage, "offline: one more than fits is refused as of a missing account", "[offline]"
) {
    CHECK(stores(*Jid::parse("nobody@grid.example"), "x") == "service-unavailable");
    for (const char* text : {"1", "2", "3"}) REQUIRE(stores(bert, text).empty());
    CHECK(stores(bert, "4") == "service-unavailable");
    CHECK(stores(anna, std::string(101, 'x')) == "service-unavailable");
    CHECK(stores(anna, std::string(60, 'x')).empty());
    CHECK(stores(anna, std::string(60, 'x')) == "service-unavailable");
    CHECK(stores(anna, std::string(40, 'x')).empty());
}

TEST_CASE_METHOD(OfflineStage, "offline: those being committed take room, too", "[offline]") {
    auto& offline = controller().offline();
    offline.begin(bert.str(), 40);
    offline.begin(bert.str(), 40);
    CHECK(offline.is_coming(bert.str()));
    CHECK(stores(bert, std::string(21, 'x')) == "service-unavailable");
    offline.end(bert.str(), 40);
    CHECK(stores(bert, std::string(21, 'x')).empty());
    CHECK(stores(bert, "y").empty());
    CHECK(stores(bert, "z") == "service-unavailable");
    offline.end(bert.str(), 40);
    CHECK_FALSE(offline.is_coming(bert.str()));
    CHECK(stores(bert, "z").empty());
}

TEST_CASE_METHOD(
    OfflineStage, "offline: a delivered message is erased, and gives its room back", "[offline]"
) {
    for (const char* text : {"1", "2", "3"}) REQUIRE(stores(bert, text).empty());
    auto& offline = controller().offline();
    const auto second = offline.find(bert.str())->messages[1].revision;
    offline.delivered(bert.str(), second);
    CHECK(waiting(bert) == std::vector<std::string>{"3"});   // at once
    later(0);
    REQUIRE(offline.find(bert.str()) != nullptr);
    CHECK(offline.find(bert.str())->messages.size() == 1);
    CHECK(records() == 2);
    CHECK(stores(bert, "4").empty());
    CHECK(waiting(bert) == std::vector<std::string>{"3", "4"});
}

TEST_CASE_METHOD(
    OfflineStage, "offline: a message that another member has delivered before it came", "[offline]"
) {
    REQUIRE(stores(bert, "1").empty());
    auto& offline = controller().offline();
    const auto first = offline.find(bert.str())->messages[0].revision;
    offline.delivered_elsewhere(bert.str(), first + 1, first);   // the next one, too
    CHECK(waiting(bert).empty());
    REQUIRE(stores(bert, "2").empty());
    CHECK(waiting(bert).empty());
    REQUIRE(stores(bert, "3").empty());
    CHECK(waiting(bert) == std::vector<std::string>{"3"});
    later(0);
    CHECK(records() == 2);
    CHECK(waiting(bert) == std::vector<std::string>{"3"});
}

TEST_CASE_METHOD(OfflineStage, "offline: a message that waits too long is erased", "[offline]") {
    REQUIRE(stores(bert, "1").empty());
    later(20 * day);
    REQUIRE(stores(bert, "2").empty());
    later(11 * day);
    CHECK(waiting(bert) == std::vector<std::string>{"2"});
    CHECK(records() == 2);
    later(20 * day);
    CHECK(controller().offline().find(bert.str()) == nullptr);
    CHECK(controller().offline().count() == 0);
    CHECK(controller().offline().bytes() == 0);
}

TEST_CASE_METHOD(
    OfflineStage, "offline: a new account of an old name gets nothing of the old one's", "[offline]"
) {
    REQUIRE(stores(bert, "1").empty());
    REQUIRE(rest("root@grid.example", "DELETE", "/accounts/bert@grid.example").first < 300);
    member("bert@grid.example/b", R"(["x"])");
    CHECK(waiting(bert).empty());
    later(0);
    CHECK(records() == 0);
    REQUIRE(stores(bert, "2").empty());
    CHECK(waiting(bert) == std::vector<std::string>{"2"});
}

TEST_CASE_METHOD(
    OfflineStage, "offline: a right that is gone when it is committed stores nothing", "[offline]"
) {
    Controller::Kept kept;
    kept.to = bert;
    kept.waits = true;
    kept.received = "1";
    auto batch = controller().keep_message(principal("anna@grid.example/a"), kept);
    REQUIRE(batch.has_value());
    const auto replaced =
        rest("root@grid.example", "PUT", "/policy", R"({"text":"deny any message any"})").first;
    REQUIRE(replaced < 300);
    CHECK_FALSE(commit(std::move(*batch)));
    CHECK(waiting(bert).empty());
}

}   // namespace offline_messages_test
