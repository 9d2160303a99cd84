// tests/unit/storage/cluster_random_test.cpp: three members under random loads and faults.
#include <catch2/catch.hpp>
#include <random>

#include "cluster_harness.hpp"
#include "storage/chain.hpp"
#include "storage/codec.hpp"

namespace cluster_random_test {

using namespace grid::test;

namespace {

struct Submitted {
    std::shared_ptr<MemberFeed> feed;
    MemberId origin = 0;
    Ticket ticket = 0;
    Sender sender;
};

class Schedule {
public:
    explicit Schedule(unsigned seed) : random_(seed), cluster_(3) {}

    void run(int steps) {
        elect();
        for (int i = 0; i < steps; ++i) step();
        heal();
        cluster_.elect(0);
        const bool all_answered = holds_soon([this] {
            return std::ranges::all_of(submitted_, [](const Submitted& one) {
                return one.feed->has(one.ticket);
            });
        });
        REQUIRE(all_answered);
        cluster_.wait_until_applied();
    }

    void check() {
        check_outcomes();
        check_order();
        check_states();
        check_chain();
    }

private:
    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
    std::size_t some_member() { return static_cast<std::size_t>(below(3)); }

    void step() {
        const int dice = below(1'000);
        if (dice < 790) return submit();
        if (dice < 850) return wait_a_little();
        if (dice < 880) return elect();
        if (dice < 910) return cut();
        if (dice < 970) return fault();
        if (dice < 973) return restart();
        ++cluster_.now;
        // Something comes to its end before the next step.
        if (!submitted_.empty()) {
            const Submitted& one = submitted_[random_() % submitted_.size()];
            if (dice < 985) heal();
            if (dice < 985) cluster_.elect(some_member());
            if (dice < 985) one.feed->outcome(one.ticket);
        }
    }

    /// For an outcome that may come, but not for long.
    void wait_a_little() {
        if (submitted_.empty()) return;
        const Submitted& one = submitted_[random_() % submitted_.size()];
        one.feed->has_within(submitted_.back().ticket, std::chrono::milliseconds(5));
        one.feed->has_within(one.ticket, std::chrono::milliseconds(20));
    }

    void submit() {
        const std::size_t member = some_member();
        const std::string key = "n" + std::to_string(below(9));
        Batch batch = put(key, std::to_string(submitted_.size()));
        if (below(3) == 0) {
            const auto found =
                cluster_[member].store->snapshot()->get(Family::Control, key).value();
            batch.expect(Family::Control, key, found ? found->revision : 0);
        }
        if (below(3) == 0)
            batch.put_at_revision(Family::Audit, std::string(9, '\0'), 0, "an audit record");
        if (below(5) == 0)
            batch.put_at_revision(Family::Payload, "p" + std::string(8, '\0'), 1, "a payload");
        if (below(7) == 0) batch.erase(Family::Index, "i" + key);
        if (below(9) == 0) batch.is_volatile = true;
        batch.event = "e" + std::to_string(submitted_.size());
        const Sender sender = sender_at(member, static_cast<std::uint64_t>(below(4)));
        const Ticket ticket = cluster_.submit(member, std::move(batch), sender);
        submitted_.push_back({cluster_[member].feed, cluster_[member].id, ticket, sender});
    }

    /// The round of a sender rises when it has heard of a conflict.
    Sender sender_at(std::size_t member, std::uint64_t id) {
        if (id == 0) return {};
        std::uint64_t& round = rounds_[{cluster_[member].id, id}];
        round = std::max<std::uint64_t>(round, 1);
        for (const Submitted& one : submitted_)
            if (one.origin == cluster_[member].id && one.sender.id == id &&
                one.sender.round == round && one.feed->has(one.ticket) &&
                one.feed->outcome(one.ticket).error == Errc::Conflict)
                ++round;
        return {id, round};
    }

    void elect() {
        const std::size_t leader = some_member(), deaf = some_member();
        if (below(2) == 0 && deaf != leader)
            cluster_.elect(leader, deaf);
        else
            cluster_.elect(leader);
    }

    void cut() {
        const MemberId a = cluster_[some_member()].id, b = cluster_[some_member()].id;
        if (a == b) return;
        cluster_.net.cut(a, b);
        if (below(3) != 0) cluster_.net.join(a, b);
    }

    void fault() {
        MemoryLog& log = *cluster_[some_member()].log;
        switch (below(6)) {
            case 0:
                log.unknown_made = 1 + below(2);
                break;
            case 1:
                log.unknown_lost = 1 + below(2);
                break;
            case 2:
                log.is_cut = true;
                break;
            case 3:
                log.delay_ms = below(4);
                break;
            default:
                log.is_cut = false;
        }
    }

    void restart() {
        const std::size_t member = some_member();
        cluster_[member].log->is_cut = false;
        REQUIRE_FALSE(cluster_.open(member));
    }

    void heal() {
        for (std::size_t i = 0; i < 3; ++i) {
            MemoryLog& log = *cluster_[i].log;
            log.is_cut = false;
            log.unknown_lost = log.unknown_made = log.delay_ms = 0;
            for (std::size_t other = 0; other < i; ++other)
                cluster_.net.join(cluster_[i].id, cluster_[other].id);
        }
    }

    void check_outcomes() {
        std::map<std::pair<MemberId, Ticket>, Revision> logged;
        std::set<std::pair<MemberId, std::uint64_t>> numbers;
        for (const LogGroup& group : cluster_.shared->all())
            for (const LogEntry& entry : group.entries) {
                CHECK(numbers.emplace(entry.origin, entry.number).second);
                CHECK(logged.emplace(std::pair(entry.origin, entry.ticket), entry.revision).second);
            }
        std::size_t committed = 0;
        for (const Submitted& one : submitted_) {
            CHECK(one.feed->twice() == 0);
            const Outcome outcome = one.feed->outcome(one.ticket);
            const auto found = logged.find({one.origin, one.ticket});
            if (outcome.committed()) {
                REQUIRE(found != logged.end());
                CHECK(found->second == outcome.revision);
                ++committed;
            } else if (outcome.error != Errc::UnknownOutcome) {
                CHECK((outcome.error == Errc::Conflict || outcome.error == Errc::Closed));
                CHECK(found == logged.end());
            }
        }
        CHECK(committed > submitted_.size() / 10);
    }

    /// Of one sender: in the order of submission, and nothing of a round behind its conflict.
    void check_order() {
        struct Last {
            Revision revision = 0;
            std::uint64_t conflicted_round = 0;
        };
        std::map<std::pair<MemberId, std::uint64_t>, Last> last;
        for (const Submitted& one : submitted_) {
            if (one.sender.id == 0) continue;
            Last& its = last[{one.origin, one.sender.id}];
            const Outcome outcome = one.feed->outcome(one.ticket);
            if (outcome.error == Errc::Conflict)
                its.conflicted_round = std::max(its.conflicted_round, one.sender.round);
            if (!outcome.committed()) continue;
            CHECK(outcome.revision > its.revision);
            CHECK(one.sender.round > its.conflicted_round);
            its.revision = outcome.revision;
        }
    }

    void check_states() {
        const auto expected = cluster_.contents(0);
        for (std::size_t i = 1; i < 3; ++i) CHECK(cluster_.contents(i) == expected);
        // Each has told the same revisions, from where it was opened on.
        const auto longest = cluster_.shared->all();
        std::vector<Revision> all;
        for (const LogGroup& group : longest)
            for (const LogEntry& entry : group.entries) all.push_back(entry.revision);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto told = cluster_[i].feed->revisions();
            REQUIRE(told.size() <= all.size());
            CHECK(std::equal(told.rbegin(), told.rend(), all.rbegin()));
        }
    }

