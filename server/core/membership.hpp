// server/core/membership.hpp: the core's questions to the cluster that its server is a member of.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/batch.hpp"

namespace grid::server {

/// Without one, the server is a grid of its own.
class Membership {
public:
    virtual ~Membership() = default;
    /// Once, when the core follows the store: from now on this member may become the leader.
    virtual void begin() = 0;
    /// Work that time demands is one member's. Any thread.
    virtual bool leads() const = 0;
    /// This member has not heard from the cluster for too long: it does not know what was revoked
    /// meanwhile, and takes no requests (cluster.when_stale). Any thread; costs next to nothing.
    virtual bool is_cut_off() const = 0;
    /// No new streams are taken here: the address (HOST:PORT) of a member for them, which may be
    /// empty. nullopt: streams are welcome. Any thread.
    virtual std::optional<std::string> sent_elsewhere() const = 0;
    /// Memory follows the store up to that revision, and its events are on their way. Core strand.
    virtual void applied(storage::Revision revision) = 0;
    /// All answers to changes wait for each member (cluster.acknowledge), not only those to changes
    /// that take rights away.
    virtual bool acknowledges_everywhere() const = 0;
    /// `done`, on any thread: each member that the cluster knows has applied that revision. One
    /// whose lease ends meanwhile is not waited for: it takes no requests. False: etcd is not heard
    /// for so long that another one may not have applied it.
    virtual void when_everywhere(storage::Revision revision, std::function<void(bool)> done) = 0;
};

}   // namespace grid::server
