// tests/etcd/etcd_log_test.cpp: the log of a cluster in real etcds.
#include <catch2/catch.hpp>

#include "etcd_server.hpp"
#include "server/cluster/etcd/client.hpp"

namespace etcd_log_test {

using namespace grid::test;
using namespace grid::server::cluster;
using namespace std::chrono_literals;
using grid::server::LogSettings;
using grid::storage::Errc;
using grid::storage::Logged;
using grid::storage::LogGroup;
using grid::storage::LogHead;
using grid::storage::MemberId;
namespace json = boost::json;

namespace {

grid::server::Log& log_of_tests() {
    static grid::server::Log log{LogSettings{"error", "text"}};
    return log;
}

LogGroup group_of(MemberId leader, std::uint64_t head, std::size_t bytes = 10) {
    LogGroup group;
    group.term = leader;
    group.leader = leader;
    group.before = head - 1;
    group.head = head;
    grid::storage::LogEntry entry;
    entry.revision = head;
    entry.batch.put(grid::storage::Family::Control, "key", std::string(bytes, 'x'));
    group.entries.push_back(entry);
    return group;
}

/// Keeps all that a follower is told.
class Told : public grid::storage::LogFollower {
public:
    void on_groups(std::vector<Logged> groups) override {
        const std::lock_guard lock(mutex_);
        for (Logged& logged : groups) {
            if (logged.number != last_ + 1) has_hole_ = true;
            last_ = logged.number;
            heads_.push_back(logged.group.head);
        }
    }
    void on_heard(std::uint64_t number, EtcdClock::time_point) override {
        const std::lock_guard lock(mutex_);
        if (number != last_) has_hole_ = true;
        heard_ = number;
        ++times_heard_;
    }
    void on_trimmed() override { is_trimmed_ = true; }

    explicit Told(std::uint64_t after = 0) : last_(after) {}
    std::uint64_t last() const { return locked(last_); }
    std::uint64_t heard() const { return locked(heard_); }
    int times_heard() const { return locked(times_heard_); }
    bool has_hole() const { return locked(has_hole_); }
    bool is_trimmed() const { return is_trimmed_; }
    std::vector<std::uint64_t> heads() const { return locked(heads_); }

private:
    template <class T>
    T locked(const T& value) const {
        const std::lock_guard lock(mutex_);
        return value;
    }
    mutable std::mutex mutex_;
    std::uint64_t last_, heard_ = 0;
    int times_heard_ = 0;
    bool has_hole_ = false;
    std::atomic<bool> is_trimmed_ = false;
    std::vector<std::uint64_t> heads_;
};

template <class T>
using Result = grid::storage::Result<T>;

/// A log whose calls are repeated, on a busy machine, until etcd answers in time.
class PatientLog {
public:
    explicit PatientLog(const EtcdSettings& settings)
        : log_(make_etcd_log(settings, log_of_tests())) {}
    Result<LogHead> head() {
        return patiently<LogHead>([&] { return log_->head(); });
    }
    Result<LogHead> append(const LogHead& expected, const LogGroup& group) {
        return patiently<LogHead>([&] { return log_->append(expected, group); });
    }
    Result<std::vector<Logged>> read(std::uint64_t after) {
        return patiently<std::vector<Logged>>([&] { return log_->read(after); });
    }
    Result<void> trim(std::uint64_t number) {
        return patiently<void>([&] { return log_->trim(number); });
    }
    void follow(std::uint64_t after, Told& told) { log_->follow(after, told); }
    void stop_following() { log_->stop_following(); }
    grid::storage::Log& impatient() { return *log_; }

private:
    template <class T>
    static Result<T> patiently(const std::function<Result<T>()>& call) {
        Result<T> result = call();
        wait_until([&] {
            const bool is_answered = result || (result.error() != Errc::UnknownOutcome &&
                                                result.error() != Errc::Unreachable);
            if (!is_answered) result = call();
            return is_answered;
        });
        return result;
    }

