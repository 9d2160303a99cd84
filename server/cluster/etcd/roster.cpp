// server/cluster/etcd/roster.cpp: the members that are there and the leader, by leases of etcd.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "server/cluster/etcd.hpp"
#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/guard.hpp"
#include "server/cluster/etcd/values.hpp"
#include "server/net/deadline.hpp"

namespace grid::server::cluster {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using net::no_throw;

constexpr auto look_every = 500ms;
constexpr auto pause_before_joining_again = 250ms, pause_before_watching_again = 200ms;
constexpr auto pause_before_asking_again = 100ms;
/// Without word of etcd a lease counts as ended that long after its time: a new leader of etcd
/// gives all leases their full time again.
constexpr auto lease_slack = 3s;
/// etcd grants one and a half times its --election-timeout, of which 50 s are the most.
constexpr std::uint64_t lease_most = 100;   // seconds
constexpr auto take_over_within = 10s;
/// A member that is new to etcd, or that etcd is new to, leaves others so much time to say what
/// they have: each may have found an etcd that was put in place of the one before.
constexpr auto stand_after = 2s;
/// Between two tries of a start that waits.
constexpr auto pause_of_start = 500ms;

std::uint64_t random_lease() {
    std::random_device device;
    const std::uint64_t bits = (std::uint64_t{device()} << 32) | device();
    return (bits >> 1) | 1;   // positive, as etcd has them
}

storage::MemberId random_member_id() {
    std::random_device device;
    storage::MemberId id = 0;
    while (id == 0) id = (storage::MemberId{device()} << 32U) | device();
    return id;
}

EtcdError lasting_refusal(std::string text) {
    return {EtcdError::Kind::Refused, 0, std::move(text), false, true};
}

/// The members and the leader at one revision.
struct Sight {
    std::uint64_t revision = 0;
    std::map<std::string, EtcdRecord> members;   // by key
    std::optional<EtcdRecord> leader;
};

std::optional<Sight> sight_of(const json::object& answer) {
    auto members = records_of(answer, 0), leaders = records_of(answer, 1);
    if (!members || !leaders) return std::nullopt;
    Sight sight;
    sight.revision = revision_of(answer);
    for (EtcdRecord& record : *members) {
        std::string key = record.key;
        sight.members.emplace(std::move(key), std::move(record));
    }
    if (!leaders->empty()) sight.leader = std::move(leaders->front());
    return sight;
}

/// A key without a lease is of no member: it would be waited for without end.
std::vector<Member> members_in(const std::map<std::string, EtcdRecord>& records) {
    std::vector<Member> members;
    for (const auto& [key, record] : records)
        if (auto member = decode_member(record.value); member && record.lease != 0)
            members.push_back(std::move(*member));
    return members;
}

/// Records that were there before and did not go in between: a key that was made anew has another
/// creation revision.
std::map<std::string, EtcdRecord> stayed(
    const std::map<std::string, EtcdRecord>& before, const std::map<std::string, EtcdRecord>& after
) {
    std::map<std::string, EtcdRecord> both;
    for (const auto& [key, record] : after)
        if (const auto old = before.find(key);
            old != before.end() && old->second.create_revision == record.create_revision)
            both.emplace(key, record);
    return both;
}

bool same(const std::map<std::string, EtcdRecord>& a, const std::map<std::string, EtcdRecord>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.first == y.first && x.second.mod_revision == y.second.mod_revision;
    });
}

class EtcdRoster : public Roster {
public:
    EtcdRoster(const EtcdSettings& settings, const Member& self, Log& log);
    ~EtcdRoster() override;

    /// Takes the member's name; waits for the lease of an earlier start.
    std::optional<EtcdError> take_name();
    /// The thread begins, and the lease is kept.
    void keep();
    void start(RosterEvents events) override;
    void update(const Member& self) override;
    void look_again(std::function<void()> seen) override;
    void resign() override;
    void campaign() override;
    void take_lead() override;
    storage::MemberId id() const override { return self_id_; }
    std::chrono::milliseconds since_heard() const override;

private:
    template <class T>
    using Awaitable = asio::awaitable<T>;
    using Failure = std::optional<EtcdError>;

