// tests/etcd/etcd_roster_test.cpp: members, leases and leaders in real etcds.
#include <algorithm>
#include <catch2/catch.hpp>

#include "etcd_server.hpp"
#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/values.hpp"

namespace etcd_roster_test {

using namespace grid::test;
using namespace grid::server::cluster;
using namespace std::chrono_literals;
using grid::server::LogSettings;
using grid::storage::MemberId;
namespace json = boost::json;

namespace {

grid::server::Log& quiet_log() {
    static grid::server::Log log{LogSettings{"error", "text"}};
    return log;
}

Member member_of(MemberId id, const std::string& name) {
    return {id, name, "127.0.0.1:" + std::to_string(5000 + id), {}, 0, false};
}

/// A member with what its roster told.
class Seat {
public:
    Seat(const EtcdSettings& settings, MemberId id, const std::string& name) : id_(id) {
        std::string why;
        const bool is_made = wait_until([&] {
            auto made = make_roster(settings, member_of(id, name), quiet_log());
            if (made)
                roster_ = std::move(*made);
            else
                why = made.error();
            return roster_ != nullptr;
        });
        if (!is_made) throw std::runtime_error(why);
        roster_->start({
            [this](std::vector<Member> members) {
                const std::lock_guard lock(mutex_);
                members_.push_back(std::move(members));
            },
            [this](MemberId leader) { leader_ = leader; },
            [this] { ++elected_; },
            [this] { ++lost_; },
            [this](const std::vector<Member>&, bool) { return may_stand_.load(); },
        });
    }

    void leave() { roster_.reset(); }
    Roster& roster() { return *roster_; }
    MemberId id() const { return id_; }
    MemberId leader() const { return leader_; }
    int elected() const { return elected_; }
    int lost() const { return lost_; }
    void may_stand(bool may) { may_stand_ = may; }
    bool leads() const { return leader_ == id_ && elected_ > 0; }
    /// The names that were told last, one behind the other.
    std::string names() const {
        const std::lock_guard lock(mutex_);
        return members_.empty() ? "none" : joined(members_.back());
    }
    /// All that was told, in its order.
    std::vector<std::string> history() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> all;
        for (const auto& members : members_) all.push_back(joined(members));
        return all;
    }
    std::vector<Member> members() const {
        const std::lock_guard lock(mutex_);
        return members_.empty() ? std::vector<Member>() : members_.back();
    }

private:
    static std::string joined(const std::vector<Member>& members) {
        std::string names;
        for (const Member& member : members) names += member.name;
        return names;
    }

    MemberId id_;
    mutable std::mutex mutex_;
    std::vector<std::vector<Member>> members_;
    std::atomic<MemberId> leader_ = 0;
    std::atomic<int> elected_ = 0, lost_ = 0;
    std::atomic<bool> may_stand_ = true;
    std::unique_ptr<Roster> roster_;   // first to go
};

}   // namespace

