// tests/unit/storage/member_store_test.cpp: one order on all members of a cluster, whoever leads.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "cluster_harness.hpp"
#include "faulty_fs.hpp"
#include "storage/checkpoint.hpp"

#include <rocksdb/db.h>

namespace member_store_test {

using namespace grid::test;

namespace {

std::string value_at(Cluster& cluster, std::size_t member, const std::string& key) {
    const auto found = cluster[member].store->snapshot()->get(Family::Control, key).value();
    return found ? found->value : "(none)";
}

void check_same_everywhere(Cluster& cluster) {
    cluster.wait_until_applied();
    const auto expected = cluster.contents(0);
    for (std::size_t i = 1; i < cluster.size(); ++i) CHECK(cluster.contents(i) == expected);
}

bool leads_soon(Cluster& cluster, std::size_t member) {
    return holds_soon([&] { return cluster[member].store->replication().is_leader; });
}

void overwrite(const std::string& file, std::size_t at, const std::string& with) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes << with;
    REQUIRE(bytes.good());
}

constexpr std::size_t log_block_bytes = 32 * 1024;

/// Where the records of its first block end.
std::size_t end_of_records(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(all.at(at)); };
    std::size_t at = 0;
    while (at + 7 <= log_block_bytes && byte(at + 6) != 0)
        at += 7U + byte(at + 4) + 256U * byte(at + 5);
    return at;
}

Batch audited(std::string key, std::string value) {
    Batch batch = put(std::move(key), std::move(value));
    batch.put_at_revision(Family::Audit, std::string(9, '\0'), 0, "audit record");
    return batch;
}

}   // namespace

TEST_CASE("a member that is alone leads, commits and refuses as a single node does", "[cluster]") {
    Cluster cluster(1);
    CHECK_FALSE(cluster[0].store->status().writable);   // no member leads
    const Ticket early = cluster.submit(0, put("nEarly", "1"));
    cluster.elect(0);
    const Outcome first = cluster[0].feed->outcome(early);
    REQUIRE(first.committed());
    CHECK(first.time == cluster.now);
    CHECK(cluster[0].store->status().writable);
    CHECK(cluster[0].store->replication().is_leader);
    CHECK(cluster[0].store->status().revision == first.revision);
    CHECK(
        cluster.commit(0, put_expecting("nEarly", "2", first.revision + 7)).error == Errc::Conflict
    );
    CHECK(cluster.commit(0, put_expecting("nEarly", "3", first.revision)).committed());
    CHECK(value_at(cluster, 0, "nEarly") == "3");
    Batch soft = put("nSoft", "x");
    soft.is_volatile = true;
    soft.event = "event";
    const Outcome passed = cluster.commit(0, std::move(soft));
    REQUIRE(passed.committed());
    CHECK(passed.batch.event == "event");
    CHECK(value_at(cluster, 0, "nSoft") == "(none)");
    CHECK(cluster.commit(0, put("nA", std::string(batch_bytes_max, 'x'))).error == Errc::TooLarge);
    CHECK(cluster.commit(0, audited("nB", "1")).committed());
}

TEST_CASE("what a member knew is there after its next start", "[cluster]") {
    Cluster cluster(1);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, audited("nA", "1")).committed());
    Batch soft = put("nSoft", "x");
    soft.is_volatile = true;
    const Revision last = cluster.commit(0, std::move(soft)).revision;
    const auto before = cluster.contents(0);
    const StoreStatus status = cluster[0].store->status();
    REQUIRE_FALSE(cluster.open(0));
    CHECK(cluster.contents(0) == before);
    CHECK(cluster[0].store->status().revision == last);
    CHECK(cluster[0].store->status().store_id == status.store_id);
    cluster.elect(0);
    const Outcome next = cluster.commit(0, audited("nA", "2"));
    REQUIRE(next.committed());
    CHECK(next.revision == last + 1);
    CHECK(cluster[0].store->replication().term == 2);
}

