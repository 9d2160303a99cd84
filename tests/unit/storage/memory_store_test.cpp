// tests/unit/storage/memory_store_test.cpp: the store in memory fails on command.
#include "storage/memory_store.hpp"

#include <catch2/catch.hpp>

namespace memory_store_test {

using namespace grid::storage;

namespace {

struct Fixture {
    Fixture() : Fixture(MemoryStore::Options{}) {}
    explicit Fixture(MemoryStore::Options options) : store(std::move(options)) {
        store.start([this](std::vector<FeedEntry> entries) {
            for (FeedEntry& entry : entries) {
                if (const auto* refused = std::get_if<Refused>(&entry))
                    seen.push_back(refused->error.message());
                else
                    seen.push_back(std::holds_alternative<Gap>(entry) ? "gap" : "committed");
            }
        });
    }
    void submit(std::string value) {
        store.submit(1, {}, std::move(Batch().put(Family::Control, "n", std::move(value))));
    }
    std::string value() {
        const auto found = store.snapshot()->get(Family::Control, "n").value();
        return found ? found->value : "(none)";
    }
    static std::string said(Errc error) { return make_error_code(error).message(); }

    MemoryStore store;
    std::vector<std::string> seen;
};
using Seen = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(Fixture, "a batch is committed at once, or when told to", "[memory]") {
    submit("1");
    CHECK(seen == Seen{"committed"});
    MemoryStore::Options later;
    later.run_at_once = false;
    later.group_batches_max = 2;
    Fixture queueing(later);
    for (const char* value : {"1", "2", "3"}) queueing.submit(value);
    CHECK(queueing.seen.empty());
    CHECK(queueing.store.queued() == 3);
    CHECK(queueing.store.run() == 2);
    CHECK(queueing.seen.size() == 3);
    CHECK(queueing.store.status().groups == 2);
}

TEST_CASE_METHOD(Fixture, "a conflict can be ordered", "[memory]") {
    store.conflict_next(2);
    for (const char* value : {"1", "2", "3"}) submit(value);
    CHECK(seen == Seen{said(Errc::Conflict), said(Errc::Conflict), "committed"});
    CHECK(value() == "3");
}

TEST_CASE_METHOD(Fixture, "lack of space refuses a group and goes by", "[memory]") {
    store.fail_no_space();
    submit("1");
    CHECK(value() == "(none)");
    submit("2");
    CHECK(seen == Seen{said(Errc::NoSpace), "committed"});
}

TEST_CASE("an unknown outcome stops writes until the store is reopened", "[memory]") {
    const bool landed = GENERATE(false, true);
    Fixture f;
    f.store.fail_unknown_outcome(landed);
    f.submit("1");
    f.submit("2");
    CHECK_FALSE(f.store.status().writable);
    CHECK(f.value() == (landed ? "1" : "(none)"));
    CHECK_FALSE(f.store.reopen());
    f.submit("3");
    const std::string unknown = Fixture::said(Errc::UnknownOutcome);
    CHECK(f.seen == Seen{unknown, Fixture::said(Errc::WritesStopped), "gap", "committed"});
}

TEST_CASE_METHOD(Fixture, "a change of somebody else can be missed", "[memory]") {
    store.lose_next_group();
    store.commit_foreign(std::move(Batch().put(Family::Control, "n", "theirs")));
    CHECK(seen == Seen{"gap"});
    CHECK(value() == "theirs");
    store.commit_foreign(std::move(Batch().put(Family::Control, "n", "again")));
    CHECK(seen == Seen{"gap", "committed"});
}

TEST_CASE("what is submitted from inside the feed comes after it, and a full queue says so") {
    MemoryStore::Options options;
    options.queue_bytes_max = 10;
    MemoryStore store(options);
    std::string order;
    bool last_fitted = true;
    store.start([&](std::vector<FeedEntry> entries) {
        order += std::to_string(std::get<Committed>(entries.at(0)).ticket) + " ";
        if (order != "1 ") return;
        for (Ticket ticket : {2u, 3u, 4u})
            last_fitted =
                store.submit(ticket, {}, std::move(Batch().put(Family::Control, "n", "1234")));
        order += "fed ";
    });
    store.submit(1, {}, std::move(Batch().put(Family::Control, "n", "1")));
    CHECK(order == "1 fed 2 3 ");
    CHECK_FALSE(last_fitted);
}

TEST_CASE("a store that is destroyed refuses what is queued", "[memory]") {
    MemoryStore::Options options;
    options.run_at_once = false;
    auto store = std::make_unique<MemoryStore>(options);
    boost::system::error_code error;
    store->start([&](std::vector<FeedEntry> entries) {
        error = std::get<Refused>(entries.at(0)).error;
    });
    store->submit(1, {}, Batch());
    store.reset();
    CHECK(error == Errc::Closed);
}

}   // namespace memory_store_test
