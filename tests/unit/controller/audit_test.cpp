// tests/unit/controller/audit_test.cpp: the audit: its records, folding, bounds, and reading it
// back.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/audit/query.hpp"
#include "controller/audit/queue.hpp"

namespace audit_test {

using namespace grid::controller;
using grid::test::GridStage;
namespace json = boost::json;

namespace {

constexpr const char* root = "root@grid.example";

audit::Record denial(const std::string& topic) {
    audit::Record record;
    record.outcome = audit::Outcome::Deny;
    record.actor = "probe@grid.example/x";
    record.operation = "publish";
    record.topic = topic;
    record.rule = "default deny";
    return record;
}

json::array records(GridStage& stage, const std::string& query) {
    const auto answer = stage.rest(root, "GET", "/audit", "", query);
    REQUIRE(answer.first == 200);
    return json::parse(answer.second).at("records").as_array();
}

}   // namespace

TEST_CASE("audit records survive their encoding; long fields are cut at a character") {
    audit::Record record = denial("t");
    record.count = 7;
    record.detail = "ä";
    record.first = 1'700'000'000'000;
    record.last = record.first + 900;
    CHECK(audit::decode(audit::encode(record)) == record);
    for (const char* shift : {"", "x"}) {
        record.topic = record.detail = shift;
        for (std::size_t i = 0; i < audit::text_bytes_max; ++i) record.topic += "ä";
        record.detail = record.topic;
        const auto cut = audit::decode(audit::encode(record));
        REQUIRE(cut);
        CHECK(cut->topic.size() <= audit::name_bytes_max);
        CHECK(cut->topic.size() >= audit::name_bytes_max - 1);
        CHECK(cut->detail.size() <= audit::text_bytes_max);
        CHECK(audit::cut(cut->topic) == cut->topic);
        // Names that differ behind the cut are still told apart.
        CHECK(audit::cut(record.topic + "1") != audit::cut(record.topic + "2"));
    }
    // The account stays whole where only the resource is long.
    CHECK(audit::cut_address("a@b/" + std::string(1'000, 'r')).starts_with("a@b/rrr"));
}

TEST_CASE("found A11: a publish with the longest names takes few bytes of the audit") {
    grid::pubsub::Principal actor;
    actor.jid = *grid::xml::Jid::parse("probe@grid.example/" + std::string(1'000, 'r'));
    actor.address = "192.0.2.1:50000";
    grid::storage::Batch batch;
    audit::append_allowed(batch, actor, "publish", std::string(1'023, 't'), "policy 1, line 1");
    CHECK(batch.operations.at(0).value.size() < 450);
}

TEST_CASE("found A2: joined batches keep all their audit records, and the store insists on it") {
    const auto one = [](const char* topic) {
        grid::storage::Batch batch;
        audit::append(batch, denial(topic));
        batch.expect(grid::storage::Family::Control, "P", 1);
        batch.event = topic;
        return batch;
    };
    grid::storage::Batch joined = one("a");
    audit::join(joined, one("b"));
    audit::append(joined, denial("c"));
    REQUIRE(joined.operations.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(joined.operations[i].key.back() == static_cast<char>(i));
    CHECK(joined.expectations.size() == 1);
    CHECK(joined.event == "ab");
    GridStage stage;
    joined.expectations.clear();
    joined.event.clear();
    CHECK(stage.commit(joined));
    joined.operations[1].key = joined.operations[0].key;
    CHECK_FALSE(stage.commit(joined));
}

TEST_CASE("found M3: what happened before a change is taken first, repetitions with their times") {
    audit::Queue queue(100);
    grid::storage::Millis now = 1'000'000;
    queue.attach([&] { return now; });
    queue.drain(now, 16);
    queue.add(denial("a"));
    now += 100;
    queue.add(denial("b"));
    const auto news = queue.take_news();
    REQUIRE(news.size() == 1);
    REQUIRE(news[0].operations.size() == 2);
    CHECK(audit::decode(news[0].operations[0].value)->first == 1'000'000);
    CHECK(audit::decode(news[0].operations[1].value)->first == 1'000'100);
    CHECK(queue.take_news().empty());
    for (int i = 0; i < 3; ++i) {
        now += 100;
        queue.add(denial("a"));
    }
    CHECK(queue.take_news().empty());   // no news
    const auto rest = queue.drain(1'001'000, 16);
    REQUIRE(rest.size() == 1);
    const auto record = audit::decode(rest[0].operations.at(0).value);
    CHECK(record->count == 3);
    CHECK(record->first == 1'000'200);
    CHECK(record->last == 1'000'400);
    // A clock that was set back does not stop the queue.
    now -= 1'000'000;
    queue.add(denial("c"));
    CHECK(queue.drain(now, 16).size() == 1);
}

TEST_CASE("found A11: many strangers are few records") {
    audit::Queue queue(10'000);
    grid::storage::Millis now = 1'000'000;
    queue.attach([&] { return now; });
    std::size_t records = 0;
    std::uint64_t counted = 0;
    for (int second = 0; second <= 120; ++second, now += 1'000) {
        for (int i = 0; i < 500; ++i) {
            audit::Record record;
            record.outcome = audit::Outcome::Deny;
            record.operation = "login-refused";
            record.target = std::to_string(second * 1'000 + i) + "@grid.example";
            record.address = "192.0.2." + std::to_string(i % 200) + ":1";
            queue.add_of_stranger(std::move(record));
        }
        for (const auto& batch : queue.drain(now, 16)) {
            records += batch.operations.size();
            for (const auto& operation : batch.operations)
                counted += audit::decode(operation.value)->count;
        }
    }
    CHECK(records < 100);
    CHECK(counted > 55'000);
    CHECK(queue.dropped() == 0);
}

TEST_CASE("strangers are told apart by the reason, not by a time in it") {
    audit::Queue queue(10'000);
    const auto refuse = [&queue](std::string detail) {
        audit::Record record;
        record.outcome = audit::Outcome::Deny;
        record.operation = "login-refused";
        record.address = "192.0.2.7:1";
        record.rule = "not-authorized";
        record.detail = std::move(detail);
        queue.add_of_stranger(std::move(record));
    };
    refuse("expired on 2026-01-01, our clock says 2026-11-30 (CN=old)");
    refuse("expired on 2026-01-01, our clock says 2026-12-01 (CN=old)");
    refuse("expired on 2026-01-01, our clock says 2026-12-01 (CN=other)");
    refuse("self-signed certificate (CN=old)");
    const auto batches = queue.drain(5'000, 16);
    REQUIRE(batches.size() == 1);
    std::vector<std::uint64_t> counts;
    for (const auto& operation : batches[0].operations)
        counts.push_back(audit::decode(operation.value)->count);
    CHECK(counts == std::vector<std::uint64_t>{2, 1, 1});
}

TEST_CASE("denials are folded per second, and nobody fills the disk with them") {
    audit::Queue queue(3);
    for (int i = 0; i < 1000; ++i) queue.add(denial("a"));
    for (int i = 0; i < 1000; ++i) queue.add(denial("t" + std::to_string(i)));
    CHECK(queue.size() == 3);
    CHECK(queue.dropped() == 998);
    const auto batches = queue.drain(5'000, 16);
    REQUIRE(batches.size() == 1);
    REQUIRE(batches[0].operations.size() == 4);
    CHECK(batches[0].expectations.empty());
    CHECK(audit::decode(batches[0].operations[0].value)->count == 1000);
    const auto overflow = audit::decode(batches[0].operations[3].value);
    CHECK(overflow->operation == "audit-overflow");
    CHECK(overflow->count == 998);
    // Not more often than once a second.
    queue.add(denial("a"));
    CHECK(queue.drain(5'500, 16).empty());
    queue.add(denial("a"));
    const auto next = queue.drain(6'000, 16);
    REQUIRE(next.size() == 1);
    CHECK(audit::decode(next[0].operations[0].value)->count == 2);
}

TEST_CASE("S73: what only its port, resource or reason tells apart is folded, too") {
    audit::Queue queue(100);
    for (int i = 0; i < 50; ++i) {
        audit::Record record = denial("a");
        record.actor = "probe@grid.example/" + std::to_string(i);
        record.address = "192.0.2.1:" + std::to_string(40'000 + i);
        record.detail = std::to_string(i);
        queue.add(std::move(record));
    }
    CHECK(queue.size() == 1);
    audit::Record other = denial("a");
    other.address = "192.0.2.2:1";
    queue.add(std::move(other));
    CHECK(queue.size() == 2);
}

TEST_CASE("a single record is folded with its like alone") {
    audit::Queue queue(100);
    audit::Record record;
    record.actor = "ann@grid.example";
    record.operation = "download";
    record.is_single = true;
    for (const char* detail : {"#1 a, 4 bytes", "#2 b, 5 bytes", "#2 b, 5 bytes"}) {
        record.detail = detail;
        queue.add(record);
    }
    CHECK(queue.size() == 2);
}

TEST_CASE("S73: one account that asks for ever new things is folded, the others' records stay") {
    audit::Queue queue(10'000);
    for (int i = 0; i < 5'000; ++i) queue.add(denial("t" + std::to_string(i)));
    audit::Record other = denial("a");
    other.actor = "other@grid.example/x";
    queue.add(std::move(other));
    CHECK(queue.size() == 52);
    CHECK(queue.dropped() == 0);
    std::uint64_t counted = 0;
    for (const auto& batch : queue.drain(5'000, 16))
        for (const auto& operation : batch.operations)
            counted += audit::decode(operation.value)->count;
    CHECK(counted == 5'001);
}

TEST_CASE("many records are drained in bounded batches, over several calls if need be") {
    audit::Queue queue(1'000);
    for (int i = 0; i < 450; ++i) {
        audit::Record record = denial("t" + std::to_string(i));
        record.actor = std::to_string(i % 10) + "@grid.example";
        queue.add(std::move(record));
    }
    auto batches = queue.drain(10'000, 2);
    CHECK(batches.size() == 2);
    for (const auto& batch : batches)
        CHECK(batch.operations.size() <= grid::storage::batch_operations_max);
    CHECK(queue.size() == 250);
    CHECK(queue.drain(10'001, 16).size() == 3);
    CHECK(queue.size() == 0);
}

TEST_CASE("an allowed change has its record in the same batch, a refusal by the queue") {
    GridStage stage;
    stage.policy("allow group makers create,publish,manage alerts*\n");
    stage.member("maker@grid.example/m", R"(["makers"])");
    const auto create = [](const std::string& name) {
        return "<iq xmlns='jabber:client' id='c' type='set' to='pubsub.grid.example'>"
               "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='" +
               name + "'/></pubsub></iq>";
    };
    REQUIRE(stage.sends("maker@grid.example/m", create("alerts")).attr_or("type", "") == "result");
    const auto made = records(stage, "topic=alerts");
    REQUIRE(made.size() == 1);
    CHECK(made[0].at("decision") == "allow");
    CHECK(made[0].at("operation") == "create");
    CHECK(made[0].at("actor") == "maker@grid.example/m");
    CHECK(made[0].at("address") == "192.0.2.1");
    CHECK(
        made[0].at("rule") == "policy 1, line 1: allow group makers create,publish,manage alerts*"
    );
    for (int i = 0; i < 3; ++i)
        CHECK(stage.sends("maker@grid.example/m", create("other")).attr_or("type", "") == "error");
    CHECK(records(stage, "topic=other").empty());
    stage.later(1'500);
    const auto refused = records(stage, "topic=other&decision=deny");
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].at("count") == 3);
    CHECK(refused[0].at("rule") == "default deny");
}

TEST_CASE("the audit is read newest first, by account, topic, decision and time, in pages") {
    GridStage stage;
    stage.member("probe@grid.example/x", "[]");
    const auto start = grid::storage::MemoryStore::time_at_start;
    for (int i = 0; i < 25; ++i) {
        stage.controller().record_session(
            GridStage::identity(i % 2 == 0 ? "even@grid.example" : "odd@grid.example"), "login",
            "192.0.2.7", std::to_string(i)
        );
        stage.later(10'000);
    }
    auto all = records(stage, "account=even@grid.example");
    REQUIRE(all.size() == 13);
    CHECK(all[0].at("detail") == "24");
    CHECK(all[12].at("detail") == "0");
    CHECK(all[0].at("decision") == "info");
    // Paging gives the same list, whatever the page size.
    for (const std::string max : {"1", "4", "13", "500"}) {
        json::array paged;
        std::string next;
        int pages = 0;
        for (; pages < 100; ++pages) {
            const auto answer = json::parse(stage
                                                .rest(
                                                    root, "GET", "/audit", "",
                                                    "account=even@grid.example&max=" + max +
                                                        (next.empty() ? "" : "&after=" + next)
                                                )
                                                .second);
            for (const auto& record : answer.at("records").as_array()) paged.push_back(record);
            if (answer.at("next").is_null()) break;
            next = std::string(answer.at("next").as_string());
        }
        CHECK(paged == all);
        // Pages are never empty: a full page has a next one where a record fits it.
        const int size = std::stoi(max);
        CHECK(pages + 1 == (13 + size - 1) / size);
    }
    // By time, both ends included.
    audit::Filter filter;
    filter.from = start + 50'000;
    filter.to = start + 80'000;
    const auto page = audit::search(*stage.store.snapshot(), filter);
    REQUIRE(page.has_value());
    REQUIRE(page->entries.size() == 4);
    CHECK(page->entries.front().record.detail == "7");
    CHECK(page->entries.back().record.detail == "4");
    filter.to = start - 1;
    filter.from.reset();
    CHECK(audit::search(*stage.store.snapshot(), filter)->entries.empty());
    // Acts of an account, and acts on it.
    CHECK(records(stage, "account=probe@grid.example").at(0).at("operation") == "account-bind");
    CHECK(stage.rest(root, "GET", "/audit", "", "after=zz").first == 400);
    CHECK(stage.rest(root, "GET", "/audit", "", "from=yesterday").first == 400);
    CHECK(stage.rest(root, "GET", "/audit", "", "decision=maybe").first == 400);
}

}   // namespace audit_test