TEST_CASE("three members have one order and the same bytes", "[cluster]") {
    Cluster cluster(3);
    cluster.elect(0);
    std::vector<std::pair<std::size_t, Ticket>> tickets;
    for (int i = 0; i < 300; ++i) {
        const auto member = static_cast<std::size_t>(i % 3);
        const std::string key = "n" + std::to_string(i % 7);
        tickets.emplace_back(member, cluster.submit(member, audited(key, std::to_string(i))));
    }
    for (const auto& [member, ticket] : tickets)
        REQUIRE(cluster[member].feed->outcome(ticket).committed());
    check_same_everywhere(cluster);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(cluster[i].feed->revisions() == cluster[0].feed->revisions());
        CHECK(cluster[i].feed->twice() == 0);
        CHECK(cluster[i].store->status().store_id == cluster[0].store->status().store_id);
        CHECK(cluster[i].store->status().writable);
    }
    CHECK(cluster[0].feed->revisions().size() == 300);
}

TEST_CASE("a conflict at the leader is told when its cause is applied", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    const Revision gate = cluster.commit(0, put("nGate", "1")).revision;
    cluster.wait_until_applied();
    const Ticket winner = cluster.submit(0, put_expecting("nGate", "2", gate));
    REQUIRE(cluster[0].feed->outcome(winner).committed());
    // The follower decided by what it knew.
    const Outcome refused = cluster.commit(1, put_expecting("nGate", "3", gate), {5, 1});
    CHECK(refused.error == Errc::Conflict);
    const auto found = cluster[1].store->snapshot()->get(Family::Control, "nGate").value();
    REQUIRE(found);
    CHECK(found->value == "2");
    // The sender's order is kept: a batch of the same round conflicts too, one of a later does not.
    CHECK(cluster.commit(1, put("nB", "1"), {5, 1}).error == Errc::Conflict);
    CHECK(cluster.commit(1, put_expecting("nGate", "3", found->revision), {5, 2}).committed());
    // Another member's sender with the same id is another sender.
    CHECK(cluster.commit(1, put_expecting("nGate", "x", 9'999), {7, 1}).error == Errc::Conflict);
    CHECK(cluster.commit(0, put("nC", "1"), {7, 1}).committed());
}

TEST_CASE("a conflict that only the old leader knew still holds its sender's order", "[cluster]") {
    Cluster cluster(3);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nGate", "1")).committed());
    CHECK(cluster.commit(2, put_expecting("nGate", "x", 9'999), {5, 3}).error == Errc::Conflict);
    cluster.elect(1);
    REQUIRE(cluster.commit(2, put("nOther", "1"), {6, 1}).committed());
    CHECK(cluster.commit(2, put("nBehind", "1"), {5, 3}).error == Errc::Conflict);
    CHECK(cluster.commit(2, put("nBehind", "2"), {5, 4}).committed());
    check_same_everywhere(cluster);
}

TEST_CASE("a new leader goes on, and the old one's batches go to it", "[cluster]") {
    Cluster cluster(3);
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "1")).committed());
    // The old leader hears of nothing: the log fences it.
    cluster.elect(1, 0);
    REQUIRE(leads_soon(cluster, 1));
    REQUIRE(cluster.commit(2, put("nA", "2")).committed());
    const Ticket late = cluster.submit(0, put("nB", "old leader's"));
    cluster[0].store->follow_leader(cluster[1].id);
    CHECK(cluster[0].feed->outcome(late).committed());
    check_same_everywhere(cluster);
    CHECK(value_at(cluster, 0, "nB") == "old leader's");
    CHECK_FALSE(cluster[0].store->replication().is_leader);
}

TEST_CASE("an append without an answer is repeated until its outcome is known", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "0")).committed());
    const auto groups = [&] { return cluster.shared->all().size(); };
    const std::size_t before = groups();
    cluster[0].log->unknown_made = 1;
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    CHECK(groups() == before + 1);
    cluster[0].log->unknown_lost = 3;
    REQUIRE(cluster.commit(1, put("nA", "2")).committed());
    CHECK(groups() == before + 2);
    check_same_everywhere(cluster);
}