    // The lease.
    Awaitable<void> keep_lease();
    Awaitable<Failure> grant();
    Awaitable<Failure> register_name();
    json::object name_request(json::array compare) const;
    void note_registered(std::uint64_t revision, EtcdClock::time_point asked);
    Awaitable<void> try_to_take_name(Failure& failure);
    Awaitable<void> join();
    Awaitable<void> renew();
    Awaitable<void> pause(EtcdClock::duration duration);
    void lose(const std::string& reason);
    Awaitable<void> publish();
    Awaitable<void> publish_once();
    EtcdClock::time_point until() const { return EtcdClock::now() + settings_.timeout; }
    std::string own_key() const { return keys_.member(self_.name); }

    // The sight of the others.
    Awaitable<void> look();
    Awaitable<void> watch();
    Awaitable<bool> look_once();
    void look_soon();
    /// The revisions of etcd that were known when a question was asked.
    struct Known {
        std::uint64_t newest = 0, registered = 0;
    };
    bool is_another_etcd(const Sight& sight, const Known& known) const;
    Awaitable<void> see(Sight sight);
    bool may_stand(const Sight& sight) const;
    void keep_record(const std::map<std::string, EtcdRecord>& members);
    void tell_members(const std::map<std::string, EtcdRecord>& members);
    void tell_leader(const std::optional<EtcdRecord>& leader);
    Awaitable<void> stand();
    Awaitable<void> take_over();
    Awaitable<void> step_down();

    EtcdSettings settings_;
    EtcdKeys keys_;
    Log& log_;
    Member self_;
    std::atomic<storage::MemberId> self_id_;
    RosterEvents events_;

    asio::io_context context_{1};
    EtcdClient lease_client_, client_;   // the first one for renewals alone
    EtcdCaller farewell_;
    asio::steady_timer look_timer_;
    bool look_is_due_ = false;
    std::vector<std::function<void()>> waiting_for_look_;   // that begins behind their call
    bool is_publishing_ = false, publish_again_ = false;
    std::string registered_;   // the value of the key, as this member wrote or found it last
    std::uint64_t registered_at_ = 0;   // at that revision of etcd
    std::uint64_t newest_ = 0;          // revision that a sight had
    EtcdClock::time_point may_stand_at_;

    std::uint64_t lease_ = 0;       // 0: none
    std::uint64_t abandoned_ = 0;   // to be revoked before the next one
    EtcdClock::duration ttl_ = 2s;
    EtcdClock::time_point confirmed_;   // the lease lived when this was asked
    std::atomic<EtcdClock::rep> heard_;

    bool has_name_ = false;   // others may know the id
    bool is_candidate_ = true;
    std::optional<EtcdClock::time_point> taking_until_;   // the lead from another member
    std::map<std::string, EtcdRecord> told_members_;
    bool has_told_members_ = false;
    std::optional<std::uint64_t> told_leader_;   // the revision of its key; 0: none
    storage::MemberId leader_ = 0;
    bool is_elected_ = false;

    std::thread thread_;
};

EtcdRoster::EtcdRoster(const EtcdSettings& settings, const Member& self, Log& log)
    : settings_(settings),
      keys_(settings.prefix),
      log_(log),
      self_(self),
      self_id_(self.id),
      lease_client_(context_.get_executor(), settings, log),
      client_(context_.get_executor(), settings, log),
      farewell_(settings, log),
      look_timer_(context_),
      heard_(EtcdClock::now().time_since_epoch().count()) {}

EtcdRoster::~EtcdRoster() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    const std::uint64_t lease = lease_ != 0 ? lease_ : abandoned_;
    if (lease == 0) return;
    const auto answer =
        farewell_.call("/v3/lease/revoke", json::object{{"ID", std::to_string(lease)}});
    if (!answer) log_.warn("etcd_lease_left", {{"reason", server::quoted(answer.error().text)}});
}

std::chrono::milliseconds EtcdRoster::since_heard() const {
    const EtcdClock::time_point heard{EtcdClock::duration(heard_.load())};
    return std::chrono::duration_cast<std::chrono::milliseconds>(EtcdClock::now() - heard);
}

asio::awaitable<void> EtcdRoster::pause(EtcdClock::duration duration) {
    asio::steady_timer timer(context_, duration);
    co_await timer.async_wait(no_throw);
}

