// tests/unit/storage/chain_test.cpp: the audit family is linked by the writer, and only ever cut.
#include <catch2/catch.hpp>
#include <chrono>

#include "storage/chain.hpp"
#include "storage/codec.hpp"
#include "storage/schema.hpp"
#include "store_harness.hpp"

namespace chain_test {

using namespace grid::test;

namespace {

std::string audit_key(Revision revision, std::uint8_t index) {
    return Encoder().u64(revision).u8(index).take();
}

Batch audited(std::initializer_list<const char*> records) {
    Batch batch;
    std::uint8_t index = 0;
    for (const char* record : records)
        batch.put_at_revision(Family::Audit, audit_key(0, index++), 0, record);
    return batch;
}

Link head_of(Harness& h) {
    const auto stored = h.get(Family::Control, chain_key);
    return stored ? decode_link(stored->value).value() : Link{};
}

/// Walks the whole family; the number of records whose link is right.
std::uint64_t count_linked(Harness& h, Link from = {}) {
    Chain chain;
    Link at = from;
    h.store().snapshot()->scan(
        Family::Audit, {}, {}, false,
        [&](std::string_view key, const Record& stored) {
            const auto linked = split_link(stored.value);
            REQUIRE(linked.has_value());
            CHECK(chain.next(at, key, stored.time, linked->record) == linked->link);
            at = linked->link;
            return true;
        }
    );
    CHECK(at == head_of(h));
    return at.number;
}

}   // namespace

TEMPLATE_TEST_CASE(
    "S73: the writer links audit records over batches and groups", "", MemoryHarness, RocksHarness
) {
    TestType h;
    CHECK(h.commit(std::move(Batch().put(Family::Control, "nA", "1"))).committed());
    CHECK(head_of(h) == Link{});
    const Outcome first = h.commit(audited({"one", "two"}));
    std::vector<std::pair<Sender, Batch>> group;
    group.emplace_back(Sender{}, audited({"three"}));
    group.emplace_back(Sender{}, audited({"four"}));
    h.commit(std::move(group));
    CHECK(count_linked(h) == 4);
    // The feed carries the stored value: exporters need no read.
    const auto linked = split_link(first.batch.operations.at(1).value);
    REQUIRE(linked.has_value());
    CHECK(linked->record == "two");
    CHECK(linked->link.number == 2);
    CHECK(h.value(Family::Audit, audit_key(first.revision, 1)) == first.batch.operations[1].value);
}

TEMPLATE_TEST_CASE(
    "S73: what is refused or volatile takes no place in the chain", "", MemoryHarness, RocksHarness
) {
    TestType h;
    h.commit(audited({"one"}));
    Batch refused = audited({"refused"});
    refused.expect(Family::Control, "nGate", 77);
    CHECK_FALSE(h.commit(std::move(refused)).committed());
    Batch passing = audited({"volatile"});
    passing.is_volatile = true;
    const Outcome passed = h.commit(std::move(passing));
    CHECK(passed.committed());
    CHECK(passed.batch.operations.at(0).value == "volatile");
    h.commit(audited({"two"}));
    CHECK(count_linked(h) == 2);
}

TEMPLATE_TEST_CASE(
    "S73: erasing an audit record cuts all up to it, and never one alone",
    "",
    MemoryHarness,
    RocksHarness
) {
    TestType h;
    std::vector<Outcome> outcomes;
    for (const char* text : {"one", "two", "three", "four"})
        outcomes.push_back(h.commit(audited({text})));
    const Link cut = split_link(outcomes[2].batch.operations[0].value)->link;
    Batch cutting = audited({"cut"});
    cutting.erase(Family::Audit, audit_key(outcomes[2].revision, 0));
    CHECK(h.commit(std::move(cutting)).committed());
    CHECK(h.value(Family::Audit, audit_key(outcomes[0].revision, 0)) == "(none)");
    CHECK(h.value(Family::Audit, audit_key(outcomes[2].revision, 0)) == "(none)");
    CHECK(h.value(Family::Audit, audit_key(outcomes[3].revision, 0)) != "(none)");
    CHECK(count_linked(h, cut) == 5);
}

TEST_CASE("S73: the chain goes on after reopening, and from what is stored after a failed write") {
    RocksHarness rocks;
    rocks.commit(audited({"one"}));
    rocks.close();
    REQUIRE_FALSE(rocks.open());
    rocks.commit(audited({"two"}));
    CHECK(count_linked(rocks) == 2);

    for (const bool landed : {true, false}) {
        MemoryStore store;
        std::vector<FeedEntry> fed;
        store.start([&](std::vector<FeedEntry> entries) {
            for (auto& entry : entries) fed.push_back(std::move(entry));
        });
        store.submit(1, {}, audited({"one"}));
        store.fail_unknown_outcome(landed);
        store.submit(2, {}, audited({"two"}));
        store.reopen();
        store.submit(3, {}, audited({"three"}));
        const auto* last = std::get_if<Committed>(&fed.back());
        REQUIRE(last != nullptr);
        CHECK(split_link(last->batch.operations[0].value)->link.number == (landed ? 3 : 2));
    }
}

TEST_CASE("a link depends on everything that it is over") {
    Chain chain;
    const Link previous{3, 500, {}};
    const Link link = chain.next(previous, "key", 7, "record");
    CHECK(link.number == 4);
    CHECK(link == chain.next(previous, "key", 7, "record"));
    CHECK(link.hash != chain.next(previous, "kez", 7, "record").hash);
    CHECK(link.hash != chain.next(previous, "key", 8, "record").hash);
    CHECK(link.hash != chain.next(previous, "key", 7, "recorf").hash);
    CHECK(link.hash != chain.next({2, 500, {}}, "key", 7, "record").hash);
    CHECK(link.hash != chain.next({3, 501, {}}, "key", 7, "record").hash);
    Hash other{};
    other[31] = 1;
    CHECK(link.hash != chain.next({3, 500, other}, "key", 7, "record").hash);
    // A byte that moves from the key to the record is another record.
    CHECK(link.hash != chain.next(previous, "ke", 7, "yrecord").hash);
    CHECK(decode_link(encode(link)) == link);
    CHECK_FALSE(split_link("too short").has_value());
}

TEST_CASE("S73: linking a record costs the writer a few microseconds at most") {
    Chain chain;
    const std::string record(180, 'r');   // actor, address, operation, topic and rule of a publish
    constexpr int records = 20'000;
    std::string value;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < records; ++i) {
        value = record;
        chain.link(audit_key(static_cast<Revision>(i), 0), 1'700'000'000'000, value);
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    WARN("µs per record: " << took.count() / records);
    CHECK(chain.head().number == records);
    CHECK(took.count() / records < 20);   // far below a commit, on a loaded machine too
}

}   // namespace chain_test
