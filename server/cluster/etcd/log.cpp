// server/cluster/etcd/log.cpp: the log of the cluster as keys of etcd.
#include <mutex>
#include <utility>

#include "server/cluster/etcd.hpp"
#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/follower.hpp"
#include "server/cluster/etcd/groups.hpp"
#include "server/cluster/etcd/values.hpp"

namespace grid::server::cluster {
namespace {

namespace json = boost::json;
using storage::Errc;
using storage::Logged;
using storage::LogGroup;
using storage::LogHead;

/// etcd's own history is forgotten at most so often: that is work for all its members.
constexpr auto compaction_every = std::chrono::seconds(2);

class EtcdLog : public storage::Log {
public:
    EtcdLog(const EtcdSettings& settings, grid::server::Log& log)
        : settings_(settings),
          keys_(settings.prefix),
          log_(log),
          appends_(settings, log),
          reads_(settings, log),
          trims_(settings, log) {}
    ~EtcdLog() override { stop_following(); }

    storage::Result<LogHead> head() override;
    storage::Result<LogHead> append(const LogHead& expected, const LogGroup& group) override;
    std::string append_failure() override;
    storage::Result<std::vector<Logged>> read(std::uint64_t after) override;
    void follow(std::uint64_t after, storage::LogFollower& follower) override;
    void stop_following() override;
    storage::Result<void> trim(std::uint64_t number) override;
    storage::Result<storage::LogRoom> room() override;

private:
    storage::Result<LogHead> found_instead(
        const json::object& answer, LogHead head, const std::string& group
    );
    storage::Result<LogHead> refused(
        const EtcdError& error, std::uint64_t expected, LogHead head, const std::string& group
    );
    boost::system::error_code complain(const EtcdError& error, Errc when_unreachable);
    void compact(std::uint64_t revision);

