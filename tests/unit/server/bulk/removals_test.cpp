// tests/unit/server/bulk/removals_test.cpp: bytes of files stay as long as a backup needs them.
#include "server/bulk/removals.hpp"

#include <catch2/catch.hpp>

namespace removals_test {

using grid::server::bulk::Removals;

TEST_CASE("what is removed while it is held goes when the last hold ends, once") {
    std::vector<std::string> erased;
    const auto removals =
        std::make_shared<Removals>([&](const std::string& id) { erased.push_back(id); });
    removals->remove("a");
    CHECK(erased == std::vector<std::string>{"a"});
    auto one = removals->hold(), other = removals->hold();
    removals->remove("b");
    one.reset();
    removals->remove("c");
    CHECK(erased.size() == 1);
    other.reset();
    CHECK(erased == std::vector<std::string>{"a", "b", "c"});
    removals->remove("d");
    CHECK(erased.back() == "d");
    removals->hold().reset();
    CHECK(erased.size() == 4);
}

}   // namespace removals_test
