// tests/unit/controller/audit_chain_test.cpp: verifying the chain, tampering with it, cutting it.
#include <boost/json.hpp>

#include "../../stories/grid_stage.hpp"
#include "audit_files.hpp"
#include "controller/audit/query.hpp"

namespace audit_chain_test {

using namespace grid;
using namespace grid::controller;
using storage::Family;
using test::batch_of;
using test::Files;
using test::record_of;

TEST_CASE("S73: a chain that nobody touched verifies, whole and in parts") {
    Files files(10);
    const audit::Verified whole = files.verified();
    CHECK_FALSE(whole.broken.has_value());
    CHECK(whole.checked == 10);
    CHECK(whole.head.number == 10);
    CHECK(whole.unlinked == 0);
    audit::Check check;
    check.max = 3;
    std::uint64_t checked = 0;
    int parts = 0;
    do {
        const auto part = files.verified(check);
        CHECK_FALSE(part.broken.has_value());
        checked += part.checked;
        check.after = part.next;
        ++parts;
    } while (!check.after.empty());
    CHECK(checked == 10);
    CHECK(parts == 4);
    // A restart goes on where the chain ended.
    files.with_store([&](storage::Store& store) { files.commit(store, batch_of(11)); });
    CHECK(files.verified().checked == 11);
}

TEST_CASE("S73: a record that was changed breaks the chain there") {
    Files files(10);
    std::string id;
    files.tamper([&](rocksdb::DB& db, auto* family) {
        auto [key, value] = Files::all(db, family).at(4);
        id = storage::to_hex(key);
        value.at(value.find("alerts")) = 'A';
        REQUIRE(db.Put({}, family, key, value).ok());
    });
    const auto result = files.verified();
    REQUIRE(result.broken.has_value());
    CHECK(result.broken->number == 5);
    CHECK(result.broken->id == id);
    CHECK(result.checked == 4);
}

TEST_CASE("S73: its time and its link cannot be changed either") {
    for (const std::size_t at : {8UL + 7, 0UL + 7}) {   // time, revision of the stamp
        Files files(6);
        files.tamper([&](rocksdb::DB& db, auto* family) {
            auto [key, value] = Files::all(db, family).at(2);
            value.at(at) = static_cast<char>(value.at(at) ^ 1);
            REQUIRE(db.Put({}, family, key, value).ok());
        });
        REQUIRE(files.verified().broken.has_value());
        CHECK(files.verified().broken->number == 3);
    }
    // A changed record with a link computed anew breaks the next one.
    Files files(6);
    files.tamper([&](rocksdb::DB& db, auto* family) {
        const auto records = Files::all(db, family);
        auto [key, value] = records.at(2);
        const auto before = storage::split_link(std::string_view(records.at(1).second).substr(16));
        const auto stored = storage::decode_record(value);
        std::string changed(storage::split_link(stored->value)->record);
        changed.at(changed.find("alerts")) = 'A';
        storage::Chain chain;
        const auto link = chain.next(before->link, key, stored->time, changed);
        REQUIRE(db.Put({}, family, key, value.substr(0, 16) + changed + storage::encode(link)).ok()
        );
    });
    REQUIRE(files.verified().broken.has_value());
    CHECK(files.verified().broken->number == 4);
}

TEST_CASE("S73: records that were removed are missed, wherever they stood") {
    struct Case {
        std::size_t at;
        std::uint64_t number;
        const char* text;
    };
    for (const Case& one :
         {Case{4, 6, "record 5 is missing before it"}, Case{0, 2, "record 1 is missing before it"},
          Case{9, 10, "record 10 is missing at the end"}}) {
        Files files(10);
        files.tamper([&](rocksdb::DB& db, auto* family) {
            REQUIRE(db.Delete({}, family, Files::all(db, family).at(one.at).first).ok());
        });
        const auto result = files.verified();
        REQUIRE(result.broken.has_value());
        CHECK(result.broken->number == one.number);
        CHECK(result.broken->text == one.text);
    }
    Files files(10);
    files.tamper([&](rocksdb::DB& db, auto* family) {
        const auto records = Files::all(db, family);
        for (std::size_t i = 6; i < 10; ++i)
            REQUIRE(db.Delete({}, family, records.at(i).first).ok());
    });
    CHECK(files.verified().broken->text == "records 7 to 10 are missing at the end");
}

TEST_CASE("S73: records that changed places or were put in break the chain") {
    {
        Files files(10);
        files.tamper([&](rocksdb::DB& db, auto* family) {
            const auto records = Files::all(db, family);
            REQUIRE(db.Put({}, family, records[3].first, records[4].second).ok());
            REQUIRE(db.Put({}, family, records[4].first, records[3].second).ok());
        });
        REQUIRE(files.verified().broken.has_value());
        // The record that stands in the fourth place now.
        CHECK(files.verified().broken->number == 5);
        CHECK(files.verified().checked == 3);
    }
    {
        Files files(3);
        files.tamper([&](rocksdb::DB& db, auto* family) {
            const auto records = Files::all(db, family);
            std::string key = records[1].first;
            key.back() = 1;   // a second record of the same batch
            REQUIRE(db.Put({}, family, key, records[1].second).ok());
        });
        REQUIRE(files.verified().broken.has_value());
        CHECK(files.verified().checked == 2);
    }
    // One in the form of earlier versions, which had no links, does not pass for one of those.
    Files files(3);
    files.tamper([&](rocksdb::DB& db, auto* family) {
        const auto records = Files::all(db, family);
        std::string key = records[1].first, value = records[1].second.substr(0, 16) + "\1\1";
        key.back() = 1;
        REQUIRE(db.Put({}, family, key, value).ok());
    });
    CHECK(files.verified().broken->text == "it is no record of the chain");
}

TEST_CASE("S73: a chain that was written anew does not pass through what the log had noted") {
    Files files(5), others(7);
    audit::Check check;
    check.passes = audit::Passage{5, files.verified().head.hash};
    CHECK(files.verified(check).has_passed);
    CHECK_FALSE(files.verified(check).broken.has_value());
    const auto other = others.verified(check);   // whole, but another one
    REQUIRE(other.broken.has_value());
    CHECK(other.broken->number == 5);
    CHECK_FALSE(audit::parse_passage("5", "zz").has_value());
    CHECK_FALSE(audit::parse_passage("0", std::string(64, 'a')).has_value());
    CHECK(audit::parse_passage("5", std::string(64, 'a')).has_value());
}

TEST_CASE("S73: retention cuts with a record of it, and the chain goes on from there") {
    Files files(20);
    files.with_store([&](storage::Store& store) {
        const auto newest = audit::head_of(*store.snapshot());
        const auto batch = audit::plan_cut(*store.snapshot(), {0, newest->bytes / 2}, 0);
        REQUIRE(batch.has_value());
        REQUIRE(batch->has_value());
        // Two that plan at a time: only one cuts.
        CHECK((*batch)->cut.is_for_space);
        CHECK(files.commit(store, (*batch)->batch));
        CHECK_FALSE(files.commit(store, (*batch)->batch));
        CHECK(files.commit(store, batch_of(21)));
    });
    auto result = files.verified();
    CHECK_FALSE(result.broken.has_value());
    CHECK(result.cut == 10);
    CHECK(result.checked == 12);   // ten that stayed, the cut, one more
    CHECK(result.head.number == 22);
    // Further cuts, until the record of the cut is cut itself.
    files.with_store([&](storage::Store& store) {
        for (int i = 0; i < 3; ++i) {
            const auto batch = audit::plan_cut(*store.snapshot(), {1, 0}, storage::Millis{1} << 60);
            REQUIRE(batch->has_value());
            CHECK(files.commit(store, (*batch)->batch));
        }
    });
    result = files.verified();
    CHECK_FALSE(result.broken.has_value());
    CHECK(result.checked == 1);
    // Removing the beginning by hand, and saying that it was cut, is seen.
    files.with_store([&](storage::Store& store) {
        for (int i = 0; i < 5; ++i) files.commit(store, batch_of(i));
    });
    files.tamper([&](rocksdb::DB& db, auto* family) {
        const auto records = Files::all(db, family);
        for (std::size_t i = 0; i < 3; ++i) REQUIRE(db.Delete({}, family, records[i].first).ok());
        const auto stored = storage::decode_record(records[2].second);
        std::string forged = storage::Encoder()
                                 .u64(storage::Decoder(records[3].first).u64())
                                 .i64(stored->time)
                                 .u8(1)
                                 .text(records[2].first)
                                 .raw(storage::encode(storage::split_link(stored->value)->link))
                                 .take();
        REQUIRE(db.Put({}, audit::cut_key(), forged).ok());
    });
    REQUIRE(files.verified().broken.has_value());
    CHECK(files.verified().broken->text.find("no record of that cut") != std::string::npos);
}

TEST_CASE("found A11: a cut for want of space keeps denials and administration, within shares") {
    Files files(0);
    const auto put = [&](storage::Store& store, const char* actor, const char* operation,
                         audit::Outcome outcome, int i) {
        audit::Record record = record_of(i);
        record.actor = actor;
        record.operation = operation;
        record.outcome = outcome;
        storage::Batch batch;
        audit::append(batch, record);
        CHECK(files.commit(store, std::move(batch)));
    };
    const auto cut_to = [&](storage::Store& store, std::uint64_t bytes) {
        for (int round = 0; round < 50; ++round) {
            auto planned = audit::plan_cut(*store.snapshot(), {0, bytes}, 0);
            REQUIRE(planned.has_value());
            if (!*planned) return;
            CHECK(files.commit(store, (*planned)->batch));
            if (!(*planned)->has_more) return;
        }
    };
    const auto left = [&](storage::Store& store, const std::string& operation) {
        audit::Filter filter;
        filter.operation = operation;
        filter.max = 1'000;
        return audit::search(*store.snapshot(), filter)->entries;
    };
    files.with_store([&](storage::Store& store) {
        put(store, "root@grid.example", "policy-set", audit::Outcome::Allow, 1);
        put(store, "eve@grid.example", "create", audit::Outcome::Deny, 2);
        for (int i = 0; i < 200; ++i)
            put(store, "eve@grid.example", "publish", audit::Outcome::Allow, i);
        for (int i = 0; i < 300; ++i)
            put(store, "eve@grid.example", "delete", audit::Outcome::Deny, i);
        // Topics of one's own are no administration either.
        for (int i = 0; i < 300; ++i)
            put(store, "mallory@grid.example", "configure", audit::Outcome::Allow, i);
        const auto before = left(store, "policy-set");
        cut_to(store, 8'000);
        REQUIRE(left(store, "policy-set").size() == 1);
        CHECK(left(store, "policy-set")[0].time == before[0].time);
        CHECK(left(store, "policy-set")[0].link == before[0].link);
        CHECK(left(store, "create").size() == 1);
        CHECK(left(store, "publish").empty());
        // The share of these refusals is bounded by what the account's other records leave.
        CHECK(left(store, "delete").size() < 100);
        CHECK(left(store, "configure").size() < 100);
    });
    auto result = files.verified();
    INFO((result.broken ? result.broken->text : ""));
    CHECK_FALSE(result.broken.has_value());
    CHECK(result.kept >= 2);
    // In parts, too.
    audit::Check check;
    check.max = 1;
    std::uint64_t kept = 0;
    do {
        const auto part = files.verified(check);
        REQUIRE_FALSE(part.broken.has_value());
        kept += part.kept;
        check.after = part.next;
    } while (!check.after.empty());
    CHECK(kept == result.kept);
    // More of it: what was kept has a bound as well.
    files.with_store([&](storage::Store& store) {
        for (int i = 0; i < 300; ++i)
            put(store, "root@grid.example", "settings", audit::Outcome::Allow, i);
        cut_to(store, 8'000);
        cut_to(store, 8'000);   // the second looks at what the first kept
    });
    result = files.verified();
    INFO((result.broken ? result.broken->text : ""));
    CHECK_FALSE(result.broken.has_value());
    CHECK(result.kept > 0);
    CHECK(result.kept < 40);
    // Changing or removing one of them is seen.
    files.tamper([&](rocksdb::DB& db, auto* family) {
        auto [key, value] = Files::all(db, family).at(1);
        value.at(value.find("alerts")) = 'A';
        REQUIRE(db.Put({}, family, key, value).ok());
    });
    REQUIRE(files.verified().broken.has_value());
    files.tamper([&](rocksdb::DB& db, auto* family) {
        REQUIRE(db.Delete({}, family, Files::all(db, family).at(1).first).ok());
    });
    REQUIRE(files.verified().broken.has_value());
    CHECK(files.verified().broken->text.find("missing before it") != std::string::npos);
}

namespace {

/// The state that earlier versions left when they gave two records of one batch one place: the
/// first is linked, but only the second is there.
void lose_record(Files& files, const char* operation) {
    files.tamper([&](rocksdb::DB& db, auto* family) {
        const auto records = Files::all(db, family);
        const auto stored = storage::decode_record(records.back().second);
        const auto before = storage::split_link(stored->value)->link;
        const storage::Revision revision = stored->revision + 1;
        const storage::Millis time = stored->time + 1;
        const auto record = [](const char* actor, const char* what, const char* topic,
                               const char* rule) {
            storage::Encoder out;
            out.u8(2).u8(1).varint(1);
            for (const char* field : {actor, "", what, topic, "", rule, ""}) out.text(field);
            return out.take();
        };
        const std::string key = storage::Encoder().u64(revision).u8(0).take();
        const std::string last_key = storage::Encoder().u64(revision).u8(2).take();
        storage::Chain chain;
        const std::string second = record("system", "subscribe", "Poc#subtopics", "system");
        const std::string third = record("dave@grid.example/x", "initPublish", "Poc", "rule");
        const auto lost =
            chain.next(before, key, time, record("system", operation, "Poc", "system"));
        const auto there = chain.next(lost, key, time, second);
        const auto last = chain.next(there, last_key, time, third);
        const std::string stamp = storage::encode_stamp(revision, time);
        REQUIRE(db.Put({}, family, key, stamp + second + storage::encode(there)).ok());
        REQUIRE(db.Put({}, family, last_key, stamp + third + storage::encode(last)).ok());
        REQUIRE(db.Put({}, rocksdb::Slice("\0head", 5), stamp).ok());
        REQUIRE(db.Put({}, rocksdb::Slice("\0chain", 6), stamp + storage::encode(last)).ok());
    });
}

}   // namespace

TEST_CASE("found A2: a record that was lost by joining two batches is told as that, and only that"
) {
    Files files(5);
    lose_record(files, "manage");
    files.with_store([&](storage::Store& store) { files.commit(store, batch_of(9)); });
    const auto result = files.verified();
    INFO((result.broken ? result.broken->text : ""));
    CHECK_FALSE(result.broken.has_value());
    REQUIRE(result.lost.size() == 1);
    CHECK(result.lost_count == 1);
    CHECK(result.lost[0].number == 6);
    CHECK(result.lost[0].text.find("lost between 5 and 7") != std::string::npos);
    CHECK(result.checked == 8);
    CHECK(result.head.number == 9);
    // Behind it tampering is found as ever.
    files.tamper([&](rocksdb::DB& db, auto* family) {
        auto [key, value] = Files::all(db, family).back();
        value.at(value.find("alerts")) = 'A';
        REQUIRE(db.Put({}, family, key, value).ok());
    });
    REQUIRE(files.verified().broken.has_value());
    // A store that looks alike, but misses another record, has no such loss.
    Files others(5);
    lose_record(others, "purge");
    REQUIRE(others.verified().broken.has_value());
    CHECK(others.verified().broken->text == "record 6 is missing before it");
}

TEST_CASE("S73: records from before the chain are counted, and the chain begins behind them") {
    Files files(0);
    files.tamper([&](rocksdb::DB& db, auto* family) {
        for (std::uint64_t revision = 1; revision <= 3; ++revision) {
            std::string record = audit::encode(record_of(1));
            record.front() = 1;
            REQUIRE(db.Put(
                          {}, family, storage::Encoder().u64(revision).u8(0).take(),
                          storage::encode_stamp(revision, 1'000) + record
            )
                        .ok());
        }
        REQUIRE(db.Put({}, rocksdb::Slice("\0head", 5), storage::encode_stamp(3, 1'000)).ok());
    });
    files.with_store([&](storage::Store& store) { files.commit(store, batch_of(1)); });
    const auto result = files.verified();
    CHECK_FALSE(result.broken.has_value());
    CHECK(result.unlinked == 3);
    CHECK(result.checked == 1);
    CHECK(result.head.number == 1);
}

TEST_CASE("S73: by REST the chain is verified in parts, and what is broken is named") {
    test::GridStage stage;
    stage.member("probe@grid.example/x", "[]");
    for (int i = 0; i < 5; ++i) stage.commit(batch_of(i));
    namespace json = boost::json;
    const auto verify = [&](const std::string& query) {
        return stage.rest("root@grid.example", "GET", "/audit/verify", "", query);
    };
    const auto whole = json::parse(verify("").second);
    CHECK(whole.at("ok").as_bool());
    CHECK(whole.at("broken").is_null());
    const auto number = whole.at("head").at("number").to_number<std::uint64_t>();
    CHECK(number >= 6);
    CHECK(whole.at("checked").to_number<std::uint64_t>() == number);
    const std::string hash(whole.at("head").at("hash").as_string());
    const auto passed =
        json::parse(verify("number=" + std::to_string(number) + "&hash=" + hash).second);
    CHECK(passed.at("passed").as_bool());
    const auto other = json::parse(
        verify("number=" + std::to_string(number) + "&hash=" + std::string(64, '0')).second
    );
    CHECK_FALSE(other.at("ok").as_bool());
    CHECK(other.at("broken").at("number").to_number<std::uint64_t>() == number);
    CHECK(verify("number=1").first == 400);
    CHECK(verify("after=zz").first == 400);
    CHECK(verify("after=ffffffffffffffff00").first == 409);
    CHECK(stage.rest("probe@grid.example", "GET", "/audit/verify").first == 403);
}

}   // namespace audit_chain_test
