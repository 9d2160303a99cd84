// server/cluster/etcd.hpp: what gridd keeps in etcd: the log, who leads, and the members.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/cluster/member.hpp"
#include "server/log.hpp"
#include "storage/log.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

struct EtcdSettings {
    std::vector<std::string> endpoints;         // https://HOST:PORT; http:// on loopback alone
    std::string ca, certificate, key;           // PEM files; empty for http
    std::string prefix;                         // of all keys: cluster.name
    std::chrono::milliseconds timeout{1'500};   // of one request, all endpoints together
    std::chrono::seconds lease{2};              // of members and of the leader (etcd's least)
};

/// The log in etcd: `PREFIX/head` and `PREFIX/log/NUMBER`, one transaction a group, compared with
/// the head's mod_revision.
std::unique_ptr<storage::Log> make_etcd_log(const EtcdSettings& settings, grid::server::Log& log);

/// What this member sees of the others. Callbacks run on the roster's own thread.
struct RosterEvents {
    std::function<void(std::vector<Member>)> members;       // all that are there now
    std::function<void(storage::MemberId leader)> leader;   // 0: none
    std::function<void()> elected;                          // this member leads from now on
    std::function<void()> lost;   // this member's lease ended: it is not there for the others
};

/// Keeps the member's lease alive, its key `PREFIX/members/NAME`, and campaigns for
/// `PREFIX/leader`.
class Roster {
public:
    virtual ~Roster() = default;   // gives the lease back: others take over at once
    virtual void start(RosterEvents events) = 0;
    /// Of this member, as others are to see it: flushed_group, is_draining.
    virtual void update(const Member& self) = 0;
    /// Gives up leading, and does not campaign until `campaign`.
    virtual void resign() = 0;
    virtual void campaign() = 0;
    /// Since the last answer of etcd to this member's lease. Any thread.
    virtual std::chrono::milliseconds since_heard() const = 0;
};

/// The error is for the operator: a name that is taken by a live member, etcd that refuses.
Result<std::unique_ptr<Roster>, std::string> make_roster(
    const EtcdSettings& settings, const Member& self, grid::server::Log& log
);

}   // namespace grid::server::cluster
