// server/cluster/etcd/follower.hpp: follows the log in etcd, over a watch that is opened again
// wherever it ends.
#pragma once

#include <boost/asio.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/groups.hpp"

namespace grid::server::cluster {

/// Reads by range what lies behind a number, then watches what comes. Beside it the head is read
/// several times a second, linearizably, from whatever endpoint answers: only that says that
/// nothing was missed, and it finds a watch that is silent without being closed. A thread of its
/// own, from the constructor to the destructor.
class EtcdFollower {
public:
    EtcdFollower(
        const EtcdSettings& settings, Log& log, std::uint64_t after, storage::LogFollower& follower
    );
    ~EtcdFollower();
    EtcdFollower(const EtcdFollower&) = delete;
    EtcdFollower& operator=(const EtcdFollower&) = delete;

private:
    template <class T>
    using Awaitable = boost::asio::awaitable<T>;
    /// A read of the head: its answer, the number that was told by then, and when it was asked for.
    struct Reading {
        std::uint64_t groups = 0, told = 0;
        EtcdClock::time_point asked;
    };

    Awaitable<void> watch_log();
    /// Up to the end of the log; then the revision at which that was the end.
    Awaitable<std::optional<std::uint64_t>> catch_up();
    Awaitable<void> watch_from(std::uint64_t revision);
    /// False: the watch has to be opened again, after a read by range.
    bool take(const boost::json::object& message);
    bool tell(std::vector<storage::Logged> groups);
    /// The first time after a delay: two in turn, of which the one does not wait for the other's
    /// answer.
    Awaitable<void> read_heads(EtcdClock::duration delay);
    Awaitable<void> read_head(EtcdClock::time_point asked);
    void note_reading(const Reading& reading);
    void hear();
    void give_up();

    EtcdSettings settings_;
    EtcdKeys keys_;
    Log& log_;
    storage::LogFollower& follower_;
    boost::asio::io_context context_{1};
    EtcdClient watch_client_, head_client_;
    GroupPages pages_;
    std::unique_ptr<EtcdStream> stream_;
    storage::LogHead watched_head_;   // that the watch told last
    std::uint64_t told_;
    bool has_ended_ = false;               // on_trimmed was told
    std::deque<Reading> unheard_;          // those that were not told up to their end yet
    std::optional<Reading> watched_for_;   // the oldest that lies before what the watch told
    std::thread thread_;
};

}   // namespace grid::server::cluster