TEST_CASE(
    "a leader whose append is unknown is fenced, and nothing is committed twice", "[cluster]"
) {
    for (const bool is_made : {false, true}) {
        Cluster cluster(2);
        cluster.elect(0);
        REQUIRE(cluster.commit(0, put("nA", "0")).committed());
        (is_made ? cluster[0].log->unknown_made : cluster[0].log->unknown_lost) = 1;
        const Ticket own = cluster.submit(0, audited("nA", "1"));
        REQUIRE(holds_soon([&] {
            return cluster[0].log->unknown_made == 0 && cluster[0].log->unknown_lost == 0;
        }));
        cluster[0].log->is_cut = true;
        cluster.elect(1);
        REQUIRE(leads_soon(cluster, 1));
        REQUIRE(cluster.commit(1, put("nB", "1")).committed());
        cluster[0].log->is_cut = false;
        CHECK(cluster[0].feed->outcome(own).committed());
        check_same_everywhere(cluster);
        CHECK(cluster[0].feed->twice() == 0);
        std::size_t entries = 0;
        for (const LogGroup& group : cluster.shared->all())
            for (const LogEntry& entry : group.entries)
                entries += entry.origin == cluster[0].id && entry.ticket == own ? 1 : 0;
        CHECK(entries == 1);
    }
}

TEST_CASE("a group that the log refuses is refused, and the next goes on", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(1, audited("nA", "0")).committed());
    cluster[0].log->refuse_with = Errc::NoSpace;
    CHECK(cluster.commit(1, audited("nA", "1")).error == Errc::NoSpace);
    CHECK(cluster.commit(0, audited("nA", "1")).error == Errc::NoSpace);
    cluster[0].log->refuse_with = Errc::Conflict;
    const Outcome next = cluster.commit(1, audited("nA", "2"));
    REQUIRE(next.committed());
    CHECK(next.revision == 2);
    check_same_everywhere(cluster);
}