    std::unique_ptr<grid::storage::Log> log_;
};

/// Appends so many groups behind `head`.
void append_groups(PatientLog& log, LogHead& head, int count, std::size_t bytes = 10) {
    for (int i = 0; i < count; ++i) {
        const auto now = log.append(head, group_of(7, head.revision + 1, bytes));
        REQUIRE(now.has_value());
        head = *now;
    }
}

EtcdSettings settings_through(const LossyRelay& relay, const std::string& cluster) {
    EtcdSettings settings;
    settings.endpoints = {"http://127.0.0.1:" + std::to_string(relay.port())};
    settings.prefix = cluster;
    return settings;
}

}   // namespace

TEST_CASE("groups are appended behind the head, and read back", "[etcd]") {
    const EtcdServers etcd;
    PatientLog log(etcd.settings("append"));
    const auto empty = log.head();
    REQUIRE(empty.has_value());
    CHECK(empty->version == 0);
    CHECK(empty->groups == 0);
    CHECK(log.read(0)->empty());

    LogHead head = *empty;
    append_groups(log, head, 3);
    CHECK(head.groups == 3);
    CHECK(head.revision == 3);
    const auto now = log.head();
    REQUIRE(now.has_value());
    CHECK(now->version == head.version);
    CHECK(now->groups == 3);
    CHECK(now->term == 7);
    CHECK(now->leader == 7);

    const auto read = log.read(1);
    REQUIRE(read.has_value());
    REQUIRE(read->size() == 2);
    CHECK(read->front().number == 2);
    CHECK(read->front().group.head == 2);
    CHECK(read->back().number == 3);
    CHECK(read->back().version == head.version);
    // Another cluster in the same etcd has a log of its own.
    PatientLog other(etcd.settings("other"));
    CHECK(other.head()->groups == 0);
}

TEST_CASE("a leader that another one has replaced appends nothing", "[etcd]") {
    const EtcdServers etcd;
    PatientLog old(etcd.settings("fence"));
    PatientLog fresh(etcd.settings("fence"));
    LogHead head;
    append_groups(old, head, 2);
    const auto next = fresh.append(head, group_of(8, 3));
    REQUIRE(next.has_value());
    const auto fenced = old.append(head, group_of(7, 3));
    REQUIRE_FALSE(fenced.has_value());
    CHECK(fenced.error() == Errc::Fenced);
    // The same bytes are the same group, at whatever time they are found.
    const auto again = fresh.append(head, group_of(8, 3));
    REQUIRE(again.has_value());
    CHECK(again->version == next->version);
    CHECK(again->groups == 3);
    const auto all = old.read(0);
    REQUIRE(all.has_value());
    CHECK(all->size() == 3);
    CHECK(all->back().group.leader == 8);
}

TEST_CASE("a group whose answer was lost is found by the same call again", "[etcd]") {
    const EtcdServers etcd;
    LossyRelay relay(etcd.port(0));
    PatientLog log(settings_through(relay, "lost"));
    LogHead head;
    append_groups(log, head, 1);
    relay.lose_answers(true);
    const auto unknown = log.impatient().append(head, group_of(7, 2));
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error() == Errc::UnknownOutcome);
    CHECK(relay.lost() > 0);
    relay.lose_answers(false);
    const auto found = log.append(head, group_of(7, 2));
    REQUIRE(found.has_value());
    CHECK(found->groups == 2);
    CHECK(log.head()->version == found->version);
    CHECK(log.read(0)->size() == 2);
    // Once it is trimmed away that cannot be told any more.
    LogHead now = *found;
    append_groups(log, now, 1);
    REQUIRE(log.trim(2).has_value());
    CHECK(log.append(head, group_of(7, 2)).error() == Errc::Trimmed);
}

TEST_CASE("a call of a silent etcd ends in time, and says that the outcome is unknown", "[etcd]") {
    const EtcdServers etcd;
    LossyRelay relay(etcd.port(0));
    EtcdSettings settings = settings_through(relay, "silent");
    PatientLog log(settings);
    LogHead head;
    append_groups(log, head, 1);
    relay.be_silent(true);
    CHECK(log.impatient().head().error() == Errc::Unreachable);
    CHECK(log.impatient().append(head, group_of(7, 2)).error() == Errc::UnknownOutcome);
    relay.be_silent(false);
    append_groups(log, head, 1);
    CHECK(head.groups == 2);

    // With a second endpoint that answers, nothing of it is seen.
    settings.endpoints.push_back(etcd.url(0));
    PatientLog either(settings);
    REQUIRE(either.head().has_value());
    relay.be_silent(true);
    const auto next = either.append(head, group_of(7, 3));
    REQUIRE(next.has_value());
    CHECK(next->groups == 3);
    relay.be_silent(false);
}

