// storage/log.hpp: the log that the members of a cluster share: one order of groups, and who may
// add to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/errors.hpp"
#include "storage/log_group.hpp"

namespace grid::storage {

/// Of encode(LogGroup). etcd takes 1.5 MiB in one transaction (--max-request-bytes), of which keys
/// and the head take little; the largest batch and its entry's fields fit.
inline constexpr std::size_t log_group_bytes_max = 1280UL * 1024;

/// The end of the log. A leader that appends names the head that it knows: if another one wrote
/// since, nothing is appended.
struct LogHead {
    std::uint64_t version = 0;   // the log's own, different after each group (etcd: mod_revision)
    std::uint64_t term = 0;
    MemberId leader = 0;        // that wrote the last group
    Revision revision = 0;      // of the last group
    std::uint64_t groups = 0;   // how many there were: the number of the last group
};

/// A group as it is read from the log.
struct Logged {
    std::uint64_t number = 0;    // LogHead::groups after it
    std::uint64_t version = 0;   // LogHead::version after it
    LogGroup group;
};

/// The room where the log is kept. 0: not known.
struct LogRoom {
    std::uint64_t bytes = 0, bytes_in_use = 0;   // of the database; what was deleted leaves holes
    bool is_full = false;   // no group is taken until an operator has made room
};

/// Receives what the log tells, on one thread of the log's own.
class LogFollower {
public:
    virtual ~LogFollower() = default;
    /// Groups in their order, without holes.
    virtual void on_groups(std::vector<Logged> groups) = 0;
    /// The log was heard from: everything up to group `number` was told, and that is all that it
    /// had `at` that time. Also when nothing happens, several times a second.
    virtual void on_heard(std::uint64_t number, std::chrono::steady_clock::time_point at) = 0;
    /// The groups behind the one that was asked for are trimmed away: only a copy of another
    /// member's store leads on. The log tells no more.
    virtual void on_trimmed() = 0;
};

/// Calls block, within `timeout` of the settings of the log; from any thread.
class Log {
public:
    virtual ~Log() = default;   // stops following first
    /// Linearizable. A log that is empty has the head {}.
    virtual Result<LogHead> head() = 0;
    /// One transaction. Errors: Errc::Fenced: the head was not `expected` and the group is not in
    /// the log. Errc::UnknownOutcome: no answer came; the same call again finds out (the log tells
    /// this very group, byte by byte, from another one). Errc::TooLarge, Errc::NoSpace: the log
    /// refused it, nothing was appended. Errc::Trimmed: the head is not `expected`, and the group,
    /// if it is in the log, was trimmed away since.
    virtual Result<LogHead> append(const LogHead& expected, const LogGroup& group) = 0;
    /// Why the last append that failed did, in words for the operator.
    virtual std::string append_failure() { return {}; }
    /// Groups with numbers in (after, …], at most some megabytes; Errc::Trimmed as on_trimmed.
    virtual Result<std::vector<Logged>> read(std::uint64_t after) = 0;
    /// Tells `follower` every group behind the number `after`, until stop_following() returns.
    virtual void follow(std::uint64_t after, LogFollower& follower) = 0;
    virtual void stop_following() = 0;
    /// Forgets the groups up to that number.
    virtual Result<void> trim(std::uint64_t number) = 0;
    virtual Result<LogRoom> room() { return LogRoom{}; }
};

/// The way to the other members. Messages to one member arrive in order or, when the connection to
/// it is lost, not at all. Any thread.
class Peers {
public:
    virtual ~Peers() = default;
    /// False: it is not connected, or its queue is full. The message was not sent.
    virtual bool send(MemberId to, std::string message) = 0;
};

}   // namespace grid::storage