TEST_CASE("messages that are lost with their connection are sent again", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "0")).committed());
    const Revision gate = cluster.commit(0, put("nGate", "1")).revision;
    std::vector<Ticket> tickets, refused;
    for (int round = 0; round < 20; ++round) {
        cluster.net.pause(true);
        const std::uint64_t before = cluster[1].store->replication().forwarded;
        for (int i = 0; i < 5; ++i)
            tickets.push_back(cluster.submit(1, put("nA", std::to_string(5 * round + i)), {3, 1}));
        refused.push_back(cluster.submit(1, put_expecting("nGate", "x", gate + 1'000)));
        // In most rounds some are on the link by then.
        if (round % 4 != 0)
            CHECK(holds_soon([&] { return cluster[1].store->replication().forwarded > before; }));
        cluster.net.cut(cluster[0].id, cluster[1].id);
        cluster.net.pause(false);
        cluster.net.join(cluster[0].id, cluster[1].id);
    }
    for (const Ticket ticket : tickets) REQUIRE(cluster[1].feed->outcome(ticket).committed());
    for (const Ticket ticket : refused)
        REQUIRE(cluster[1].feed->outcome(ticket).error == Errc::Conflict);
    CHECK(value_at(cluster, 1, "nA") == "99");
    CHECK(cluster[1].feed->twice() == 0);
    CHECK(cluster[1].feed->revisions().size() == tickets.size() + 2);
    check_same_everywhere(cluster);
}

TEST_CASE("a queue without a leader is bounded", "[cluster]") {
    Cluster cluster(1);
    cluster.settings.rocks.queue_bytes_max = 10'000;
    REQUIRE_FALSE(cluster.open(0));
    std::vector<Ticket> tickets;
    Ticket next = 1'000'000;
    while (cluster[0].store->submit(next, {}, put("nA", std::string(1'000, 'x'))))
        tickets.push_back(next++);
    CHECK(tickets.size() >= 9);
    CHECK(tickets.size() <= 10);
    cluster.elect(0);
    for (const Ticket ticket : tickets) CHECK(cluster[0].feed->outcome(ticket).committed());
    CHECK(holds_soon([&] { return cluster[0].store->status().queued_bytes == 0; }));
    CHECK(cluster.commit(0, put("nA", "y")).committed());
}

TEST_CASE("a store that is closed answers what it has, once", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "0")).committed());
    cluster.net.cut(cluster[0].id, cluster[1].id);
    const Ticket unsent = cluster.submit(1, put("nA", "1"));
    auto feed = cluster[1].feed;
    cluster.close(1);
    CHECK(feed->outcome(unsent).error == Errc::Closed);
    cluster[0].log->is_cut = true;
    const Ticket unknown = cluster.submit(0, put("nA", "2"));
    REQUIRE(holds_soon([&] { return cluster[0].log->appends > 3; }));
    feed = cluster[0].feed;
    cluster.close(0);
    CHECK(feed->outcome(unknown).error == Errc::UnknownOutcome);
    CHECK(feed->twice() == 0);
}

TEST_CASE("a store of a single node begins a cluster, and goes back", "[cluster]") {
    Cluster cluster(2);
    cluster.close(0);
    cluster.close(1);
    std::filesystem::remove_all(cluster[0].path);
    RocksSettings alone = cluster.settings.rocks;
    alone.path = cluster[0].path;
    Feed feed;
    std::string store_id;
    Revision last = 0;
    {
        auto opened = open_rocks_store(alone);
        REQUIRE(opened.has_value());
        (*opened)->start(feed.handler());
        (*opened)->submit(1, {}, audited("nA", "alone"));
        last = feed.outcome(1).revision;
        store_id = (*opened)->status().store_id;
    }
    REQUIRE_FALSE(cluster.open(0));
    cluster.elect(0);
    const Outcome shared = cluster.commit(0, audited("nA", "shared"));
    REQUIRE(shared.committed());
    CHECK(shared.revision == last + 1);
    CHECK(cluster[0].store->status().store_id == store_id);
    // A new member has none of that, and the log does not either.
    CHECK(cluster.open(1) == Errc::Trimmed);
    cluster.close(0);
    {
        auto opened = open_rocks_store(alone);
        REQUIRE(opened.has_value());
        Feed again;
        (*opened)->start(again.handler());
        (*opened)->submit(1, {}, audited("nA", "alone again"));
        CHECK(again.outcome(1).revision == last + 2);
    }
    // The store went on without the log, and does not come back to it.
    CHECK(cluster.open(0) == Errc::OtherHistory);
    cluster.shared = std::make_shared<SharedLog>();
    CHECK_FALSE(cluster.open(0));
}

TEST_CASE("a store with a history of its own is refused and not changed", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    cluster.wait_until_applied();
    cluster.close(1);
    RocksSettings alone = cluster.settings.rocks;
    alone.path = cluster.directory.path() + "/other";
    {
        auto opened = open_rocks_store(alone);
        REQUIRE(opened.has_value());
        Feed feed;
        (*opened)->start(feed.handler());
        (*opened)->submit(1, {}, put("nA", "other"));
        REQUIRE(feed.outcome(1).committed());
    }
    cluster[1].path = alone.path;
    CHECK(cluster.open(1) == Errc::OtherHistory);
    CHECK(cluster.log_text().find("error: store") != std::string::npos);
    const auto kept = open_rocks_snapshot(alone);
    REQUIRE(kept.has_value());
    CHECK((*kept)->get(Family::Control, "nA").value()->value == "other");
}

TEST_CASE("a store of another format is refused to a cluster and not changed", "[cluster]") {
    Cluster cluster(2);
    cluster.close(0);
    cluster.close(1);
    const auto change_schema = [&](char schema) {
        rocksdb::DB* db = nullptr;
        std::vector<rocksdb::ColumnFamilyHandle*> handles;
        std::vector<rocksdb::ColumnFamilyDescriptor> families;
        for (const char* name : {"default", "index", "payload", "audit"})
            families.emplace_back(name, rocksdb::ColumnFamilyOptions());
        REQUIRE(rocksdb::DB::Open({}, cluster[0].path, families, &handles, &db).ok());
        const rocksdb::Slice key("\0header", 7);
        std::string header;
        REQUIRE(db->Get({}, handles[0], key, &header).ok());
        constexpr std::size_t schema_at = 16 + 5 + 3;   // behind the stamp, "gridd" and zeros
        header.at(schema_at) = schema;
        REQUIRE(db->Put({}, handles[0], key, header).ok());
        for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
        delete db;
    };
    change_schema(0);
    CHECK(cluster.open(0) == Errc::WrongSchema);
    CHECK(cluster.log_text().find("has schema 0, this program reads 1") != std::string::npos);
    change_schema(1);
    CHECK_FALSE(cluster.open(0));
}

TEST_CASE("the log is trimmed behind what all have on disk, and a copy goes on", "[cluster]") {
    Cluster cluster(2);
    cluster.settings.groups_kept = 5;
    REQUIRE_FALSE(cluster.open(0));
    cluster.elect(0);
    for (int i = 0; i < 20; ++i) REQUIRE(cluster.commit(0, audited("nA", "1")).committed());
    cluster.wait_until_applied();
    cluster.close(1);
    for (int i = 0; i < 20; ++i) REQUIRE(cluster.commit(0, audited("nA", "2")).committed());
    cluster[0].store->trim_up_to(~0ull, ~0ull);
    REQUIRE(holds_soon([&] {
        const std::lock_guard lock(cluster.shared->mutex);
        return cluster.shared->trimmed >= 30;
    }));
    CHECK(cluster[0].store->replication().flushed_group >= cluster.shared->trimmed);
    CHECK(cluster.open(1) == Errc::Trimmed);
    std::filesystem::remove_all(cluster[1].path);
    CHECK(cluster.open(1) == Errc::Trimmed);
    std::filesystem::remove_all(cluster[1].path);
    REQUIRE_FALSE(cluster[0].store->checkpoint(cluster[1].path, [] {}));
    REQUIRE(cluster.commit(0, audited("nA", "3")).committed());
    REQUIRE_FALSE(cluster.open(1));
    cluster.elect(0);
    CHECK(cluster.commit(1, audited("nA", "4")).committed());
    check_same_everywhere(cluster);
    // A restored copy is another life, that does not go on from this log.
    RocksSettings copy = cluster.settings.rocks;
    copy.path = cluster.directory.path() + "/restored";
    REQUIRE_FALSE(cluster[0].store->checkpoint(copy.path, [] {}));
    REQUIRE(begin_epoch(copy, cluster.now).has_value());
    cluster.close(1);
    cluster[1].path = copy.path;
    CHECK(cluster.open(1) == Errc::OtherHistory);
}

TEST_CASE("the log is trimmed by bytes, too", "[cluster]") {
    Cluster cluster(1);
    cluster.settings.groups_kept = 1'000;
    cluster.settings.log_bytes_kept = 40'000;
    REQUIRE_FALSE(cluster.open(0));
    cluster.elect(0);
    const std::string large(10'000, 'x');
    for (int i = 0; i < 20; ++i) REQUIRE(cluster.commit(0, put("nA", large)).committed());
    cluster[0].store->trim_up_to(~0ull, ~0ull);
    REQUIRE(holds_soon([&] {
        const std::lock_guard lock(cluster.shared->mutex);
        return cluster.shared->trimmed >= cluster.shared->groups.size() - 4;
    }));
    const std::lock_guard lock(cluster.shared->mutex);
    CHECK(cluster.shared->trimmed <= cluster.shared->groups.size() - 3);
}

TEST_CASE(
    "a full log refuses, says so, and is trimmed past a member that holds it up", "[cluster]"
) {
    Cluster cluster(1);
    REQUIRE_FALSE(cluster.open(0));
    cluster.elect(0);
    for (int i = 0; i < 10; ++i) REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    cluster[0].store->trim_up_to(2, 5);   // another member has 2 on disk, most have 5
    {
        const std::lock_guard lock(cluster.shared->mutex);
        CHECK(cluster.shared->trimmed == 0);
        cluster.shared->room.is_full = true;
    }
    cluster[0].log->refuse_with = Errc::NoSpace;
    CHECK(cluster.commit(0, put("nA", "2")).error == Errc::NoSpace);
    const StoreStatus status = cluster[0].store->status();
    CHECK_FALSE(status.writable);
    CHECK(status.reason.find("full") != std::string::npos);
    CHECK(cluster[0].store->replication().may_lead);   // others would not do better
    REQUIRE(holds_soon([&] {
        const std::lock_guard lock(cluster.shared->mutex);
        return cluster.shared->trimmed == 5;
    }));
    cluster[0].log->refuse_with = Errc::Conflict;
    {
        const std::lock_guard lock(cluster.shared->mutex);
        cluster.shared->room.is_full = false;
    }
    REQUIRE(holds_soon([&] { return cluster[0].store->status().writable; }));
    CHECK(cluster.commit(0, put("nA", "3")).committed());
}

TEST_CASE("a member that the log has left behind says so and answers", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "1")).committed());
    cluster[1].log->is_cut = true;
    cluster.net.cut(cluster[0].id, cluster[1].id);
    const Ticket waiting = cluster.submit(1, put("nA", "2"));
    for (int i = 0; i < 5; ++i) REQUIRE(cluster.commit(0, put("nA", "3")).committed());
    REQUIRE(cluster[0].log->trim(cluster.shared->all().size() - 1).has_value());
    cluster[1].log->is_cut = false;
    REQUIRE(holds_soon([&] { return cluster[1].store->replication().needs_copy; }));
    CHECK(cluster[1].feed->outcome(waiting).error == Errc::WritesStopped);
    const StoreStatus status = cluster[1].store->status();
    CHECK_FALSE(status.writable);
    CHECK(status.reason == make_error_code(Errc::Trimmed).message());
    CHECK(cluster.commit(1, put("nA", "4")).error == Errc::WritesStopped);
    CHECK(value_at(cluster, 1, "nA") == "1");   // reads go on
    CHECK(cluster.commit(0, put("nA", "5")).committed());
}

TEST_CASE("a member that does not hear from the log says so", "[cluster]") {
    Cluster cluster(1);
    cluster.settings.max_staleness = std::chrono::milliseconds(50);
    REQUIRE_FALSE(cluster.open(0));
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    CHECK(holds_soon([&] { return cluster[0].store->status().writable; }));
    cluster[0].log->is_cut = true;
    CHECK(holds_soon([&] { return !cluster[0].store->status().writable; }));
    CHECK_FALSE(cluster[0].store->status().reason.empty());
    cluster[0].log->is_cut = false;
    CHECK(holds_soon([&] { return cluster[0].store->status().writable; }));
}

TEST_CASE("what has no outcome is answered in time, and may be in the log yet", "[cluster]") {
    Cluster cluster(2);
    cluster.settings.answer_within = std::chrono::milliseconds(300);
    for (std::size_t i = 0; i < 2; ++i) REQUIRE_FALSE(cluster.open(i));
    const Outcome unled = cluster.commit(0, put("nA", "0"));
    CHECK(unled.error == Errc::Unreachable);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    cluster[0].log->is_cut = true;
    const Outcome silent = cluster.commit(0, put("nB", "1"));
    CHECK(silent.error == Errc::UnknownOutcome);
    cluster[0].log->is_cut = false;
    CHECK(holds_soon([&] { return value_at(cluster, 1, "nB") == "1"; }));
    REQUIRE(cluster.commit(0, put("nC", "1")).committed());
    cluster.net.cut(cluster[0].id, cluster[1].id);
    const Outcome unreached = cluster.commit(1, put("nD", "1"));
    CHECK(unreached.error == Errc::Unreachable);
    cluster.net.join(cluster[0].id, cluster[1].id);
    REQUIRE(cluster.commit(1, put("nE", "1")).committed());
    check_same_everywhere(cluster);
    CHECK(value_at(cluster, 0, "nD") == "(none)");
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(cluster[i].feed->twice() == 0);
        CHECK(holds_soon([&] { return cluster[i].store->status().queued_bytes == 0; }));
    }
}