TEST_CASE("the largest group is taken, and one beyond the bound is refused", "[etcd]") {
    const EtcdServers etcd;
    PatientLog log(etcd.settings("large"));
    const std::size_t rest = encode(group_of(7, 1, 0)).size() + 16;
    LogHead head;
    append_groups(log, head, 6, grid::storage::log_group_bytes_max - rest);
    CHECK(head.groups == 6);
    const auto refused = log.append(head, group_of(7, 7, grid::storage::log_group_bytes_max + 1));
    CHECK(refused.error() == Errc::TooLarge);
    Told told;
    log.follow(0, told);
    CHECK(wait_until([&] { return told.heard() == 6; }));
    // A large group that comes while the log is watched.
    append_groups(log, head, 2, grid::storage::log_group_bytes_max - rest);
    CHECK(wait_until([&] { return told.heard() == 8; }));
    log.stop_following();
    CHECK_FALSE(told.has_hole());
}

TEST_CASE("a follower is told what there is and what comes, in order", "[etcd]") {
    const EtcdServers etcd;
    PatientLog log(etcd.settings("follow"));
    LogHead head;
    append_groups(log, head, 40);
    Told told(5);
    log.follow(5, told);
    append_groups(log, head, 40);
    CHECK(wait_until([&] { return told.last() == 80; }));
    CHECK(told.heads().size() == 75);
    CHECK(wait_until([&] { return told.heard() == 80; }));
    // The log is heard from while no group comes.
    const int before = told.times_heard();
    CHECK(wait_until([&] { return told.times_heard() > before + 2; }));
    log.stop_following();
    CHECK_FALSE(told.has_hole());
}

TEST_CASE("a follower goes on over the death and the return of each etcd", "[etcd]") {
    EtcdServers etcd(3);
    PatientLog log(etcd.settings("faults"));
    Told told;
    log.follow(0, told);
    LogHead head;
    for (std::size_t i = 0; i < etcd.count(); ++i) {
        append_groups(log, head, 3);
        etcd.kill(i);
        append_groups(log, head, 3);
        etcd.start(i);
    }
    CHECK(wait_until([&] { return told.heard() == head.groups; }));
    // An etcd that is stopped is silent on connections that stay open.
    for (std::size_t i = 0; i < etcd.count(); ++i) {
        etcd.pause(i);
        append_groups(log, head, 3);
        CHECK(wait_until([&] { return told.heard() == head.groups; }));
        etcd.resume(i);
    }
    CHECK(log.head()->groups == 27);
    log.stop_following();
    CHECK_FALSE(told.has_hole());
}

TEST_CASE("without a majority of etcds nothing is heard and nothing appended", "[etcd]") {
    EtcdServers etcd(3);
    PatientLog log(etcd.settings("minority"));
    Told told;
    log.follow(0, told);
    LogHead head;
    append_groups(log, head, 2);
    CHECK(wait_until([&] { return told.heard() == 2; }));
    etcd.kill(0);
    etcd.kill(1);
    CHECK(log.impatient().append(head, group_of(7, 3)).error() == Errc::UnknownOutcome);
    CHECK(log.impatient().head().error() == Errc::Unreachable);
    const int before = told.times_heard();
    CHECK(log.impatient().head().error() == Errc::Unreachable);
    CHECK(told.times_heard() == before);
    etcd.start(0);
    append_groups(log, head, 1);
    CHECK(wait_until([&] { return told.heard() == 3; }));
    log.stop_following();
}

