// tests/unit/server/session/allowance_test.cpp: tokens, pauses and the end of a flood, by a clock
// of the test.
#include "server/session/allowance.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace allowance_test {

using namespace grid::server;
using namespace std::chrono_literals;
using Time = TokenBucket::Clock::time_point;

namespace {

const Time start(1h);

std::shared_ptr<RateBuckets> account_of(const Rates& rates) {
    return std::make_shared<RateBuckets>(rates, Rates::account_share);
}

/// A client that sends as soon as it is read.
struct Sender {
    explicit Sender(const Rates& rates) : Sender(rates, account_of(rates)) {}
    Sender(const Rates& rates, std::shared_ptr<RateBuckets> account)
        : allowance(rates, std::move(account), counts) {}
    Allowance::Verdict sends(Sent sent) {
        const auto verdict = allowance.draw(sent, now);
        now += verdict.pause;
        return verdict;
    }
    FloodCounts counts;
    Allowance allowance;
    Time now = start;
};

}   // namespace

TEST_CASE("a full bucket gives its burst, then as many tokens as come") {
    TokenBucket bucket(100, 2s);
    CHECK(bucket.is_full(start));
    CHECK(bucket.take(200, start) == 0s);
    CHECK_FALSE(bucket.is_full(start));
    CHECK(bucket.take(1, start) == 10ms);
    CHECK(bucket.take(1, start + 10ms) == 10ms);
    CHECK(bucket.take(50, start + 1s) == -480ms);   // 98 have come
    CHECK(bucket.take(49, start + 1s) == 10ms);
}

TEST_CASE("a bucket is full again after a burst's time, and no fuller after a day") {
    TokenBucket bucket(100, 2s);
    bucket.take(200, start);
    CHECK_FALSE(bucket.is_full(start + 2s - 1ns));
    CHECK(bucket.is_full(start + 2s));
    CHECK(bucket.take(200, start + 24h) == 0s);
    CHECK(bucket.take(1, start + 24h) == 10ms);
}