    EtcdSettings settings_;
    EtcdKeys keys_;
    grid::server::Log& log_;
    /// A connection each, so that one kind of call does not wait for another.
    EtcdCaller appends_, reads_, trims_;
    GroupPages pages_;
    std::mutex mutex_;   // guards the next three
    std::unique_ptr<EtcdFollower> follower_;
    EtcdClock::time_point compacted_at_;
    std::string append_failure_;
};

boost::system::error_code EtcdLog::complain(const EtcdError& error, Errc when_unreachable) {
    if (error.kind == EtcdError::Kind::Unreachable)
        return when_unreachable;   // the client logged it
    log_.fold(Level::Error, "etcd_refused", {{"reason", server::quoted(error.text)}});
    if (error.is(grpc::resource_exhausted)) return Errc::NoSpace;
    if (error.text.find("too large") != std::string::npos) return Errc::TooLarge;
    return when_unreachable == Errc::UnknownOutcome ? Errc::Io : when_unreachable;
}

storage::Result<LogHead> EtcdLog::head() {
    const auto answer = reads_.call("/v3/kv/range", range_request(keys_.head()));
    if (!answer) return complain(answer.error(), Errc::Unreachable);
    const auto records = records_of(*answer);
    const auto head = records ? head_among(*records) : std::nullopt;
    if (!head) {
        log_changed(log_, 0, "the head is not understood");
        return make_error_code(Errc::Corrupt);
    }
    return *head;
}

storage::Result<LogHead> EtcdLog::append(const LogHead& expected, const LogGroup& group) {
    LogHead head{0, group.term, group.leader, group.head, expected.groups + 1};
    const std::string bytes = encode(group);
    if (bytes.size() > storage::log_group_bytes_max) return make_error_code(Errc::TooLarge);
    const std::string key = keys_.group(head.groups);
    const auto answer = appends_.call(
        "/v3/kv/txn", txn_request(
                          {equals(keys_.head(), Compared::ModRevision, expected.version)},
                          {putting(put_request(keys_.head(), encode_head(head))),
                           putting(put_request(key, bytes))},
                          {ranged(range_request(keys_.head())), ranged(range_request(key))}
                      )
    );
    if (!answer) return refused(answer.error(), expected.version, head, bytes);
    if (!is_set(*answer, "succeeded")) return found_instead(*answer, head, bytes);
    head.version = revision_of(*answer);
    // A revision that cannot be: the same call again finds the group, and its own revision.
    if (head.version <= expected.version) return make_error_code(Errc::UnknownOutcome);
    return head;
}

/// The head is another one: an earlier try of the same group may have made it.
storage::Result<LogHead> EtcdLog::found_instead(
    const json::object& answer, LogHead head, const std::string& group
) {
    const auto heads = records_of(answer, 0), groups = records_of(answer, 1);
    const auto now = heads ? head_among(*heads) : std::nullopt;
    if (!now || !groups) {
        log_changed(log_, head.groups, "the head is not understood");
        return make_error_code(Errc::Corrupt);
    }
    if (now->groups + 1 < head.groups)
        log_changed(log_, head.groups, "the head has fewer groups than were written");
    if (groups->empty())
        return make_error_code(now->groups < head.groups ? Errc::Fenced : Errc::Trimmed);
    if (groups->front().value != group) return make_error_code(Errc::Fenced);
    head.version = groups->front().mod_revision;
    return head;
}

/// A group that etcd refuses now, for want of space, may be in the log since a try whose answer was
/// lost. Where the head is another one than `expected` the same call could be refused for ever.
storage::Result<LogHead> EtcdLog::refused(
    const EtcdError& error, std::uint64_t expected, LogHead head, const std::string& group
) {
    const auto reason = complain(error, Errc::UnknownOutcome);
    {
        const std::lock_guard lock(mutex_);
        append_failure_ = error.text;
    }
    if (error.kind == EtcdError::Kind::Unreachable || error.follows_silence)
        return make_error_code(Errc::UnknownOutcome);
    const auto answer = appends_.call(
        "/v3/kv/txn", txn_request(
                          {}, {ranged(range_request(keys_.head())),
                               ranged(range_request(keys_.group(head.groups)))}
                      )
    );
    if (!answer) return make_error_code(Errc::UnknownOutcome);
    const auto found = found_instead(*answer, head, group);
    const auto heads = records_of(*answer, 0);
    const auto now = heads ? head_among(*heads) : std::nullopt;
    const bool is_expected = now && now->version == expected;
    return !found && found.error() == Errc::Fenced && is_expected ? reason : found;
}

std::string EtcdLog::append_failure() {
    const std::lock_guard lock(mutex_);
    return append_failure_;
}

storage::Result<std::vector<Logged>> EtcdLog::read(std::uint64_t after) {
    const auto until = EtcdClock::now() + settings_.timeout;
    for (;;) {
        const auto answer = reads_.call("/v3/kv/txn", pages_.request(keys_, after), until);
        if (!answer && pages_.is_too_large(answer.error())) continue;
        if (!answer) return complain(answer.error(), Errc::Unreachable);
        std::string why;
        auto page = pages_.page_of(keys_, after, *answer, why);
        if (!why.empty()) log_changed(log_, after + 1, why);
        if (!page) return page.error();
        return std::move(page->groups);
    }
}

void EtcdLog::follow(std::uint64_t after, storage::LogFollower& follower) {
    stop_following();
    const std::lock_guard lock(mutex_);
    follower_ = std::make_unique<EtcdFollower>(settings_, log_, after, follower);
}

void EtcdLog::stop_following() {
    std::unique_ptr<EtcdFollower> ended;
    const std::lock_guard lock(mutex_);
    ended = std::move(follower_);
}

storage::Result<void> EtcdLog::trim(std::uint64_t number) {
    const auto answer =
        trims_.call("/v3/kv/deleterange", delete_request(keys_.group(0), keys_.group(number + 1)));
    if (!answer) return complain(answer.error(), Errc::Unreachable);
    if (number_in(*answer, "deleted") != 0) compact(revision_of(*answer));
    return {};
}

/// As the endpoint that answers has it; the alarm is that of all of them.
storage::Result<storage::LogRoom> EtcdLog::room() {
    const auto answer = trims_.call("/v3/maintenance/status", json::object());
    if (!answer) return complain(answer.error(), Errc::Unreachable);
    storage::LogRoom room;
    room.bytes = number_in(*answer, "dbSize");
    room.bytes_in_use = number_in(*answer, "dbSizeInUse");
    if (const json::value* errors = answer->if_contains("errors"))
        room.is_full = json::serialize(*errors).find("NOSPACE") != std::string::npos;
    return room;
}

/// etcd keeps what was deleted until its history up to there is forgotten. A follower that was
/// still behind reads by range again.
void EtcdLog::compact(std::uint64_t revision) {
    {
        const std::lock_guard lock(mutex_);
        const auto now = EtcdClock::now();
        if (now - compacted_at_ < compaction_every) return;
        compacted_at_ = now;
    }
    const auto answer =
        trims_.call("/v3/kv/compaction", json::object{{"revision", std::to_string(revision)}});
    // Another member, or etcd by itself, may have done it already.
    if (!answer && !answer.error().is(grpc::out_of_range)) {
        complain(answer.error(), Errc::Unreachable);
    }
}

}   // namespace

std::unique_ptr<storage::Log> make_etcd_log(const EtcdSettings& settings, grid::server::Log& log) {
    return std::make_unique<EtcdLog>(settings, log);
}

}   // namespace grid::server::cluster
