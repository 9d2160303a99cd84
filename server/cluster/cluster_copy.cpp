// server/cluster/cluster_copy.cpp: the store of another member, where the log does not go back far
// enough for the own one.
#include <future>

#include "server/cluster/cluster.hpp"
#include "server/cluster/copy/copies.hpp"

namespace grid::server::cluster {

namespace {

constexpr auto copy_within = std::chrono::seconds(60);
constexpr auto port_within = std::chrono::seconds(5);
constexpr auto look_for_links_every = std::chrono::milliseconds(200);

}   // namespace

/// Leftovers of an earlier process are taken away.
void Cluster::make_copies(const storage::RocksSettings& settings) {
    CopySettings copying;
    copying.data = std::filesystem::path(settings.path).parent_path();
    copying.free_bytes_min = settings.free_bytes_min;
    copies_ = Copies::make(links_, copying, log_);
}

void Cluster::serve_copies(storage::Store& store) {
    copies_->serve(store, [this] {
        const std::lock_guard lock(mutex_);
        return store_ != nullptr && !status_.needs_copy;
    });
}

void Cluster::stop_copies() {
    if (copies_) copies_->stop();
}

/// Of any member that has more and gives one. Links of their own, which end before those of the
/// server begin.
Result<void, std::string> Cluster::copy_store(const storage::RocksSettings& settings) {
    const std::string address = links_->address();
    links_->start();
    are_links_started_ = true;
    {
        const std::lock_guard lock(mutex_);
        links_->set_members(members_);
    }
    std::promise<std::string> outcome;   // empty: there is a copy
    copies_->fetch_from_any(
        copy_within, [&outcome](const Result<storage::CheckpointFacts, std::string>& fetched
                     ) { outcome.set_value(fetched ? std::string() : fetched.error()); }
    );
    if (const std::string why = outcome.get_future().get(); !why.empty())
        return {
            boost::system::in_place_error,
            "the log in etcd does not go back to what this member has, and there is no copy of "
            "another member's store: " +
                why
        };
    copies_->stop();
    are_links_started_ = false;
    links_->stop();
    // The port is free once the strand has closed it.
    const auto until = Clock::now() + port_within;
    for (;;) {
        auto opened = open_links(address);
        if (opened) make_copies(settings);
        if (opened || Clock::now() >= until) return opened;
        std::this_thread::sleep_for(look_for_links_every);
    }
}

}   // namespace grid::server::cluster
