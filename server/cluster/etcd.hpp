// server/cluster/etcd.hpp: the log, the leader and the members of a cluster, in etcd.
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

class EtcdTls;

struct EtcdSettings {
    std::vector<std::string> endpoints;         // https://HOST:PORT; http:// on loopback alone
    std::string ca, certificate, key;           // PEM files; empty for http
    std::string prefix;                         // of all keys: cluster.name
    std::chrono::milliseconds timeout{1'500};   // of one request, all endpoints together
    std::chrono::seconds lease{2};              // of members and of the leader (etcd's least)
    std::string member;                         // its name: members begin at different endpoints
    /// Of these files, for all that one member has to do with etcd; null: each caller has its own.
    std::shared_ptr<EtcdTls> tls;
};

/// Why the files do not serve; empty: they do. Blocks on the disk.
std::string etcd_files_fault(const EtcdSettings& settings);

/// The log in etcd: `PREFIX/head` and `PREFIX/log/NUMBER`, one transaction a group, compared with
/// the head's mod_revision.
std::unique_ptr<storage::Log> make_etcd_log(const EtcdSettings& settings, grid::server::Log& log);

/// Empty when the endpoint is one that etcd can be spoken to at; else what is wrong with it.
std::string endpoint_fault(const std::string& url);

/// The member's sight of the others. Callbacks run on the roster's own thread, which keeps the
/// lease alive: they must not wait.
struct RosterEvents {
    /// All that are there now, this one too. A member that went and came back between two looks is
    /// left out once.
    std::function<void(std::vector<Member>)> members;
    std::function<void(storage::MemberId leader)> leader;   // 0: none; told before `elected`
    std::function<void()> elected;                          // this member leads from now on
    /// This member's lease ended: it is not there for the others. It comes back by itself with a
    /// new lease, under the same id; until then nothing of the others is told. An etcd that is
    /// another one, or of an earlier time, ends it, too.
    std::function<void()> lost;
    /// Whether this member may lead beside these: asked of the very sight in which no other one
    /// leads (`is_free`), or the lead is to be taken.
    std::function<bool(const std::vector<Member>&, bool is_free)> may_stand;
};

/// Keeps the member's lease alive, its key `PREFIX/members/NAME`, and campaigns for
/// `PREFIX/leader`.
class Roster {
public:
    virtual ~Roster() = default;   // gives the lease back: others take over at once
    /// Tells what is there, and campaigns unless resign() was called before.
    virtual void start(RosterEvents events) = 0;
    /// Of this member, as others are to see it: flushed_group, is_draining.
    virtual void update(const Member& self) = 0;
    /// Etcd is read anew. `seen` runs on the roster's thread when the events have told the members
    /// that were there at some moment behind this call; while etcd is not heard that is later, or
    /// never.
    virtual void look_again(std::function<void()> seen) = 0;
    /// Gives up leading, and does not campaign until `campaign`.
    virtual void resign() = 0;
    virtual void campaign() = 0;
    /// Campaigns, and takes the lead from the member that has it.
    virtual void take_lead() = 0;
    /// This member's: the one that it was made with, or another one, whose number of 20 bits
    /// (`number_of`) no other member has.
    virtual storage::MemberId id() const = 0;
    /// Since etcd was asked last of what it then said: the lease lives, and holds the member's
    /// name. The others know of this member, and wait for it, until the lease's time behind that.
    /// Any thread.
    virtual std::chrono::milliseconds since_heard() const = 0;
};

/// Told while a start waits for what may heal by itself, with the reason, every few seconds.
using Waiting = std::function<void(const std::string& why)>;

/// Waits until the lease of an earlier start of the same member has ended, some seconds at most;
/// and, where `waiting` is given, for an etcd that does not answer or has no quorum or no room. The
/// error is for the operator: a name that is taken by a live member, certificates that are refused,
/// an endpoint that is none.
Result<std::unique_ptr<Roster>, std::string> make_roster(
    const EtcdSettings& settings,
    const Member& self,
    grid::server::Log& log,
    const Waiting& waiting = {}
);

}   // namespace grid::server::cluster