TEST_CASE("a member says why its changes are not decided", "[cluster]") {
    Cluster cluster(2);
    cluster.settings.answer_within = std::chrono::milliseconds(300);
    for (std::size_t i = 0; i < 2; ++i) REQUIRE_FALSE(cluster.open(i));
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "1")).committed());
    auto& store = *cluster[1].store;
    CHECK(store.status().writable);
    // Batches that the leader has not answered, until one is.
    cluster.net.cut(cluster[0].id, cluster[1].id);
    CHECK(cluster.commit(1, put("nB", "1")).error == Errc::Unreachable);
    CHECK(store.status().reason.find("did not answer changes") != std::string::npos);
    cluster.net.join(cluster[0].id, cluster[1].id);
    CHECK(holds_soon([&] { return store.status().writable; }));
    // A word of the cluster's; changes are taken or refused at once.
    store.set_obstacle("no connection", false);
    CHECK(store.status().reason == "no connection");
    CHECK(cluster.commit(1, put("nC", "1")).committed());
    store.set_obstacle("revoked", true);
    CHECK(cluster.commit(1, put("nD", "1")).error == Errc::Unreachable);
    store.set_obstacle({}, false);
    CHECK(cluster.commit(1, put("nE", "1")).committed());
    CHECK(value_at(cluster, 0, "nD") == "(none)");
    // A log that takes no groups.
    cluster[0].log->refuse_with = Errc::UnknownOutcome;
    cluster.submit(0, put("nF", "1"));
    CHECK(holds_soon([&] {
        return cluster[0].store->status().reason.starts_with("the log of the cluster takes no");
    }));
    cluster[0].log->refuse_with = Errc::Conflict;
    CHECK(holds_soon([&] { return cluster[0].store->status().writable; }));
}