/// The name of the lease is ours, so that asking twice makes one.
asio::awaitable<EtcdRoster::Failure> EtcdRoster::grant() {
    if (abandoned_ != 0) {
        const auto revoked = co_await lease_client_.call(
            "/v3/lease/revoke", json::object{{"ID", std::to_string(abandoned_)}}, until()
        );
        if (!revoked && !revoked.error().is(grpc::not_found)) co_return revoked.error();
        abandoned_ = 0;
    }
    const std::uint64_t lease = random_lease();
    const auto asked = EtcdClock::now();
    const auto answer = co_await lease_client_.call(
        "/v3/lease/grant",
        json::object{
            {"ID", std::to_string(lease)}, {"TTL", std::to_string(settings_.lease.count())}
        },
        until()
    );
    // Failed precondition: an earlier try of this call made it.
    if (!answer && !answer.error().is(grpc::failed_precondition)) {
        abandoned_ = lease;
        co_return answer.error();
    }
    lease_ = lease;
    const std::uint64_t seconds = answer ? number_in(*answer, "TTL") : 0;
    ttl_ = seconds == 0 ? settings_.lease : std::chrono::seconds(std::min(seconds, lease_most));
    confirmed_ = asked;
    co_return std::nullopt;
}

json::object EtcdRoster::name_request(json::array compare) const {
    const std::string number = keys_.number(number_of(self_.id));
    return txn_request(
        std::move(compare),
        {putting(put_request(own_key(), registered_, lease_)),
         putting(put_request(number, self_.name, lease_))},
        {ranged(range_request(own_key())), ranged(range_request(number))}
    );
}

void EtcdRoster::note_registered(std::uint64_t revision, EtcdClock::time_point asked) {
    registered_at_ = revision;
    may_stand_at_ = EtcdClock::now() + stand_after;
    heard_ = asked.time_since_epoch().count();
}

/// Puts the keys of name and number when no other member has them. A try whose answer was lost is
/// found by its lease. An etcd of an earlier time has this member's own keys, under a lease that
/// was lost since: they are its own at once, so that no other one leads there without its word. A
/// number that is taken is drawn anew, with the id, as long as none knows it.
asio::awaitable<EtcdRoster::Failure> EtcdRoster::register_name() {
    // Of its own keys: that of the name is there, that of the number may be.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> earlier;
    for (;;) {
        registered_ = encode_member(self_);
        const std::string number = keys_.number(number_of(self_.id));
        auto request = name_request({
            equals(own_key(), Compared::ModRevision, earlier ? earlier->first : 0),
            equals(number, Compared::ModRevision, earlier ? earlier->second : 0),
        });
        const auto asked = EtcdClock::now();
        const auto answer = co_await lease_client_.call("/v3/kv/txn", std::move(request), until());
        if (!answer) co_return answer.error();
        if (is_set(*answer, "succeeded")) {
            note_registered(revision_of(*answer), asked);
            co_return std::nullopt;
        }
        earlier.reset();
        const auto names = records_of(*answer, 0), numbers = records_of(*answer, 1);
        if (names && !names->empty()) {
            if (names->front().lease == lease_) {
                registered_ = names->front().value;
                note_registered(names->front().mod_revision, asked);
                co_return std::nullopt;
            }
            const auto other = decode_member(names->front().value);
            const bool has_number = numbers && !numbers->empty();
            const bool is_number_taken = has_number && numbers->front().value != self_.name;
            if (other && other->id == self_.id && !is_number_taken) {
                earlier = {
                    names->front().mod_revision, has_number ? numbers->front().mod_revision : 0
                };
                continue;
            }
            co_return lasting_refusal(
                "a member with the name '" + self_.name + "' is there already" +
                (other ? ", at " + other->address : std::string()) +
                ": end it, or give this one another cluster.member"
            );
        }
        if (!numbers || numbers->empty()) {   // the other member ended meanwhile
            co_await pause(pause_before_asking_again);
            continue;
        }
        if (has_name_)
            co_return lasting_refusal(
                "the member " + numbers->front().value +
                " has taken the number of this one: " + "start one of them again"
            );
        self_.id = random_member_id();
        self_id_ = self_.id;
    }
}

/// The lease of an earlier start of this member ends within its time to live.
asio::awaitable<void> EtcdRoster::try_to_take_name(Failure& failure) {
    failure = co_await grant();
    if (failure) co_return;
    const auto last = EtcdClock::now() + ttl_ + lease_slack;
    for (;;) {
        co_await renew();
        if (lease_ == 0) {
            failure = lasting_refusal("the lease ended at once");
            failure->is_lasting = false;
            co_return;
        }
        failure = co_await register_name();
        if (!failure) co_return;
        if (!failure->is_lasting || EtcdClock::now() > last) break;
        co_await pause(200ms);
    }
    abandoned_ = std::exchange(lease_, 0);
}