TEST_CASE("three members see each other, and one of them leads", "[etcd]") {
    EtcdServers etcd(3);
    const EtcdSettings settings = etcd.settings("three");
    Seat a(settings, 1, "a"), b(settings, 2, "b"), c(settings, 3, "c");
    for (Seat* seat : {&a, &b, &c}) {
        CHECK(wait_until([&] { return seat->names() == "abc"; }));
        CHECK(wait_until([&] { return seat->leader() != 0; }));
        CHECK(seat->leader() == a.leader());
        CHECK(seat->roster().since_heard() < 30s);
    }
    CHECK(a.elected() + b.elected() + c.elected() == 1);

    SECTION("a leader that resigns is followed by another one, until it campaigns again") {
        Seat& first = a.leads() ? a : b.leads() ? b : c;
        first.roster().resign();
        CHECK(wait_until([&] { return first.leader() != first.id() && first.leader() != 0; }));
        Seat& second = a.leads() ? a : b.leads() ? b : c;
        first.roster().campaign();
        for (Seat* seat : {&a, &b, &c})
            if (seat != &first) seat->roster().resign();
        CHECK(wait_until([&] { return first.elected() == 2; }));
        CHECK(wait_until([&] { return second.leader() == first.id(); }));
    }
    SECTION("a leader that leaves gives its place back at once") {
        Seat& first = a.leads() ? a : b.leads() ? b : c;
        Seat& other = a.leads() ? b : a;
        first.leave();
        CHECK(wait_until([&] { return other.leader() != first.id() && other.leader() != 0; }));
        CHECK(wait_until([&] { return other.names().size() == 2; }));
    }
    SECTION("a member tells the others what changes with it") {
        Member self = member_of(2, "b");
        self.flushed_group = 77;
        self.is_draining = true;
        b.roster().update(self);
        CHECK(wait_until([&] {
            const auto members = a.members();
            return members.size() == 3 && members[1].flushed_group == 77 && members[1].is_draining;
        }));
    }
    SECTION("the death of each etcd is no loss of a lease") {
        for (std::size_t i = 0; i < etcd.count(); ++i) {
            etcd.kill(i);
            // Later than the lease would end.
            const auto since = std::chrono::steady_clock::now();
            CHECK(wait_until([&] {
                return std::chrono::steady_clock::now() - since > 5s &&
                       a.roster().since_heard() < 1s;
            }));
            etcd.start(i);
            CHECK(wait_until([&] { return a.roster().since_heard() < 500ms; }));
        }
        CHECK(a.names() == "abc");
        CHECK(wait_until([&] { return a.leader() == b.leader() && b.leader() == c.leader(); }));
    }
}

TEST_CASE("a member that etcd does not hear from is lost, and comes back as a new one", "[etcd]") {
    const EtcdServers etcd;
    LossyRelay relay(etcd.port(0));
    EtcdSettings cut = etcd.settings("cut");
    cut.endpoints = {"http://127.0.0.1:" + std::to_string(relay.port())};
    Seat a(cut, 1, "a");
    CHECK(wait_until([&] { return a.leads(); }));
    Seat b(etcd.settings("cut"), 2, "b");
    CHECK(wait_until([&] { return b.names() == "ab" && a.names() == "ab"; }));

    relay.be_silent(true);
    CHECK(wait_until([&] { return a.lost() == 1; }));
    CHECK(a.leader() == 0);
    CHECK(wait_until([&] { return b.leads() && b.names() == "b"; }));
    CHECK(a.roster().since_heard() > 2s);
    relay.be_silent(false);
    CHECK(wait_until([&] { return b.names() == "ab" && a.leader() == 2; }));
    CHECK(a.elected() == 1);
    CHECK(a.lost() == 1);
    // The others are told of the loss before they are told of the return.
    const auto history = b.history();
    const auto together = std::find(history.begin(), history.end(), "ab");
    const auto alone = std::find(together, history.end(), "b");
    REQUIRE(alone != history.end());
    CHECK(std::find(alone, history.end(), "ab") != history.end());
}

TEST_CASE("members are read behind the call, however late that is", "[etcd]") {
    const EtcdServers etcd;
    LossyRelay relay(etcd.port(0));
    EtcdSettings cut = etcd.settings("anew");
    cut.endpoints = {"http://127.0.0.1:" + std::to_string(relay.port())};
    Seat a(cut, 1, "a"), b(etcd.settings("anew"), 2, "b");
    CHECK(wait_until([&] { return b.names() == "ab" && a.names() == "ab"; }));
    Member self = member_of(2, "b");
    for (std::uint64_t group = 1; group <= 20; ++group) {
        const bool is_cut = group % 10 == 0;
        if (is_cut) relay.be_silent(true);
        self.flushed_group = group;
        b.roster().update(self);
        CHECK(wait_until([&] { return b.members().at(1).flushed_group == group; }));
        std::atomic<bool> is_seen = false;
        std::atomic<std::uint64_t> known = 0;
        a.roster().look_again([&] {
            known = a.members().at(1).flushed_group;
            is_seen = true;
        });
        if (is_cut) {
            std::this_thread::sleep_for(300ms);
            CHECK_FALSE(is_seen);
            relay.be_silent(false);
        }
        CHECK(wait_until([&] { return is_seen.load(); }));
        CHECK(known == group);
    }
    CHECK(a.lost() == 0);
}

