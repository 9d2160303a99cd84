// tests/unit/storage/contract_test.cpp: the promises of both backends: gates, order, revisions,
// reads.
#include <catch2/catch.hpp>

#include "storage/codec.hpp"
#include "store_harness.hpp"

namespace contract_test {

using namespace grid::test;

ON_BOTH("a committed batch is fed with its revision and time and can be read") {
    TestType h;
    h.now = 123'456;
    Batch batch = put("nKey", "value");
    batch.event = "event";
    const Outcome done = h.commit(std::move(batch));
    REQUIRE(done.committed());
    CHECK(done.revision > 0);
    CHECK(done.time == 123'456);
    CHECK(done.batch.event == "event");
    REQUIRE(done.batch.operations.size() == 1);
    CHECK(done.batch.operations[0].value == "value");
    const auto found = h.get(Family::Control, "nKey");
    REQUIRE(found);
    CHECK(found->value == "value");
    CHECK(found->revision == done.revision);
    CHECK(found->time == 123'456);
    CHECK(h.store().status().revision == done.revision);
}

ON_BOTH("an expectation that does not hold refuses the whole batch") {
    TestType h;
    const Revision first = h.commit(put("nGate", "1")).revision;
    for (Revision wrong : {Revision{0}, first - 1, first + 1}) {
        Batch batch = put_expecting("nGate", "2", wrong);
        batch.put(Family::Index, "iOther", "x");
        CHECK(h.commit(std::move(batch)).error == Errc::Conflict);
    }
    CHECK(h.value(Family::Control, "nGate") == "1");
    CHECK(h.value(Family::Index, "iOther") == "(none)");
    CHECK(h.commit(put_expecting("nGate", "2", first)).committed());
    CHECK(h.value(Family::Control, "nGate") == "2");
}

ON_BOTH("revision 0 expects that there is no such key, also after an erase") {
    TestType h;
    CHECK(h.commit(put_expecting("nNew", "1", 0)).committed());
    CHECK(h.commit(put_expecting("nNew", "2", 0)).error == Errc::Conflict);
    CHECK(h.commit(std::move(Batch().erase(Family::Control, "nNew"))).committed());
    CHECK(h.commit(put_expecting("nNew", "3", 0)).committed());
    CHECK(h.value(Family::Control, "nNew") == "3");
}

ON_BOTH("expectations hold in every family") {
    TestType h;
    for (Family family : {Family::Control, Family::Index, Family::Payload, Family::Audit}) {
        const Revision at = h.commit(std::move(Batch().put(family, "key", "1"))).revision;
        CHECK(h.commit(std::move(Batch().expect(family, "key", at + 1))).error == Errc::Conflict);
        CHECK(h.commit(std::move(Batch().expect(family, "key", at))).committed());
    }
}

ON_BOTH("expectations see the earlier batches of the same group") {
    TestType h;
    const Family families[] = {Family::Control, Family::Index};
    for (Family family : families) {
        std::vector<std::pair<Sender, Batch>> group;
        for (const char* value : {"first", "second"})
            group.emplace_back(
                Sender{},
                std::move(Batch().put(family, "nTwice", value).expect(family, "nTwice", 0))
            );
        const auto outcomes = h.commit(std::move(group));
        CHECK(outcomes[0].committed());
        CHECK(outcomes[1].error == Errc::Conflict);
        CHECK(h.value(family, "nTwice") == "first");
    }
}

ON_BOTH("two owners who resign at once leave one owner") {
    TestType h;
    Batch make = put("gNode", "2 owners");
    make.put(Family::Control, "aAnna", "owner").put(Family::Control, "aBert", "owner");
    const Revision guard = h.commit(std::move(make)).revision;
    std::vector<std::pair<Sender, Batch>> group;
    for (const char* owner : {"aAnna", "aBert"}) {
        Batch resign = put_expecting("gNode", "1 owner", guard);
        group.emplace_back(Sender{}, std::move(resign.erase(Family::Control, owner)));
    }
    const auto outcomes = h.commit(std::move(group));
    CHECK(outcomes[0].committed());
    CHECK(outcomes[1].error == Errc::Conflict);
    CHECK(h.value(Family::Control, "aAnna") == "(none)");
    CHECK(h.value(Family::Control, "aBert") == "owner");
}

ON_BOTH("a conflict takes the later batches of its sender with it, and nobody else's") {
    TestType h;
    std::vector<std::pair<Sender, Batch>> group;
    group.emplace_back(Sender{1, 0}, put("nA", "1"));
    group.emplace_back(Sender{1, 0}, put_expecting("nGone", "x", 99));
    group.emplace_back(Sender{1, 0}, put("nB", "1"));
    group.emplace_back(Sender{2, 0}, put("nC", "1"));
    group.emplace_back(Sender{}, put_expecting("nGone", "x", 99));
    group.emplace_back(Sender{}, put("nD", "1"));   // no sender, no order to keep
    const auto outcomes = h.commit(std::move(group));
    CHECK(outcomes[0].committed());
    CHECK(outcomes[1].error == Errc::Conflict);
    CHECK(outcomes[2].error == Errc::Conflict);
    CHECK(outcomes[3].committed());
    CHECK(outcomes[4].error == Errc::Conflict);
    CHECK(outcomes[5].committed());
    CHECK(h.value(Family::Control, "nB") == "(none)");
}

ON_BOTH("a conflict holds in later groups until the sender's next round") {
    TestType h;
    const auto one = [&](Sender sender, Batch batch) {
        std::vector<std::pair<Sender, Batch>> group;
        group.emplace_back(sender, std::move(batch));
        return h.commit(std::move(group)).front().error;
    };
    CHECK(one({7, 3}, put_expecting("nGone", "x", 99)) == Errc::Conflict);
    CHECK(one({7, 3}, put("nA", "1")) == Errc::Conflict);
    CHECK(one({7, 2}, put("nA", "1")) == Errc::Conflict);
    CHECK_FALSE(one({7, 4}, put("nA", "4")));
    CHECK_FALSE(one({7, 4}, put("nA", "5")));
    CHECK(one({7, 4}, put_expecting("nGone", "x", 99)) == Errc::Conflict);
    CHECK(one({7, 4}, put("nA", "6")) == Errc::Conflict);
    CHECK_FALSE(one({7, 5}, put("nA", "7")));
    CHECK(h.value(Family::Control, "nA") == "7");
}

ON_BOTH("sixteen pipelined batches on one key all commit, in order") {
    TestType h;
    std::vector<std::pair<Sender, Batch>> group;
    for (int i = 0; i < 16; ++i) group.emplace_back(Sender{5, 0}, put("nItem", std::to_string(i)));
    const auto outcomes = h.commit(std::move(group));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        REQUIRE(outcomes[i].committed());
        if (i > 0) CHECK(outcomes[i].revision == outcomes[i - 1].revision + 1);
    }
    CHECK(h.value(Family::Control, "nItem") == "15");
    CHECK(h.get(Family::Control, "nItem")->revision == outcomes.back().revision);
}

ON_BOTH("revisions rise and are not shared, and time does not go back with the clock") {
    TestType h;
    h.now = 5'000;
    const Outcome first = h.commit(put("nA", "1"));
    h.now = 1'000;
    const Outcome second = h.commit(put("nA", "2"));
    h.now = 6'000;
    const Outcome third = h.commit(put("nA", "3"));
    CHECK(first.time == 5'000);
    CHECK(second.time == 5'000);
    CHECK(third.time == 6'000);
    CHECK(first.revision < second.revision);
    CHECK(second.revision < third.revision);
}

ON_BOTH("the store fills its revision into a key") {
    TestType h;
    const std::string key = "q" + std::string(8, '\0') + "tail";
    const Outcome done =
        h.commit(std::move(Batch().put_at_revision(Family::Payload, key, 1, "bytes")));
    REQUIRE(done.committed());
    const std::string filled = Encoder().raw("q").u64(done.revision).raw("tail").take();
    CHECK(done.batch.operations[0].key == filled);
    CHECK(h.value(Family::Payload, filled) == "bytes");
    CHECK(h.value(Family::Payload, key) == "(none)");
}

ON_BOTH("the last of several operations on one key wins") {
    TestType h;
    Batch batch = put("nA", "1");
    batch.erase(Family::Control, "nA").put(Family::Control, "nA", "2");
    batch.put(Family::Control, "nB", "1").erase(Family::Control, "nB");
    const Outcome done = h.commit(std::move(batch));
    CHECK(h.value(Family::Control, "nA") == "2");
    CHECK(h.value(Family::Control, "nB") == "(none)");
    CHECK(h.commit(put_expecting("nB", "3", 0)).committed());
    CHECK(h.commit(put_expecting("nA", "3", done.revision)).committed());
}

ON_BOTH("a volatile batch passes the same gates and the same feed and writes nothing") {
    TestType h;
    const Revision gate = h.commit(put("nGate", "1")).revision;
    const auto soft = [&](Revision expected) {
        Batch batch = put("nSoft", "x");
        batch.expect(Family::Control, "nGate", expected);
        batch.is_volatile = true;
        return batch;
    };
    std::vector<std::pair<Sender, Batch>> group;
    group.emplace_back(Sender{}, put("nA", "1"));
    group.emplace_back(Sender{}, soft(gate));
    group.emplace_back(Sender{}, put_expecting("nSoft", "y", 0));   // no expectation rests on it
    group.emplace_back(Sender{}, soft(gate + 1));
    const auto outcomes = h.commit(std::move(group));
    REQUIRE(outcomes[1].committed());
    CHECK(outcomes[1].revision == outcomes[0].revision + 1);
    CHECK(outcomes[1].batch.operations.size() == 1);
    CHECK(outcomes[2].revision == outcomes[1].revision + 1);
    CHECK(outcomes[3].error == Errc::Conflict);
    CHECK(h.value(Family::Control, "nSoft") == "y");
    CHECK(h.value(Family::Control, "nA") == "1");
    CHECK(h.commit(soft(gate)).committed());
    CHECK(h.value(Family::Control, "nSoft") == "y");
}

ON_BOTH("a batch over a bound is refused and takes nobody with it") {
    TestType h;
    Batch many, large = put("nA", std::string(batch_bytes_max, 'x'));
    for (std::size_t i = 0; i <= batch_operations_max; ++i)
        many.put(Family::Control, "n" + std::to_string(i), "x");
    Batch full;
    for (std::size_t i = 0; i < batch_operations_max; ++i)
        full.put(Family::Control, "m" + std::to_string(i), "x");
    std::vector<std::pair<Sender, Batch>> group;
    group.emplace_back(Sender{1, 0}, std::move(many));
    group.emplace_back(Sender{1, 0}, std::move(large));
    group.emplace_back(Sender{1, 0}, std::move(full));
    const auto outcomes = h.commit(std::move(group));
    CHECK(outcomes[0].error == Errc::TooLarge);
    CHECK(outcomes[1].error == Errc::TooLarge);
    CHECK(outcomes[2].committed());
    CHECK(h.contents().size() == batch_operations_max);
}

}   // namespace contract_test
