// tests/unit/server/bulk/transfers_test.cpp: transfers begin within quotas and rights, and end with
// the right, the account, the certificate, the session, or when they do not move.
#include "server/bulk/transfers.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "controller/controller.hpp"
#include "controller/state.hpp"
#include "enabled_accounts.hpp"
#include "server/session/registry.hpp"
#include "storage/memory_store.hpp"

namespace transfers_test {

namespace controller = grid::controller;
namespace server = grid::server;
namespace storage = grid::storage;
using controller::bulk::State;
using grid::test::anchor;
using server::bulk::Beginning;
using server::bulk::Begun;
using server::bulk::RunningPtr;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string ann = "ann@grid.example", bob = "bob@grid.example";

controller::bulk::Settings small() {
    controller::bulk::Settings settings;
    settings.transfers_max = 2;
    settings.bytes_per_account_max = 100'000;
    settings.bytes_per_second_per_account = 10'000;
    settings.idle_seconds_max = 10;
    settings.seconds_max = 100;
    settings.recent_max = 2;
    return settings;
}

/// Two enabled accounts, and work that is posted waits for `run`.
class TransferStage {
public:
    TransferStage() {
        memory_.start([this](const std::vector<storage::FeedEntry>& entries) { follow(entries); });
        grid::test::submit(
            memory_, controller_.bootstrap("allow group administrators to bulk any\n", {})
        );
        for (const std::string& bare : {ann, bob})
            grid::test::enable(controller_, memory_, *grid::xml::Jid::parse(bare));
        transfers.set_revoked([this](const std::vector<std::string>& path) {
            return path.front() == revoked ? "it was revoked" : std::string();
        });
    }

    static grid::pubsub::Principal principal_of(const std::string& bare, std::uint64_t session) {
        grid::pubsub::Principal principal;
        principal.jid = *grid::xml::Jid::parse(bare + "/r");
        principal.session = session;
        principal.issuer = anchor;
        return principal;
    }
    Beginning from_ann_to_bob() {
        Beginning beginning;
        beginning.transfer.account = ann;
        beginning.transfer.from = *grid::xml::Jid::parse(ann + "/r");
        beginning.transfer.to = *grid::xml::Jid::parse(bob + "/r");
        beginning.transfer.what = "sid";
        beginning.parties = {
            {principal_of(ann, 1), {"key:ann", "key:ca"}, 0},
            {principal_of(bob, 2), {"key:bob", "key:ca"}, 0}
        };
        beginning.right = [this, actor = principal_of(ann, 1), to = beginning.transfer.to] {
            return controller_.check_bulk(actor, to);
        };
        beginning.cut = [this](State why, const std::string&) {
            cuts.emplace_back(controller::bulk::to_string(why));
        };
        return beginning;
    }
    RunningPtr begins() {
        Begun begun = transfers.begin_now(from_ann_to_bob());
        REQUIRE(begun.has_value());
        return *begun;
    }
    void run() {
        while (!posted_.empty()) {
            const auto work = std::move(posted_.front());
            posted_.pop_front();
            work();
        }
    }
    void replace_policy(const std::string& text) {
        grid::pubsub::Context context;
        context.actor = grid::pubsub::Principal::system();
        memory_.submit(1, {}, controller_.state_for_admin().policy.replace(text, context));
        transfers.rights_changed();
        run();
    }
    std::string last_end() const {
        const auto recent = transfers.recent();
        return recent.empty() ? "" : std::string(to_string(recent.front().state));
    }

    std::vector<std::string> cuts;
    std::string revoked;

private:
    void follow(const std::vector<storage::FeedEntry>& entries) {
        for (const auto& entry : entries)
            for (const storage::KeyChange& change : grid::test::changes_of(entry))
                controller_.apply(change);
    }

    storage::MemoryStore memory_;
    server::SessionRegistry sessions_{10};
    controller::Controller controller_{grid::test::controller_settings(), sessions_};
    std::deque<std::function<void()>> posted_;

public:
    server::bulk::Transfers transfers{
        [this](std::function<void()> work) { posted_.push_back(std::move(work)); }, controller_,
        small()
    };
};

}   // namespace