TEST_CASE("a record that was written by a late try is put right", "[etcd]") {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("late");
    Seat a(settings, 1, "a");
    CHECK(wait_until([&] { return a.names() == "a"; }));
    const EtcdKeys keys(settings.prefix);
    EtcdCaller caller(settings, quiet_log());
    const auto before = answer_of(caller, "/v3/kv/range", range_request(keys.member("a")));
    const auto lease = records_of(before)->front().lease;
    Member self = member_of(1, "a");
    for (std::uint64_t group = 1; group <= 20; ++group) {
        // Behind this the roster takes another value for the one that is there.
        caller.call(
            "/v3/kv/put", put_request(keys.member("a"), encode_member(member_of(1, "a")), lease)
        );
        self.flushed_group = group;
        a.roster().update(self);
        CHECK(wait_until([&] { return a.members().at(0).flushed_group == group; }));
    }
    CHECK(a.lost() == 0);
}

TEST_CASE("a lease that is revoked is seen by its member", "[etcd]") {
    const EtcdServers etcd;
    Seat a(etcd.settings("revoked"), 1, "a");
    CHECK(wait_until([&] { return a.leads(); }));
    EtcdCaller caller(etcd.settings("revoked"), quiet_log());
    const auto leases = answer_of(caller, "/v3/lease/leases", json::object{});
    const json::value lease = leases.at("leases").at(0).at("ID");
    caller.call("/v3/lease/revoke", json::object{{"ID", lease}});
    CHECK(wait_until([&] { return a.lost() == 1; }));
    CHECK(wait_until([&] { return a.elected() == 2 && a.leader() == 1; }));
}

TEST_CASE("a name has one member", "[etcd]") {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("names");
    Seat a(settings, 1, "a");
    std::string refusal;
    CHECK(wait_until([&] {
        const auto second = make_roster(settings, member_of(2, "a"), quiet_log());
        refusal = second ? "none" : second.error();
        return refusal.find("is there already") != std::string::npos;
    }));
    CHECK_THAT(refusal, Catch::Contains("'a' is there already, at 127.0.0.1:5001"));
    CHECK(a.lost() == 0);
    // The refused one leaves nothing, and a member that left in order leaves its name.
    CHECK(wait_until([&] { return a.names() == "a"; }));
    a.leave();
    Seat again(settings, 3, "a");
    CHECK(wait_until([&] { return again.leads(); }));
}

TEST_CASE("a member that died waits for its own lease when it starts again", "[etcd]") {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("again");
    EtcdCaller caller(settings, quiet_log());
    // The lease and the key that a killed process leaves.
    caller.call("/v3/lease/grant", json::object{{"ID", "4711"}, {"TTL", "4"}});
    answer_of(
        caller, "/v3/kv/put",
        json::object{
            {"key", "L2dyaWRkL2FnYWluL21lbWJlcnMvYQ=="},   // /gridd/again/members/a
            {"value", "eyJpZCI6IjkiLCJuYW1lIjoiYSJ9"},     // {"id":"9","name":"a"}
            {"lease", "4711"}
        }
    );
    Seat a(settings, 1, "a");
    CHECK(wait_until([&] { return a.names() == "a" && a.leads(); }));
    REQUIRE(a.members().size() == 1);
    CHECK(a.members().front().id == 1);
}