std::optional<EtcdError> EtcdRoster::take_name() {
    Failure failure;
    bool is_done = false;
    const auto attempt = [](EtcdRoster* roster, Failure* outcome, bool* done) -> Awaitable<void> {
        co_await roster->try_to_take_name(*outcome);
        *done = true;
    };
    context_.restart();   // without work it had stopped
    asio::co_spawn(context_, attempt(this, &failure, &is_done), asio::detached);
    while (!is_done && context_.run_one() != 0) {
    }
    return failure;
}

void EtcdRoster::keep() {
    has_name_ = true;
    context_.restart();
    keep_running(context_, log_, [this] { return keep_lease(); });
    thread_ = std::thread([this] { context_.run(); });
}

void EtcdRoster::start(RosterEvents events) {
    asio::post(context_, [this, events = std::move(events)]() mutable {
        events_ = std::move(events);
        keep_running(context_, log_, [this] { return look(); });
        keep_running(context_, log_, [this] { return watch(); });
    });
}

asio::awaitable<void> EtcdRoster::keep_lease() {
    for (;;) {
        if (lease_ == 0) {
            co_await join();
            if (lease_ == 0) co_await pause(pause_before_joining_again);
            continue;
        }
        // A longer lease than was asked for is renewed as often: that is how etcd is heard, too.
        const auto next = confirmed_ + std::min<EtcdClock::duration>(ttl_, settings_.lease) / 3;
        if (const auto now = EtcdClock::now(); next > now) co_await pause(next - now);
        if (lease_ != 0) co_await renew();
    }
}

asio::awaitable<void> EtcdRoster::join() {
    if (const auto failure = co_await grant()) {
        log_.fold(Level::Warn, "etcd_not_joined", {{"reason", server::quoted(failure->text)}});
        co_return;
    }
    if (const auto failure = co_await register_name()) {
        log_.fold(Level::Warn, "etcd_not_joined", {{"reason", server::quoted(failure->text)}});
        abandoned_ = std::exchange(lease_, 0);
        co_return;
    }
    if (encode_member(self_) != registered_) update(self_);   // an update came meanwhile
    look_soon();
}

/// A process that was stopped finds here that its lease is gone.
asio::awaitable<void> EtcdRoster::renew() {
    const auto asked = EtcdClock::now();
    const auto lease = lease_;
    const auto answer = co_await lease_client_.call(
        "/v3/lease/keepalive", json::object{{"ID", std::to_string(lease)}},
        std::min(until(), std::max(asked + 300ms, confirmed_ + ttl_ + lease_slack))
    );
    if (lease != lease_) co_return;
    if (answer && number_in(*answer, "TTL") != 0) {
        confirmed_ = asked;
        heard_ = asked.time_since_epoch().count();
    } else if (answer || answer.error().is(grpc::not_found)) {
        lose("etcd ended it");
    } else if (EtcdClock::now() > confirmed_ + ttl_ + lease_slack) {
        lose(answer.error().text);
    } else {
        co_await pause(50ms);
    }
}

void EtcdRoster::lose(const std::string& reason) {
    abandoned_ = std::exchange(lease_, 0);
    newest_ = registered_at_ = 0;
    log_.warn("etcd_lease_ended", {{"reason", server::quoted(reason)}});
    if (leader_ == self_.id) {
        leader_ = 0;
        told_leader_.reset();
        is_elected_ = false;
        if (events_.leader) events_.leader(0);
    }
    if (events_.lost) events_.lost();
}

void EtcdRoster::update(const Member& self) {
    asio::post(context_, [this, self] {
        self_ = self;
        if (!is_publishing_ && encode_member(self) == registered_) return;
        if (std::exchange(is_publishing_, true)) {
            publish_again_ = true;
            return;
        }
        asio::co_spawn(context_, publish(), asio::detached);
    });
}

/// Writes the member's key as long as its lease holds it; one write at a time, the newest value.
asio::awaitable<void> EtcdRoster::publish() {
    do {
        publish_again_ = false;
        if (lease_ == 0) break;   // join() writes it
        co_await publish_once();
        co_await pause(200ms);
    } while (publish_again_);
    is_publishing_ = false;
}

