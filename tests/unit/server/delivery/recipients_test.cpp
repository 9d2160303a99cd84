// tests/unit/server/delivery/recipients_test.cpp: a list of recipients follows one account's
// changes.
#include <catch2/catch.hpp>

#include "catch_up_stage.hpp"

namespace recipients_test {

using grid::test::CatchUpStage;
using grid::test::Ids;

namespace {

const std::string desk = "desk@grid.example", desk_a = "desk@grid.example/a";
const std::string desk_b = "desk@grid.example/b";
constexpr std::size_t others = 400;

/// A node with many subscribers, most of them away, whose list was made.
struct Crowd : CatchUpStage {
    Crowd() {
        creates("n");
        for (std::size_t i = 0; i < others; ++i) {
            const std::string full = "s" + std::to_string(i) + "@grid.example/x";
            subscribes(full, "n", full.substr(0, full.find('/')));
        }
        subscribes(desk_a, "n", desk);
    }
    /// Questions that one publish costs.
    std::size_t cost(const std::string& id) {
        const std::size_t before = questions();
        publishes("n", id);
        return questions() - before;
    }
};

}   // namespace

TEST_CASE_METHOD(Crowd, "found A22: a presence toggle costs one account, not all subscribers") {
    const auto session = comes(desk_a);
    catch_up(session);
    CHECK(cost("i0") >= others);   // the list is made
    CHECK(cost("i1") == 0);
    for (int i = 0; i < 100; ++i) {
        session->is_active = i % 2 != 0;
        fanout.presence_changed(session->bare);
        CHECK(cost("t" + std::to_string(i)) < 5);
    }
    Ids wanted{"i0", "i1"};
    for (int i = 1; i < 100; i += 2) wanted.push_back("t" + std::to_string(i));
    CHECK(items(session) == wanted);
    // Toggling without a publish in between is one change.
    for (int i = 0; i < 10'000; ++i) fanout.presence_changed(session->bare);
    CHECK(cost("i2") < 5);
    CHECK(items(session) == Ids{"i2"});
}

TEST_CASE_METHOD(Crowd, "found A22: so does a subscription that comes and goes") {
    const auto a = comes(desk_a), b = comes(desk_b);
    catch_up(a);
    catch_up(b);
    publishes("n", "i0");
    for (int i = 0; i < 20; ++i) {
        asks(desk_a, "<unsubscribe node='n' jid='" + desk + "'/>");
        CHECK(cost("gone" + std::to_string(i)) < 5);
        subscribes(desk_a, "n", desk);
        CHECK(cost("there" + std::to_string(i)) < 5);
    }
    Ids wanted{"i0"};
    for (int i = 0; i < 20; ++i) wanted.push_back("there" + std::to_string(i));
    CHECK(items(a) == wanted);
    CHECK(items(b) == wanted);
}

TEST_CASE_METHOD(Crowd, "many changes at once are followed by a new list") {
    const auto session = comes(desk_a);
    catch_up(session);
    publishes("n", "i0");
    for (std::size_t i = 0; i < 300; ++i)
        fanout.presence_changed(*grid::xml::Jid::parse("s" + std::to_string(i) + "@grid.example"));
    CHECK(cost("i1") >= others);
    // More than are kept for lists that are not in use.
    for (int i = 0; i < 5000; ++i)
        fanout.presence_changed(*grid::xml::Jid::parse("x" + std::to_string(i) + "@grid.example"));
    CHECK(cost("i2") >= others);
    CHECK(cost("i3") == 0);
    CHECK(items(session) == Ids{"i0", "i1", "i2", "i3"});
}

}   // namespace recipients_test