TEST_CASE("more than a burst is taken at once, and paid for in time") {
    TokenBucket bucket(100, 1s);
    CHECK(bucket.take(1'000, start) == 9s);
    CHECK(bucket.take(0, start + 9s - 1ms) == 1ms);
    CHECK(bucket.take(0, start + 9s) == 0s);
}

TEST_CASE("a bucket of rate 0 has no bound") {
    TokenBucket bucket(0, 2s);
    CHECK(bucket.take(1'000'000'000'000, start) < 0s);
    CHECK(bucket.is_full(start));
}

TEST_CASE("a clock that stands still, or an earlier time, gives no tokens") {
    TokenBucket bucket(100, 1s);
    bucket.take(100, start + 1s);
    CHECK(bucket.take(1, start) == 1s + 10ms);
}

TEST_CASE("takers on several threads take each token once") {
    TokenBucket bucket(1'000, 1s);
    std::vector<std::thread> takers;
    for (int i = 0; i < 4; ++i)
        takers.emplace_back([&bucket] {
            for (int k = 0; k < 1'000; ++k) bucket.take(1, start);
        });
    for (auto& taker : takers) taker.join();
    CHECK(bucket.take(0, start) == 3s);
}

TEST_CASE("the stricter of stanzas and bytes counts") {
    Rates rates{.stanzas_per_second = 10, .bytes_per_second = 1'000};
    Sender few(rates), large(rates);
    CHECK(few.sends({20, 20}).pause == 1s);
    CHECK(large.sends({1, 3'000}).pause == 2s);
}

TEST_CASE("an account's sessions share four times a session's rate") {
    Rates rates{.stanzas_per_second = 10};
    const auto account = account_of(rates);
    std::vector<std::unique_ptr<Sender>> senders;
    for (int i = 0; i < 5; ++i) senders.push_back(std::make_unique<Sender>(rates, account));
    for (int i = 0; i < 4; ++i)
        CHECK(senders[static_cast<std::size_t>(i)]->sends({10, 0}).pause == 0s);
    CHECK(senders[4]->sends({10, 0}).pause == 250ms);
}

TEST_CASE("a session is slowed down to its rate, and told of once") {
    Sender sender(Rates{.stanzas_per_second = 100});
    sender.sends({100, 0});
    int told = 0;
    for (int i = 0; i < 100; ++i) told += sender.sends({10, 0}).is_first ? 1 : 0;
    CHECK(sender.now - start == 10s);
    CHECK(told == 1);
    CHECK(sender.counts.slowed == 1);
}

TEST_CASE("a flood is cut off when it has gone on for its time without a break") {
    Sender sender(Rates{.stanzas_per_second = 100, .flood_max = 5s});
    sender.sends({100, 0});
    while (!sender.sends({10, 0}).is_flood) REQUIRE(sender.now - start < 6s);
    // The pauses before the verdict that ends it are those five seconds.
    CHECK(sender.now - start == 5s + 100ms);
    CHECK(sender.counts.cut == 1);
}

TEST_CASE("a read without a whole stanza is no break of a flood") {
    Sender sender(Rates{.stanzas_per_second = 100, .flood_max = 5s});
    sender.sends({100, 0});
    while (!sender.sends({10, 1'000}).is_flood) {
        REQUIRE(sender.now - start < 6s);
        CHECK(sender.sends({0, 50}).pause == 0s);
    }
    CHECK(sender.counts.slowed == 1);
}

TEST_CASE("a session that sends less than its rate after a flood has made a break in time") {
    Sender sender(Rates{.stanzas_per_second = 100, .flood_max = 5s});
    sender.sends({200, 0});
    for (int i = 0; i < 20; ++i, sender.now += 100ms) sender.sends({5, 0});
    CHECK(sender.sends({101, 0}).is_first);
    CHECK(sender.counts.slowed == 2);
}

TEST_CASE("a session within its rate, or with a break, is never cut off") {
    Rates rates{.stanzas_per_second = 100, .flood_max = 5s};
    SECTION("within its rate") {
        Sender sender(rates);
        for (int i = 0; i < 1'000; ++i, sender.now += 100ms)
            REQUIRE_FALSE(sender.sends({10, 0}).is_first);
    }
    SECTION("a break every four seconds") {
        Sender sender(rates);
        for (int i = 0; i < 100; ++i, sender.now += Allowance::break_min)
            for (const Time begin = sender.now; sender.now < begin + 4s;)
                REQUIRE_FALSE(sender.sends({100, 0}).is_flood);
        CHECK(sender.counts.slowed > 50);
    }
    SECTION("without a bound for floods") {
        rates.flood_max = 0s;
        Sender sender(rates);
        while (sender.now < start + 1h) REQUIRE_FALSE(sender.sends({100, 0}).is_flood);
    }
}

TEST_CASE("who shares an account with a flood, and is quiet, is slowed down and never cut off") {
    Rates rates{.stanzas_per_second = 10, .flood_max = 5s};
    const auto account = account_of(rates);
    Sender quiet(rates, account);
    for (int i = 0; i < 100; ++i) {
        account->take({80, 0}, quiet.now);   // by others, who do not care
        const auto verdict = quiet.sends({1, 0});
        REQUIRE_FALSE(verdict.is_flood);
        quiet.now += 2s;
    }
}

TEST_CASE("who shares an account with a flood, and sends within the own rate, is never cut off") {
    Rates rates{.stanzas_per_second = 100, .flood_max = 5s};
    const auto account = account_of(rates);
    Sender slow(rates, account);
    while (slow.now < start + 60s) {
        account->take({400, 0}, slow.now);   // by others: the account never has a break
        REQUIRE_FALSE(slow.sends({2, 0}).is_flood);
        slow.now += 500ms;
    }
    CHECK(slow.counts.slowed == 1);
}

TEST_CASE("no debt is longer than a minute") {
    TokenBucket bucket(100, 2s);
    CHECK(bucket.take(1'000'000, start) == TokenBucket::debt_max);
    CHECK(bucket.take(1, start) == TokenBucket::debt_max);
    CHECK(bucket.take(1, start + TokenBucket::debt_max) == 10ms);
}

TEST_CASE("an account that comes again finds its debt") {
    Rates rates{.stanzas_per_second = 10};
    PartedRates parted;
    auto account = account_of(rates);
    account->take({400, 0}, start);
    parted.keep("ann", account, start);
    CHECK(parted.take("bob", start) == nullptr);
    CHECK(parted.take("ann", start) == account);
    CHECK(parted.size() == 0);
}

TEST_CASE("accounts whose buckets are full are forgotten as others come") {
    Rates rates{.stanzas_per_second = 10};
    PartedRates parted;
    for (int i = 0; i < 1'000; ++i) {
        auto account = account_of(rates);
        account->take({40, 0}, start + i * 1ms);
        parted.keep("account " + std::to_string(i), account, start + i * 1ms);
    }
    CHECK(parted.size() > 900);   // full after a second
    for (int i = 0; i < 1'000; ++i) parted.take("nobody", start + 10s);
    CHECK(parted.size() == 0);
    parted.keep("full", account_of(rates), start);
    CHECK(parted.size() == 0);
}

}   // namespace allowance_test