TEST_CASE("a member's own keys, as in an etcd of an earlier time, are its own at once", "[etcd]") {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("earlier");
    EtcdCaller caller(settings, quiet_log());
    caller.call("/v3/lease/grant", json::object{{"ID", "4711"}, {"TTL", "600"}});
    const EtcdKeys keys(settings.prefix);
    const auto put = [&](const std::string& key, const std::string& value) {
        answer_of(caller, "/v3/kv/put", put_request(key, value, 4711));
    };
    put(keys.member("a"), encode_member(member_of(1, "a")));
    put(keys.number(number_of(1)), "a");
    const auto begin = std::chrono::steady_clock::now();
    Seat a(settings, 1, "a");
    a.may_stand(false);
    CHECK(wait_until([&] { return a.names() == "a"; }));
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(took < 60s);   // and not as long as that lease
    const auto records =
        records_of(answer_of(caller, "/v3/kv/range", range_request(keys.member("a"))));
    REQUIRE(records);
    REQUIRE(records->size() == 1);
    CHECK(records->front().lease != 4711);
    // Nor does it lead where others have more.
    CHECK(wait_until([&] { return std::chrono::steady_clock::now() - begin > took + 4s; }));
    CHECK(a.elected() == 0);
    a.may_stand(true);
    CHECK(wait_until([&] { return a.leads(); }));
}

TEST_CASE(
    "a member draws another id when its sessions' numbers would be another member's", "[etcd]"
) {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("numbers");
    constexpr MemberId same = MemberId{1} << 20U;
    REQUIRE(number_of(1) == number_of(same));
    Seat a(settings, 1, "a"), b(settings, same, "b");
    CHECK(a.roster().id() == 1);
    CHECK(number_of(b.roster().id()) != number_of(1));
    CHECK(wait_until([&] { return a.members().size() == 2; }));
    const auto members = a.members();
    REQUIRE(members.size() == 2);
    CHECK(members[1].id == b.roster().id());
    a.leave();   // with it goes its number
    Seat c(settings, 1, "c");
    CHECK(c.roster().id() == 1);
}

TEST_CASE("a member that is promoted leads, whoever else is a candidate", "[etcd]") {
    const EtcdServers etcd;
    const EtcdSettings settings = etcd.settings("promoted");
    Seat a(settings, 1, "a"), b(settings, 2, "b"), c(settings, 3, "c");
    CHECK(wait_until([&] { return a.leader() != 0 && b.leader() == a.leader(); }));
    for (Seat* seat : {&c, &a, &b}) {
        seat->roster().take_lead();
        for (Seat* other : {&a, &b, &c})
            CHECK(wait_until([&] { return other->leader() == seat->id(); }));
        CHECK(wait_until([&] { return seat->leads(); }));
    }
}

TEST_CASE("a start waits for an etcd that is to come, and for nothing else", "[etcd]") {
    EtcdServers etcd;
    EtcdSettings settings = etcd.settings("later");
    etcd.kill(0);
    int words = 0;
    std::string why;
    auto roster =
        make_roster(settings, member_of(1, "a"), quiet_log(), [&](const std::string& text) {
            why = text;
            if (++words == 2) etcd.start(0);
        });
    REQUIRE(roster.has_value());
    CHECK(words >= 2);
    CHECK_THAT(why, Catch::Contains("http://127.0.0.1:"));
    // A name that another one has is its own for good.
    const auto second = make_roster(settings, member_of(2, "a"), quiet_log(), [](const auto&) {});
    REQUIRE_FALSE(second.has_value());
    CHECK_THAT(second.error(), Catch::Contains("is there already"));
    // So is a port of https where http is asked.
    settings.endpoints = {"https://127.0.0.1:" + std::to_string(etcd.port(0))};
    settings.ca = settings.certificate = settings.key = "/nowhere";
    const auto third = make_roster(settings, member_of(3, "c"), quiet_log(), [](const auto&) {});
    REQUIRE_FALSE(third.has_value());
    CHECK_THAT(third.error(), Catch::Contains("cluster.etcd_ca"));
}

TEST_CASE("without etcd there is no roster, and the error says where", "[etcd]") {
    EtcdSettings settings;
    settings.endpoints = {"http://127.0.0.1:1"};
    settings.prefix = "none";
    const auto none = make_roster(settings, member_of(1, "a"), quiet_log());
    REQUIRE_FALSE(none.has_value());
    CHECK_THAT(none.error(), Catch::Contains("http://127.0.0.1:1 cannot be connected to"));
    CHECK_THAT(none.error(), Catch::Contains("see whether etcd runs there"));
}

}   // namespace etcd_roster_test
