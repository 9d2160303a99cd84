// server/cluster/cluster_copy.cpp: the store of another member, where the log does not go back far
// enough for the own one.
#include <condition_variable>

#include "server/cluster/cluster.hpp"
#include "server/cluster/copy/copies.hpp"

namespace grid::server::cluster {

namespace {

constexpr auto link_within = std::chrono::seconds(60);
constexpr auto look_for_links_every = std::chrono::milliseconds(100);

}   // namespace

/// Any member that can be reached and does not leave.
Result<Member, std::string> Cluster::wait_for_link() {
    const auto until = Clock::now() + link_within;
    while (Clock::now() < until) {
        for (const LinkStatus& link : links_->status())
            if (link.is_up && !link.member.is_draining) return link.member;
        std::this_thread::sleep_for(look_for_links_every);
    }
    return {
        boost::system::in_place_error,
        "the log in etcd does not go back to what this member has, and no other member that has "
        "more can be reached: start one, or see why there is no link to it (listen.cluster, "
        "cluster.address)"
    };
}

/// Links of their own, which end before those of the server begin.
Result<void, std::string> Cluster::copy_store(const storage::RocksSettings& settings) {
    using Copied = Result<void, std::string>;
    CopySettings copying;
    copying.data = std::filesystem::path(settings.path).parent_path();
    copying.free_bytes_min = settings.free_bytes_min;
    const auto copies = Copies::make(links_, copying, log_);
    const std::string address = links_->address();
    links_->start();
    {
        const std::lock_guard lock(mutex_);
        links_->set_members(members_);
    }
    const auto from = wait_for_link();
    if (!from) return Copied(boost::system::in_place_error, from.error());
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> outcome;   // empty: it went well
    copies->fetch(from->id, [&](Result<storage::CheckpointFacts, std::string> fetched) {
        const std::lock_guard lock(mutex);
        outcome = fetched ? std::string() : fetched.error();
        changed.notify_one();
    });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return outcome.has_value(); });
    }
    copies->stop();
    if (!outcome->empty())
        return Copied(
            boost::system::in_place_error,
            "the store of the member " + from->name + " could not be copied: " + *outcome
        );
    links_->stop();
    // The port is free once the strand has closed it.
    const auto until = Clock::now() + std::chrono::seconds(5);
    for (;;) {
        auto opened = open_links(address);
        if (opened || Clock::now() > until) return opened;
        std::this_thread::sleep_for(look_for_links_every);
    }
}

}   // namespace grid::server::cluster