/// Only over the value that is known: a write whose answer was lost may arrive when a later one is
/// there, and the members that have read the later one rely on it.
asio::awaitable<void> EtcdRoster::publish_once() {
    const auto lease = lease_;
    std::string value = encode_member(self_);
    auto request = txn_request(
        {equals(own_key(), Compared::Lease, lease),
         equals(own_key(), Compared::ModRevision, registered_at_)},
        {putting(put_request(own_key(), value, lease))}, {ranged(range_request(own_key()))}
    );
    const auto answer = co_await client_.call("/v3/kv/txn", std::move(request), until());
    if (!answer) publish_again_ = true;
    if (!answer || lease != lease_) co_return;
    if (is_set(*answer, "succeeded")) {
        registered_ = std::move(value);
        registered_at_ = revision_of(*answer);
        co_return;
    }
    const auto there = records_of(*answer, 0);
    if (!there || there->empty() || there->front().lease != lease) co_return;
    publish_again_ = true;
    if (there->front().mod_revision < registered_at_) co_return;   // look() finds another etcd
    registered_ = there->front().value;
    registered_at_ = there->front().mod_revision;
}

void EtcdRoster::look_again(std::function<void()> seen) {
    asio::post(context_, [this, seen = std::move(seen)]() mutable {
        waiting_for_look_.push_back(std::move(seen));
        look_soon();
    });
}

void EtcdRoster::look_soon() {
    look_is_due_ = true;
    look_timer_.cancel();
}

/// Reads both parts at one revision, which is linearizable.
asio::awaitable<bool> EtcdRoster::look_once() {
    auto request = txn_request(
        {}, {ranged(range_request(keys_.members(), keys_.members_end(), 0)),
             ranged(range_request(keys_.leader()))}
    );
    const Known known{newest_, registered_at_};
    const auto lease = lease_;
    const auto answer = co_await client_.call("/v3/kv/txn", std::move(request), until());
    auto sight = answer ? sight_of(*answer) : std::nullopt;
    if (!sight || lease != lease_) co_return false;
    if (lease_ != 0 && is_another_etcd(*sight, known))
        lose("etcd is another one, or of an earlier time");
    if (lease_ == 0) co_return false;   // the difference is told when this member is there again
    co_await see(std::move(*sight));
    co_return true;
}

/// When a watch says that something changed, when this member has to know, and now and then in case
/// that a watch is silent.
asio::awaitable<void> EtcdRoster::look() {
    for (;;) {
        look_is_due_ = false;
        auto waiting = std::exchange(waiting_for_look_, {});
        if (co_await look_once()) {
            for (const auto& seen : waiting) seen();
        } else if (!waiting.empty()) {
            std::ranges::move(waiting, std::back_inserter(waiting_for_look_));
            co_await pause(pause_before_asking_again);
            continue;
        }
        if (look_is_due_) continue;
        const auto now = EtcdClock::now();
        const auto next = now + look_every;
        look_timer_.expires_at(may_stand_at_ > now ? std::min(next, may_stand_at_) : next);
        co_await look_timer_.async_wait(no_throw);
    }
}

asio::awaitable<void> EtcdRoster::watch() {
    for (;;) {
        // Two watches on one stream.
        std::string request =
            json::serialize(watch_request(keys_.members(), keys_.members_end(), 0, true)) + "\n" +
            json::serialize(watch_request(keys_.leader(), {}, 0, true));
        auto stream = co_await client_.open_stream("/v3/watch", std::move(request), until());
        while (stream) {
            const auto messages = co_await (*stream)->next();
            if (!messages) break;
            look_soon();
        }
        co_await pause(pause_before_watching_again);
    }
}

/// Revisions do not go back, nor does the member's own record. An etcd in which they do may know
/// the lease and hold a record that says too little: this member makes itself known there anew.
bool EtcdRoster::is_another_etcd(const Sight& sight, const Known& known) const {
    if (sight.revision < std::max(known.newest, known.registered)) return true;
    const auto own = sight.members.find(own_key());
    if (own == sight.members.end()) return known.registered != 0;
    return own->second.mod_revision < known.registered;
}