TEST_CASE("no term begins in a log that is shorter than others know it", "[cluster]") {
    Cluster cluster(1);
    cluster[0].store->lead(2);
    const Ticket early = cluster.submit(0, put("nA", "1"));
    CHECK_FALSE(cluster[0].feed->has_within(early, std::chrono::milliseconds(600)));
    CHECK(cluster.shared->all().empty());
    cluster[0].store->lead(0);
    CHECK(cluster[0].feed->outcome(early).committed());
}

TEST_CASE("a log of an earlier time is not heard, also by a member that is to lead", "[cluster]") {
    Cluster cluster(1);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    REQUIRE(cluster.commit(0, put("nB", "1")).committed());
    cluster[0].store->follow_leader(0);
    {
        const std::lock_guard lock(cluster.shared->mutex);
        cluster.shared->groups.pop_back();
    }
    cluster[0].store->lead(0);
    const auto age = [&] { return cluster[0].store->replication().since_heard; };
    CHECK(holds_soon([&] { return age() > std::chrono::seconds(1); }));
}

TEST_CASE("after a loss of power a member goes on from what it has on disk", "[cluster]") {
    auto fs = std::make_shared<FaultyFs>();
    Cluster cluster(2);
    cluster.settings.rocks.file_system = fs;
    cluster.close(1);
    std::filesystem::remove_all(cluster[1].path);
    REQUIRE_FALSE(cluster.open(1));
    cluster.elect(0);
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 30; ++i) REQUIRE(cluster.commit(0, audited("nA", "1")).committed());
        cluster.wait_until_applied();
        if (round == 2) {
            const auto flushed = [&] { return cluster[1].store->replication().flushed_group; };
            REQUIRE(holds_soon([&] { return flushed() >= cluster.shared->all().size(); }));
        }
        fs->lose_unsynced();
        REQUIRE_FALSE(cluster.open(1));
        cluster.elect(0);
        check_same_everywhere(cluster);
    }
}