TEST_CASE_METHOD(TransferStage, "transfers: one begins, moves bytes, and ends once") {
    const RunningPtr running = begins();
    REQUIRE(transfers.running().size() == 1);
    CHECK(
        transfers.running().front().rule == "policy 1, line 1: allow group administrators bulk any"
    );
    const auto now = server::TokenBucket::Clock::now();
    CHECK(running->take(1'000, now).pause.count() == 0);
    CHECK(running->take(10'000, now).pause > milliseconds(500));   // 10,000 a second
    CHECK(transfers.running().front().bytes == 11'000);
    transfers.end(running, State::Complete);
    transfers.end(running, State::Lost, "too late");
    CHECK(transfers.running().size() == 1);
    run();
    CHECK(transfers.running().empty());
    CHECK(last_end() == "complete");
    CHECK(transfers.recent().size() == 1);
    CHECK(transfers.recent().front().bytes == 11'000);
    CHECK(cuts.empty());
    CHECK(running->is_ended());
    const auto counters = transfers.counters();
    CHECK(counters.started == 1);
    CHECK(counters.ended.at(static_cast<std::size_t>(State::Complete)) == 1);
    CHECK(counters.bytes.at(0) == 11'000);
}

TEST_CASE_METHOD(TransferStage, "transfers: bounds of number and bytes") {
    const RunningPtr one = begins();
    const RunningPtr two = begins();
    const Begun third = transfers.begin_now(from_ann_to_bob());
    REQUIRE(!third.has_value());
    CHECK(third.error().state == State::Quota);
    CHECK(third.error().limit == "bulk.transfers_max");
    const auto now = server::TokenBucket::Clock::now();
    CHECK(!one->take(100'000, now).is_over);
    CHECK(two->take(1, now).is_over);
    // The carrier says no more than that it stopped.
    transfers.end(two, State::Lost);
    run();
    CHECK(last_end() == "quota");
    const Begun again = transfers.begin_now(from_ann_to_bob());
    REQUIRE(!again.has_value());
    CHECK(again.error().limit == "bulk.bytes_per_account_max");
    CHECK(again.error().retry_ms.has_value());
    CHECK(transfers.counters().refused == 2);
}

TEST_CASE_METHOD(
    TransferStage, "transfers: the policy takes the right, and the transfer ends at once"
) {
    const RunningPtr running = begins();
    replace_policy("allow any to message any\nallow any to bulk any\n");
    CHECK(cuts.empty());
    replace_policy("allow any to bulk client carl\n");
    CHECK(cuts == std::vector<std::string>{"denied"});
    CHECK(running->is_ended());
    CHECK(running->take(1, server::TokenBucket::Clock::now()).is_over);
    CHECK(transfers.recent().front().detail == "default deny");
    const Begun begun = transfers.begin_now(from_ann_to_bob());
    REQUIRE(!begun.has_value());
    CHECK(begun.error().state == State::Denied);
}

TEST_CASE_METHOD(TransferStage, "transfers: either certificate, and a CA above it, is revoked") {
    for (const char* link : {"key:ann", "key:bob", "key:ca"}) {
        INFO(link);
        begins();
        cuts.clear();
        CHECK(transfers.rests_on(link));
        transfers.revoke("key:other");
        CHECK(cuts.empty());
        transfers.revoke(link);
        CHECK(cuts == std::vector<std::string>{"revoked"});
        CHECK(!transfers.rests_on(link));
    }
    // Of a revocation that was known before.
    revoked = "key:bob";
    CHECK(!transfers.begin_now(from_ann_to_bob()).has_value());
    Beginning expired = from_ann_to_bob();
    revoked.clear();
    expired.parties.back().valid_until = 1;
    const Begun begun = transfers.begin_now(std::move(expired));
    REQUIRE(!begun.has_value());
    CHECK(begun.error().state == State::Revoked);
}

TEST_CASE_METHOD(
    TransferStage, "transfers: a session that the server ends takes its transfers along"
) {
    begins();
    server::Session session;
    session.id = 3;
    session.jid = *grid::xml::Jid::parse("carl@grid.example/r");
    transfers.session_ended(session);
    CHECK(cuts.empty());
    session.id = 2;
    transfers.session_ended(session);
    CHECK(cuts == std::vector<std::string>{"ended"});
    // Of one that is not there any more the address is known.
    const RunningPtr next = begins();
    transfers.address_ended(*grid::xml::Jid::parse("carl@grid.example/elsewhere"));
    CHECK_FALSE(next->is_ended());
    transfers.address_ended(from_ann_to_bob().parties.front().principal.jid);
    CHECK(next->is_ended());
    CHECK(last_end() == "ended");
}

TEST_CASE_METHOD(
    TransferStage,
    "transfers: one that moves a byte a second is idle, one that goes on for ever ends"
) {
    const auto began = server::TokenBucket::Clock::now();
    const RunningPtr slow = begins();
    for (int second = 1; second <= 10; ++second) {
        slow->take(1, began);
        transfers.tick(began + seconds(second));
    }
    CHECK(cuts.empty());
    transfers.tick(began + seconds(12));
    CHECK(cuts == std::vector<std::string>{"idle"});
    const RunningPtr steady = begins();
    for (int second = 1; second < 200 && !steady->is_ended(); second += 5) {
        steady->take(1'024, began);
        transfers.tick(began + seconds(second));
        CHECK(second <= 106);
    }
    CHECK(last_end() == "too-long");
}

TEST_CASE_METHOD(TransferStage, "transfers: the server stops") {
    begins();
    begins();
    transfers.stop();
    CHECK(cuts == std::vector<std::string>{"stopped", "stopped"});
    const Begun begun = transfers.begin_now(from_ann_to_bob());
    REQUIRE(!begun.has_value());
    CHECK(begun.error().state == State::Stopped);
}

}   // namespace transfers_test
