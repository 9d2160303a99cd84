// tests/unit/storage/contract_read_test.cpp: snapshots, scans and reopening, on both backends.
#include <catch2/catch.hpp>

#include "store_harness.hpp"

namespace contract_read_test {

using namespace grid::test;

ON_BOTH("a snapshot does not see what is committed after it") {
    TestType h;
    h.commit(put("nA", "1"));
    const auto before = h.store().snapshot();
    h.commit(std::move(put("nA", "2").put(Family::Control, "nB", "1")));
    h.commit(std::move(Batch().erase(Family::Control, "nB")));
    CHECK(before->get(Family::Control, "nA").value()->value == "1");
    CHECK_FALSE(before->get(Family::Control, "nB").value());
    std::vector<std::string> seen;
    before->scan(Family::Control, {}, {}, false, [&](std::string_view key, const Record& record) {
        seen.push_back(std::string(key) + "=" + std::string(record.value));
        return true;
    });
    CHECK(seen == std::vector<std::string>{"nA=1"});
    CHECK(h.value(Family::Control, "nA") == "2");
}

ON_BOTH("a scan goes through a range in order, either way, as far as it is wanted") {
    TestType h;
    Batch batch;
    for (const char* key : {"b", "a", "d", "c", "e"}) batch.put(Family::Payload, key, key);
    const Revision revision = h.commit(std::move(batch)).revision;
    const auto view = h.store().snapshot();
    const auto keys = [&](const char* from, const char* to, bool reverse, std::size_t most = 9) {
        std::string all;
        const auto error = view->scan(
            Family::Payload, from, to, reverse,
            [&](std::string_view key, const Record& record) {
                CHECK(record.revision == revision);
                CHECK(record.value == key);
                all += key;
                return all.size() < most;
            }
        );
        CHECK_FALSE(error);
        return all;
    };
    CHECK(keys("", "", false) == "abcde");
    CHECK(keys("", "", true) == "edcba");
    CHECK(keys("b", "d", false) == "bc");
    CHECK(keys("b", "d", true) == "cb");
    CHECK(keys("bb", "", false) == "cde");
    CHECK(keys("", "bb", true) == "ba");
    CHECK(keys("d", "b", false).empty());
    CHECK(keys("", "", false, 2) == "ab");
    CHECK(keys("", "", true, 2) == "ed");
}

ON_BOTH("the first scan shows Control and Index, with revisions, and nothing of the store's own") {
    TestType h;
    Batch batch = put("nB", "2");
    batch.put(Family::Control, "nA", "1").put(Family::Index, "iA", "3");
    batch.put(Family::Payload, "p", "4");
    batch.put_at_revision(Family::Audit, std::string(9, '\0'), 0, "5");
    const Revision revision = h.commit(std::move(batch)).revision;
    const std::string at = "@" + std::to_string(revision);
    CHECK(h.contents() == std::vector<std::string>{"C nA=1" + at, "C nB=2" + at, "I iA=3" + at});
    CHECK(h.store().scan([](const KeyChange&) {}).value() == revision);
    std::size_t shown = 0;
    h.store().snapshot()->scan(Family::Control, {}, {}, true, [&](std::string_view, const Record&) {
        return ++shown < 10;
    });
    CHECK(shown == 2);
}

ON_BOTH("reopening carries a gap through the feed and keeps everything") {
    TestType h;
    const Revision revision = h.commit(put("nA", "1")).revision;
    CHECK_FALSE(h.store().reopen());
    h.feed.wait_for_gaps(1);
    CHECK(h.value(Family::Control, "nA") == "1");
    const Outcome next = h.commit(put_expecting("nA", "2", revision));
    CHECK(next.revision > revision);
}

}   // namespace contract_read_test
