// tests/unit/controller/bulk_test.cpp: quotas of transfers, their words and lines in the audit.
#include <catch2/catch.hpp>
#include <set>

#include "controller/bulk/quotas.hpp"
#include "controller/bulk/transfer.hpp"
#include "controller/policy/policy.hpp"

namespace bulk_test {

using namespace grid::controller;
using namespace grid::controller::bulk;
using BulkSettings = grid::controller::bulk::Settings;
namespace xml = grid::xml;

namespace {

BulkSettings few() {
    BulkSettings settings;
    settings.transfers_max = 3;
    settings.transfers_per_account_max = 2;
    settings.bytes_per_account_max = 1000;
    settings.window_seconds = 10;
    return settings;
}

std::string limit_of(const std::optional<Quotas::Refusal>& refusal) {
    return refusal ? refusal->limit : std::string();
}

}   // namespace

TEST_CASE("bulk: an account and the server have so many transfers at once") {
    Quotas quotas(few());
    CHECK(limit_of(quotas.begin("a@x", 0)).empty());
    CHECK(limit_of(quotas.begin("a@x", 0)).empty());
    CHECK(limit_of(quotas.begin("a@x", 0)) == "bulk.transfers_per_account_max");
    CHECK(limit_of(quotas.begin("b@x", 0)).empty());
    CHECK(limit_of(quotas.begin("c@x", 0)) == "bulk.transfers_max");
    CHECK(quotas.running() == 3);
    quotas.end("a@x", 1);
    CHECK(quotas.running() == 2);
    CHECK(limit_of(quotas.begin("c@x", 1)).empty());
    // A second end of the same is none.
    quotas.end("c@x", 1);
    quotas.end("c@x", 1);
    CHECK(quotas.running() == 2);
}

TEST_CASE("bulk: bytes count within a window that begins with the first of them") {
    Quotas quotas(few());
    REQUIRE(!quotas.begin("a@x", 5'000));
    CHECK(quotas.take("a@x", 1000, 6'000));
    CHECK(!quotas.take("a@x", 1, 15'999));
    const auto refused = quotas.begin("a@x", 15'999);
    CHECK(limit_of(refused) == "bulk.bytes_per_account_max");
    CHECK(refused->retry_ms == 1U);
    CHECK(limit_of(quotas.begin("b@x", 15'999)).empty());   // another account's are its own
    CHECK(quotas.take("a@x", 1, 16'000));
    CHECK(limit_of(quotas.begin("a@x", 16'001)).empty());
}

TEST_CASE("bulk: accounts without transfers and bytes are forgotten") {
    Quotas quotas(few());
    for (const char* account : {"a@x", "b@x", "c@x"}) {
        REQUIRE(!quotas.begin(account, 0));
        CHECK(quotas.take(account, 10, 0));
        quotas.end(account, 1);
    }
    CHECK(quotas.accounts() == 3);
    quotas.tidy(9'999, 100);
    CHECK(quotas.accounts() == 3);
    quotas.tidy(10'000, 2);
    CHECK(quotas.accounts() == 1);
    quotas.tidy(10'000, 2);
    CHECK(quotas.accounts() == 0);
    CHECK(limit_of(quotas.begin("d@x", 0)).empty());
    quotas.end("d@x", 0);
    CHECK(quotas.accounts() == 0);
}

TEST_CASE("bulk: without a bound any number of bytes passes") {
    BulkSettings settings = few();
    settings.bytes_per_account_max = 0;
    Quotas quotas(settings);
    REQUIRE(!quotas.begin("a@x", 0));
    CHECK(quotas.take("a@x", UINT64_MAX / 2, 0));
    CHECK(quotas.take("a@x", UINT64_MAX / 2, 0));
    CHECK(!quotas.begin("a@x", 0));
}

TEST_CASE("bulk: the audit tells from whom, to whom, what, how much and why it ended") {
    Transfer transfer;
    transfer.id = 7;
    transfer.kind = Kind::S5b;
    transfer.from = *xml::Jid::parse("a@grid.example/x");
    transfer.to = *xml::Jid::parse("b@grid.example/y");
    transfer.account = "a@grid.example";
    transfer.address = "192.0.2.1:5";
    transfer.what = "sid1";
    transfer.rule = "policy 1, line 2";
    transfer.size = 10;
    const audit::Record begun = start_record(transfer);
    CHECK(begun.outcome == audit::Outcome::Allow);
    CHECK(begun.operation == "bulk-start");
    CHECK(begun.actor == "a@grid.example");
    CHECK(begun.target == "b@grid.example/y");
    CHECK(begun.rule == "policy 1, line 2");
    CHECK(begun.detail == "#7 s5b sid1, 10 bytes announced");
    transfer.state = bulk::State::Revoked;
    transfer.bytes = 5;
    transfer.detail = "the certificate was revoked";
    const audit::Record ended = end_record(transfer);
    CHECK(ended.operation == "bulk-end");
    CHECK(ended.detail == "#7 s5b sid1, 5 bytes: revoked (the certificate was revoked)");
    // The client of a download is the one that gets it.
    transfer.kind = Kind::Download;
    std::swap(transfer.account, transfer.what);
    transfer.account = "b@grid.example";
    CHECK(end_record(transfer).operation == "download");
    CHECK(end_record(transfer).target == "a@grid.example/x");
    CHECK(refusal_record(transfer).outcome == audit::Outcome::Deny);
}

TEST_CASE("bulk: every state and kind has a word of its own") {
    std::set<std::string_view> words, descriptions;
    for (std::size_t i = 0; i < state_count; ++i) {
        words.insert(to_string(static_cast<bulk::State>(i)));
        descriptions.insert(describe(static_cast<bulk::State>(i)));
    }
    CHECK(words.size() == state_count);
    CHECK(descriptions.size() == state_count);
    CHECK(to_string(bulk::State::Stopped) == "stopped");
    CHECK(to_string(Kind::History) == "history");
}

namespace {

struct Grid {
    policy::Policy policy{"grid.example"};
    Account account;
    std::string failure;

    explicit Grid(const std::string& text) {
        account.jid = "a@grid.example";
        account.groups = {"sensors"};
        account.state = AccountState::Enabled;
        auto parsed = policy.parse(text);
        if (!parsed.ok()) failure = parsed.errors.front().text;
    }
};

/// Whether `a`, in group sensors, may send bulk data to that account, in that group.
bool may(const std::string& text, const std::string& to, const Groups& of = {}) {
    const Grid grid(text);
    REQUIRE(grid.failure.empty());
    const auto in_force = grid.policy.imagined(text, 0);
    policy::Object object{to, {}, {}, of};
    return in_force->of(grid.account, policy::Right::BulkTo, object, policy::SessionFacts{})
        .allowed;
}

bool may_about(const std::string& text, const std::string& topic) {
    const auto in_force = Grid(text).policy.imagined(text, 0);
    return in_force->of(Grid(text).account, policy::Right::Bulk, topic).allowed;
}

}   // namespace

TEST_CASE("bulk: a rule of the policy names clients or groups, or topics, or everything") {
    CHECK(may("allow group sensors to bulk group desks", "b@grid.example", {"desks"}));
    CHECK(!may("allow group sensors to bulk group desks", "b@grid.example", {"others"}));
    CHECK(!may("allow group others to bulk group desks", "b@grid.example", {"desks"}));
    CHECK(may("allow any to bulk on client b, c", "b@grid.example"));
    CHECK(!may("allow any to bulk on client b, c", "d@grid.example"));
    CHECK(may("allow any to message, bulk client b", "b@grid.example"));
    CHECK(may("allow any to bulk on any", "b@grid.example"));
    CHECK(may("allow any to any on any", "b@grid.example"));
    CHECK(!may("deny any to bulk client b\nallow any to any on any", "b@grid.example"));
    // About topics: no client is named so.
    for (const char* text :
         {"allow any to bulk on *", "allow any to bulk on b@grid.example", "allow any to any on *",
          "allow any to bulk on service *", "allow any to message any",
          "allow any to query, bulk on type *"}) {
        INFO(text);
        CHECK(!may(text, "b@grid.example"));
    }
    CHECK(may_about("allow any to bulk on b@grid.example", "b@grid.example"));
    CHECK(may_about("allow any to bulk on \"group\"", "group"));
    CHECK(!may_about("allow any to bulk client *", "b@grid.example"));
    CHECK(!may_about("allow any to message, bulk any", "t"));
}

TEST_CASE("bulk: what reads like a typo is no policy") {
    for (const char* text :
         {"allow any to query, bulk group desks", "allow any to message, query client b",
          "allow any to bulk group", "allow any to bulk client b type x",
          "allow any to bulk group desks client b"}) {
        INFO(text);
        CHECK(!Grid(text).failure.empty());
    }
}

TEST_CASE("bulk: whether an account may send to anybody") {
    const auto may_some = [](const std::string& text) {
        const auto in_force = Grid(text).policy.imagined(text, 0);
        return in_force->may_some(Grid(text).account, policy::Right::BulkTo);
    };
    CHECK(may_some("allow group sensors to bulk client b network 192.0.2.0/24"));
    CHECK(may_some("allow client a* to bulk any"));
    CHECK(!may_some("allow group others to bulk any"));
    CHECK(!may_some("deny any to bulk any"));
    CHECK(!may_some("allow any to bulk on t"));
    CHECK(!may_some(""));
}

}   // namespace bulk_test