TEST_CASE("pages that a loss of power took from the middle are read from the log", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    for (int i = 0; i < 60; ++i) REQUIRE(cluster.commit(0, audited("nA", "1")).committed());
    cluster.wait_until_applied();
    cluster.close(1);
    const std::string last = last_log(cluster[1].path);
    REQUIRE(std::filesystem::file_size(last) > 8'192);
    const char with = GENERATE('\0', 'x');
    overwrite(last, 4'096, std::string(2'048, with));
    REQUIRE_FALSE(cluster.open(1));
    CHECK(cluster.log_text().find("is read from the log of the cluster") != std::string::npos);
    check_same_everywhere(cluster);
}

TEST_CASE("a group that is missing in a member's own log ends its replay", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    const auto commit_of = [&](std::size_t bytes, const std::string& key = "nA") {
        REQUIRE(cluster.commit(0, put(key, std::string(bytes, 'x'))).committed());
        cluster.wait_until_applied();
    };
    commit_of(10);
    const std::string log = last_log(cluster[1].path);
    const std::size_t before = end_of_records(log);
    commit_of(8'000);
    const std::size_t first = end_of_records(log), beside = first - before - 8'000;
    // The next one ends with its block, so that the block behind it can be read without it.
    REQUIRE(first < log_block_bytes);
    commit_of(8'000);
    const std::size_t second = end_of_records(log);
    commit_of(log_block_bytes - second - beside, "nG");
    REQUIRE(end_of_records(log) == log_block_bytes);
    commit_of(11);
    REQUIRE(cluster.commit(0, put("nB", "last")).committed());
    cluster.wait_until_applied();
    cluster.close(1);
    overwrite(log, second, std::string(log_block_bytes - second, '\0'));
    REQUIRE_FALSE(cluster.open(1));
    CHECK(cluster.log_text().find("is read from the log of the cluster") != std::string::npos);
    check_same_everywhere(cluster);
    REQUIRE_FALSE(cluster.open(1));
    check_same_everywhere(cluster);
}

TEST_CASE("a member whose own log has lost its beginning needs a copy", "[cluster]") {
    Cluster cluster(2);
    cluster.elect(0);
    REQUIRE(cluster.commit(0, put("nA", "1")).committed());
    cluster.wait_until_applied();
    REQUIRE_FALSE(cluster.open(1));   // the log is replayed into tables
    for (int i = 0; i < 10; ++i)
        REQUIRE(cluster.commit(0, put("nB", std::string(5'000, 'x'))).committed());
    cluster.wait_until_applied();
    const std::string log = last_log(cluster[1].path);
    cluster.close(1);
    overwrite(log, 0, std::string(log_block_bytes, '\0'));
    CHECK(cluster.open(1) == Errc::Trimmed);
}

TEST_CASE("a member whose write fails is opened again and has missed nothing", "[cluster]") {
    auto fs = std::make_shared<FaultyFs>();
    Cluster cluster(2);
    cluster.settings.rocks.file_system = fs;
    const std::size_t failing = GENERATE(0U, 1U);
    cluster.close(failing);
    std::filesystem::remove_all(cluster[failing].path);
    REQUIRE_FALSE(cluster.open(failing));
    cluster.elect(0);
    REQUIRE(cluster.commit(failing, put("nA", "1")).committed());
    fs->fail_appends(1, rocksdb::IOStatus::IOError("on command"));
    CHECK(cluster.commit(failing, put("nA", "2")).error == Errc::UnknownOutcome);
    const StoreStatus status = cluster[failing].store->status();
    CHECK_FALSE(status.writable);
    CHECK(status.needs_reopen);
    CHECK_FALSE(cluster[failing].store->replication().is_leader);
    CHECK(cluster.commit(failing, put("nB", "1")).error == Errc::WritesStopped);
    cluster.elect(1 - failing);
    REQUIRE(cluster.commit(1 - failing, put("nC", "1")).committed());
    REQUIRE_FALSE(cluster[failing].store->reopen());
    CHECK(cluster[failing].feed->gaps() == 1);
    REQUIRE(cluster.commit(failing, put("nD", "1")).committed());
    check_same_everywhere(cluster);
    CHECK(value_at(cluster, failing, "nA") == "2");   // the log had it
}

TEST_CASE("a member without space waits, and a leader without space refuses", "[cluster]") {
    Cluster cluster(2);
    std::atomic<std::uint64_t> free = ~0ull;
    cluster.settings.rocks.free_bytes = [&](const std::string&) -> Result<std::uint64_t> {
        return free.load();
    };
    REQUIRE_FALSE(cluster.open(1));
    cluster.elect(0);
    REQUIRE(cluster.commit(1, put("nA", "1")).committed());
    free = 0;
    REQUIRE(cluster.commit(0, put("nA", "2")).committed());
    CHECK_FALSE(cluster[1].store->status().writable);
    CHECK(value_at(cluster, 1, "nA") == "1");
    // The log is heard, but what is read here gets old.
    const auto age = [&] { return cluster[1].store->replication().since_heard.count(); };
    CHECK(holds_soon([&] { return age() > 500; }));
    free = ~0ull;
    CHECK(holds_soon([&] { return age() < 300; }));
    check_same_everywhere(cluster);
    cluster.elect(1);
    REQUIRE(cluster.commit(0, put("nA", "3")).committed());
    free = 0;
    CHECK(cluster.commit(0, put("nA", "4")).error == Errc::NoSpace);
    CHECK(cluster.commit(1, put("nA", "4")).error == Errc::NoSpace);
    free = ~0ull;
    CHECK(cluster.commit(0, put("nA", "5")).committed());
    check_same_everywhere(cluster);
}

}   // namespace member_store_test
