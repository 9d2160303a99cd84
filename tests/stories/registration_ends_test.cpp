// tests/stories/registration_ends_test.cpp: that a provider is one no more is on record, with the
// reason (S73, S74).
#include <catch2/catch.hpp>

#include <set>

#include "grid_stage.hpp"
#include "requests.hpp"

namespace registration_ends_test {

using grid::test::GridStage;
using namespace grid::test::requests;

namespace {

constexpr const char* ise = "ise@grid.example/a";
constexpr const char* ise2 = "ise@grid.example/b";

std::string act(const std::string& operation) { return xgrid(operation, "set"); }
const std::string init =
    act("<initPublishRequest><capability><name>Session-1.0</name></capability><query name='q'/>"
        "</initPublishRequest>");
class Ends : public GridStage {
public:
    Ends() {
        policy("allow any any any\n");
        member(ise, R"(["makers"])");
        REQUIRE(connects(ise2));
        for (const char* who : {ise, ise2}) REQUIRE(type(who, init) == "result");
        later(2'000);
    }
    std::string type(const char* who, const std::string& iq) {
        return std::string(sends(who, iq).attr_or("type", ""));
    }
    /// Records of ended registrations.
    std::string ended() {
        return rest("root@grid.example", "GET", "/audit", {}, "operation=publisher-ended&max=100")
            .second;
    }
    bool has(const std::string& who, const std::string& why) {
        const std::string records = ended();
        INFO(records);
        return count(records, "\"actor\":\"" + who + "\"") == 1 && count(records, why) == 1 &&
               count(records, R"("topic":"Session-1.0")") == count(records, "\"actor\"");
    }
    static std::size_t count(const std::string& text, const std::string& what) {
        std::size_t found = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++found;
        return found;
    }
};

}   // namespace

TEST_CASE_METHOD(
    Ends, "S73: a registration that ended is on record once, with the reason", "[grid]"
) {
    CHECK(count(ended(), "\"actor\"") == 0);
    SECTION("the stream ended") {
        disconnects(ise);
        later(1'000);
        CHECK(has(ise, "its stream ended"));
    }
    SECTION("logout") {
        REQUIRE(type(ise, account_query("<logout/>")) == "result");
        later(1'000);
        CHECK(has(ise, "it logged out"));
    }
    SECTION("registering anew notes what was before, in the same batch") {
        REQUIRE(type(ise, account_query("<logout/>")) == "result");
        REQUIRE(type(ise, account_query("<login/>")) == "result");
        REQUIRE(type(ise, init) == "result");
        CHECK(has(ise, "it logged out"));
    }
    SECTION("the lease lapsed") {
        sessions.activities[principal(ise2).session].is_present = true;
        later(301'000);
        CHECK(has(ise, "its lease lapsed"));
    }
    SECTION("the right was taken") {
        disconnects(ise2);
        later(1'000);
        REQUIRE(has(ise2, "its stream ended"));
        REQUIRE(
            type(
                "root@grid.example/console",
                owner_iq("<affiliations node='Session-1.0'><affiliation jid='root@grid.example' "
                         "affiliation='owner'/><affiliation jid='ise@grid.example' "
                         "affiliation='none'/></affiliations>")
            ) == "result"
        );
        later(1'000);
        CHECK(has(ise, "it may publish there no more"));
    }
    SECTION("the topic is gone") {
        REQUIRE(type(ise, owner_iq("<delete node='Session-1.0'/>")) == "result");
        later(1'000);
        CHECK(count(ended(), "it may publish there no more") == 2);
    }
    const auto before = count(ended(), "\"actor\"");
    for (int i = 0; i < 3; ++i) later(1'000);
    CHECK(count(ended(), "\"actor\"") == before);
}

TEST_CASE_METHOD(Ends, "S73: what an earlier process left of registrations is noted", "[grid]") {
    // The streams are gone, and nobody said so.
    sessions.table.clear();
    REQUIRE(connects("root@grid.example/console"));
    later(1'000);
    CHECK(count(ended(), "its stream is gone") == 2);
    CHECK(count(ended(), R"("topic":"Session-1.0")") == 2);
}

}   // namespace registration_ends_test