TEST_CASE("groups that are trimmed are gone for who comes too late", "[etcd]") {
    const EtcdServers etcd;
    PatientLog log(etcd.settings("trim"));
    LogHead head;
    append_groups(log, head, 10);
    Told watching(10);
    log.follow(10, watching);
    CHECK(wait_until([&] { return watching.heard() == 10; }));
    REQUIRE(log.trim(6).has_value());
    CHECK(log.read(6)->size() == 4);
    CHECK(log.read(5).error() == Errc::Trimmed);
    CHECK(log.head()->groups == 10);
    // The whole log may go: its head stays.
    REQUIRE(log.trim(10).has_value());
    CHECK(log.read(10)->empty());
    CHECK(log.read(9).error() == Errc::Trimmed);
    append_groups(log, head, 1);
    CHECK(head.groups == 11);
    CHECK(wait_until([&] { return watching.heard() == 11; }));
    CHECK_FALSE(watching.is_trimmed());
    log.stop_following();

    Told late(3);
    log.follow(3, late);
    CHECK(wait_until([&] { return late.is_trimmed(); }));
    CHECK(late.last() == 3);
    log.stop_following();
    // A store that is ahead of the log is none of this log.
    Told ahead(20);
    log.follow(20, ahead);
    CHECK(wait_until([&] { return ahead.is_trimmed(); }));
    log.stop_following();
}

TEST_CASE("an etcd without space refuses groups, and takes them again when it has some", "[etcd]") {
    const EtcdServers etcd(1, nullptr, {"--quota-backend-bytes=8000000"});
    PatientLog log(etcd.settings("space"));
    LogHead head;
    std::optional<grid::storage::Result<LogHead>> outcome;
    for (int i = 0; i < 20; ++i) {
        outcome = log.append(head, group_of(7, head.revision + 1, 1'000'000));
        if (!*outcome) break;
        head = **outcome;
    }
    REQUIRE_FALSE(outcome->has_value());
    CHECK(outcome->error() == Errc::NoSpace);
    CHECK(log.head()->version == head.version);
    // A group that it took before it was full is found all the same.
    const auto last = log.read(head.groups - 1);
    REQUIRE(last.has_value());
    LogHead before = head;
    before.groups -= 1;
    before.version = log.read(head.groups - 2)->front().version;
    const auto found = log.append(before, last->front().group);
    REQUIRE(found.has_value());
    CHECK(found->version == head.version);

    // Trimming goes on, and then an operator has its space given back.
    REQUIRE(log.trim(head.groups).has_value());
    EtcdCaller operators(etcd.settings("space"), log_of_tests());
    const LogGroup next = group_of(7, head.revision + 1);
    std::optional<LogHead> now;
    // etcd compacts in the background.
    CHECK(wait_until([&] {
        operators.call("/v3/maintenance/defragment", json::object{});
        const auto alarms = operators.call("/v3/maintenance/alarm", json::object{});
        if (alarms && alarms->contains("alarms")) {
            json::object disarm = alarms->at("alarms").at(0).as_object();
            disarm["action"] = "DEACTIVATE";
            operators.call("/v3/maintenance/alarm", disarm);
        }
        if (const auto appended = log.impatient().append(head, next)) now = *appended;
        return now.has_value();
    }));
    REQUIRE(now.has_value());
    CHECK(log.head()->groups == head.groups + 1);
}

TEST_CASE("a follower that was cut off reads on behind a compaction", "[etcd]") {
    const EtcdServers etcd;
    LossyRelay relay(etcd.port(0));
    PatientLog near(etcd.settings("compact"));
    PatientLog far(settings_through(relay, "compact"));
    LogHead head;
    append_groups(near, head, 10);
    Told told;
    far.follow(0, told);
    CHECK(wait_until([&] { return told.heard() == 10; }));
    relay.be_silent(true);
    append_groups(near, head, 10);
    REQUIRE(near.trim(10).has_value());   // and compacts
    EtcdCaller caller(etcd.settings("compact"), log_of_tests());
    const auto old = caller.call("/v3/kv/range", json::object{{"key", "YQ=="}, {"revision", "3"}});
    REQUIRE_FALSE(old.has_value());
    CHECK(old.error().is(grpc::out_of_range));
    relay.be_silent(false);
    CHECK(wait_until([&] { return told.heard() == 20; }));
    far.stop_following();
    CHECK_FALSE(told.has_hole());
    CHECK_FALSE(told.is_trimmed());
}

}   // namespace etcd_log_test