asio::awaitable<void> EtcdRoster::see(Sight sight) {
    newest_ = std::max(newest_, sight.revision);
    keep_record(sight.members);
    tell_members(sight.members);
    tell_leader(sight.leader);
    if (is_candidate_ && may_stand(sight)) {
        if (!sight.leader && EtcdClock::now() >= may_stand_at_) co_await stand();
        if (sight.leader && taking_until_) co_await take_over();
    }
    if (is_elected_ && !is_candidate_) co_await step_down();
}

bool EtcdRoster::may_stand(const Sight& sight) const {
    return !events_.may_stand || events_.may_stand(members_in(sight.members), !sight.leader);
}

/// An earlier write may come late, behind a later one.
void EtcdRoster::keep_record(const std::map<std::string, EtcdRecord>& members) {
    const auto own = members.find(own_key());
    if (is_publishing_ || own == members.end() || own->second.lease != lease_) return;
    if (own->second.mod_revision <= registered_at_) return;
    registered_ = own->second.value;
    registered_at_ = own->second.mod_revision;
    update(self_);
}

void EtcdRoster::tell_members(const std::map<std::string, EtcdRecord>& members) {
    if (has_told_members_ && same(told_members_, members)) return;
    const auto remaining = stayed(told_members_, members);
    const bool has_lost = remaining.size() != told_members_.size();
    told_members_ = members;
    if (!events_.members) return;
    // A member that came back at once was away, too.
    if (has_told_members_ && has_lost && remaining.size() != members.size())
        events_.members(members_in(remaining));
    has_told_members_ = true;
    events_.members(members_in(members));
}

void EtcdRoster::tell_leader(const std::optional<EtcdRecord>& leader) {
    const std::uint64_t written = leader ? leader->mod_revision : 0;
    if (told_leader_ == written) return;
    told_leader_ = written;
    leader_ = leader ? decode_leader(leader->value) : 0;
    is_elected_ = leader && leader->lease == lease_;
    if (events_.leader) events_.leader(leader_);
    if (is_elected_ && events_.elected) events_.elected();
}

/// The first candidate whose transaction arrives leads.
asio::awaitable<void> EtcdRoster::stand() {
    auto request = txn_request(
        {equals(keys_.leader(), Compared::CreateRevision, 0),
         equals(own_key(), Compared::Lease, lease_)},
        {putting(put_request(keys_.leader(), encode_leader(self_), lease_))}
    );
    co_await client_.call("/v3/kv/txn", std::move(request), until());
    look_soon();
}

/// In one transaction, so that no other candidate comes between.
asio::awaitable<void> EtcdRoster::take_over() {
    if (is_elected_ || EtcdClock::now() > *taking_until_) {
        taking_until_.reset();
        co_return;
    }
    auto request = txn_request(
        {equals(own_key(), Compared::Lease, lease_)},
        {putting(put_request(keys_.leader(), encode_leader(self_), lease_))}
    );
    const auto answer = co_await client_.call("/v3/kv/txn", std::move(request), until());
    if (answer && is_set(*answer, "succeeded")) taking_until_.reset();
    look_soon();
}

void EtcdRoster::take_lead() {
    asio::post(context_, [this] {
        is_candidate_ = true;
        taking_until_ = EtcdClock::now() + take_over_within;
        look_soon();
    });
}

void EtcdRoster::campaign() {
    asio::post(context_, [this] {
        is_candidate_ = true;
        look_soon();
    });
}

void EtcdRoster::resign() {
    asio::post(context_, [this] {
        is_candidate_ = false;
        taking_until_.reset();
        look_soon();
    });
}

asio::awaitable<void> EtcdRoster::step_down() {
    auto request = txn_request(
        {equals(keys_.leader(), Compared::Lease, lease_)},
        {deleting(delete_request(keys_.leader()))}
    );
    co_await client_.call("/v3/kv/txn", std::move(request), until());
    look_soon();
}

}   // namespace

Result<std::unique_ptr<Roster>, std::string> make_roster(
    const EtcdSettings& settings, const Member& self, grid::server::Log& log, const Waiting& waiting
) {
    auto roster = std::make_unique<EtcdRoster>(settings, self, log);
    while (auto failure = roster->take_name()) {
        if (failure->is_lasting || !waiting) return std::move(failure->text);
        waiting(failure->text);
        std::this_thread::sleep_for(pause_of_start);
    }
    roster->keep();
    return std::unique_ptr<Roster>(std::move(roster));
}

}   // namespace grid::server::cluster
