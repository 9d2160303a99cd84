// tests/unit/controller/filters/canonical_test.cpp: filters that mean the same have one text, and
// that text means the same.
#include <catch2/catch.hpp>

#include "controller/filters/canonical.hpp"
#include "controller/filters/index.hpp"
#include "filter_cases.hpp"
#include "xml/parser.hpp"

namespace canonical_test {

using namespace grid::controller::filters;
using grid::test::FilterCases;
using grid::test::offered;

namespace {

/// The canonical text, or why there is none.
std::string canon(std::string_view text) {
    auto parsed = parse_text(text);
    if (!parsed) return "error: " + parsed.error().text;
    const auto whole = canonical(*parsed, offered());
    return whole ? to_text(*whole) : "error: " + whole.error().text;
}
bool is_refused(std::string_view text, std::string_view with) {
    const std::string said = canon(text);
    INFO(said);
    return said.starts_with("error") && said.find(with) != std::string::npos;
}

}   // namespace

TEST_CASE("S60: the same filter in other words has the same canonical text", "[filters]") {
    const std::string one = canon("site = 'SJC' and domain in ('corp','lab')");
    CHECK(one == "domain in ('corp','lab') and site = 'SJC'");
    CHECK(
        canon("(domain eq \"lab\" or domain = 'corp' or domain in ('lab')) and site in ('SJC')") ==
        one
    );
    CHECK(canon("not (not site = 'SJC' or not domain in ('lab','corp','lab'))") == one);
    CHECK(
        canon("site = 'SJC' and (site = 'SJC' or level > 3) and domain in ('corp','lab')") == one
    );
    // Constants in another spelling.
    CHECK(canon("level >= 05.00") == canon("level ge '5'"));
    CHECK(canon("since < '2026-11-22'") == canon("since lt '2026-11-22T01:00:00+01:00'"));
    CHECK(canon("from cidr '10.1.2.3/8'") == "from cidr '10.0.0.0/8'");
    CHECK(canon("from = '::FFFF:10.0.0.1'") == "from = '10.0.0.1'");
    CHECK(canon("site = 'Zu\xcc\x88rich'") == canon("site = 'Z\xc3\xbcrich'"));
    CHECK(canon("site prefix ''") == "site exists");
    CHECK(canon("site = 'it''s'") == canon("site = \"it's\""));
    CHECK(canon("site != 'a' and site != 'a'") == "site != 'a'");
    CHECK(canon("not site = 'a' and not site = 'b'") == "not site in ('a','b')");
}

TEST_CASE(
    "S58: a filter that the provider does not offer is refused with what it offers", "[filters]"
) {
    CHECK(is_refused("color = 'red'", "no filter attribute color; its providers offer domain"));
    CHECK(is_refused("site > 'a'", "cannot be asked for by gt"));
    CHECK(is_refused("level = 'five'", "is no number"));
    CHECK(is_refused("since > 'soon'", "is no date"));
    CHECK(is_refused("from = '10.0.0'", "is no address"));
    CHECK(is_refused("from cidr '10.0.0.0/33'", "no block of addresses"));
    CHECK(is_refused("site = 'a' or not site = 'a'", "matches everything"));
    CHECK(is_refused("site = 'a' and not site = 'a'", "nothing can match"));
    const auto parsed = parse_text("a = 'b'");
    CHECK_FALSE(canonical(*parsed, Support{}).has_value());
}

TEST_CASE("S76: what is no filter is refused with the place", "[filters]") {
    for (const char* text :
         {"", "site", "site =", "site = SJC", "= 'a'", "site = 'a", "site = 'a' and", "(site = 'a'",
          "site = 'a')", "site in 'a'", "site in ()", "site in ('a',)", "and = 'a'", "not",
          "site = 'a' site = 'b'", "site = 'a' & level > 1", "\x01", "site exists 'a'"})
        CHECK(is_refused(text, "expected"));
    CHECK(is_refused("site ! 'a'", "operator"));
}

TEST_CASE("S76: filters are bounded in size, depth and operands", "[filters]") {
    CHECK(is_refused("site = '" + std::string(5000, 'x') + "'", "4096"));
    CHECK(is_refused("site = '" + std::string(1500, 'x') + "'", "1024 bytes"));
    std::string deep, wide = "level = 0", many = "site in ('0'";
    for (int i = 0; i < 2000; ++i) deep += "(";
    CHECK(is_refused(deep, "16 levels"));
    deep.clear();
    for (int i = 0; i < 900; ++i) deep += "not ";
    CHECK(is_refused(deep + "site = 'a'", "16 levels"));
    for (int i = 1; i < 65; ++i) wide += " or level > " + std::to_string(i);
    CHECK(is_refused(wide, "64 tests"));
    for (int i = 1; i < 257; ++i) many += ",'" + std::to_string(i) + "'";
    CHECK(is_refused(many + ")", "256 values"));
}

TEST_CASE("S60: reordering, duplicates and grouping never change the canonical text", "[filters]") {
    FilterCases cases(42);
    int compared = 0;
    for (int i = 0; i < 3000; ++i) {
        const Expression filter = cases.filter();
        const auto whole = canonical(filter, offered());
        const auto other = canonical(cases.reworded(filter), offered());
        REQUIRE(whole.has_value() == other.has_value());
        if (!whole) continue;
        ++compared;
        INFO(to_text(filter));
        REQUIRE(to_text(*whole) == to_text(*other));
        // And once more: it is its own canonical form, and reads back.
        const auto again = parse_text(to_text(*whole));
        REQUIRE(again.has_value());
        REQUIRE(*again == *whole);
        REQUIRE(*canonical(*again, offered()) == *whole);
        CHECK(subtopic_id(to_text(*whole)).size() == 16);
    }
    CHECK(compared > 2000);
}

TEST_CASE("S60: the canonical filter matches exactly what the original matches", "[filters]") {
    FilterCases cases(7);
    const Support support = offered();
    int matched = 0, missed = 0;
    for (int i = 0; i < 2000; ++i) {
        const Expression filter = cases.filter();
        const auto whole = canonical(filter, support);
        const Compiled original(filter, support);
        for (int j = 0; j < 20; ++j) {
            const Values payload = cases.payload();
            const bool is_match = original.matches(payload);
            INFO(to_text(filter));
            if (whole) {
                INFO(to_text(*whole));
                REQUIRE(Compiled(*whole, support).matches(payload) == is_match);
            }
            ++(is_match ? matched : missed);
        }
    }
    CHECK(matched > 4000);
    CHECK(missed > 4000);
}

TEST_CASE("S66: the index finds exactly the filters that match one by one", "[filters]") {
    FilterCases cases(11);
    const Support support = offered();
    Index index;
    std::vector<std::pair<std::uint64_t, Compiled>> all;
    for (std::uint64_t id = 1; id <= 300; ++id) {
        const auto whole = canonical(cases.filter(2), support);
        if (!whole) continue;
        all.emplace_back(id, Compiled(*whole, support));
        index.add(id, Compiled(*whole, support));
    }
    const auto remove = [&](std::size_t at) {
        index.remove(all[at].first);
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
    };
    while (all.size() > 50) {
        for (int i = 0; i < 5; ++i) {
            const Values payload = cases.payload();
            std::vector<std::uint64_t> expected;
            for (const auto& [id, filter] : all)
                if (filter.matches(payload)) expected.push_back(id);
            REQUIRE(index.match(payload) == expected);
        }
        remove(cases.below(static_cast<unsigned>(all.size())));
    }
    while (!all.empty()) remove(0);
    CHECK(index.size() == 0);
    CHECK(index.match(cases.payload()).empty());
}

}   // namespace canonical_test