    void check_chain() {
        Chain chain;
        Link head;
        const auto snapshot = cluster_[2].store->snapshot();
        const auto next = [&](std::string_view key, const Record& record) {
            const auto split = split_link(record.value);
            REQUIRE(split);
            head = chain.next(head, key, record.time, split->record);
            CHECK(head == split->link);
            return true;
        };
        REQUIRE_FALSE(snapshot->scan(Family::Audit, {}, {}, false, next));
        CHECK(head.number > 0);
    }

    std::mt19937 random_;
    Cluster cluster_;
    std::vector<Submitted> submitted_;
    std::map<std::pair<MemberId, std::uint64_t>, std::uint64_t> rounds_;
};

}   // namespace

TEST_CASE("whatever fails, members agree and each batch has one outcome", "[cluster]") {
    const unsigned seed = GENERATE(1U, 2U, 3U, 4U);
    INFO("seed " << seed);
    Schedule schedule(seed);
    schedule.run(700);
    schedule.check();
}

TEST_CASE("whatever fails: many seeds", "[.][cluster-long]") {
    const unsigned seed = GENERATE(range(1'000U, 1'060U));
    INFO("seed " << seed);
    Schedule schedule(seed);
    schedule.run(1'500);
    schedule.check();
}

}   // namespace cluster_random_test
