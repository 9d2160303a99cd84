// server/cluster/cluster_copy.cpp: the store of another member, where the log does not go back far
// enough for the own one.
#include <algorithm>
#include <condition_variable>

#include "server/cluster/cluster.hpp"
#include "server/cluster/copy/copies.hpp"

namespace grid::server::cluster {

namespace {

constexpr auto copy_within = std::chrono::seconds(60);   // begun
constexpr auto port_within = std::chrono::seconds(5);
constexpr auto tell_every = std::chrono::seconds(2);
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

/// The members that are connected, the leader first.
std::vector<Member> Cluster::linked() const {
    std::vector<Member> found;
    for (const LinkStatus& link : links_->status())
        if (link.is_up) found.push_back(link.member);
    const std::lock_guard lock(mutex_);
    std::ranges::partition(found, [this](const Member& member) { return member.id == leader_; });
    return found;
}

/// Empty: there is a copy.
std::string Cluster::fetch_from(const Member& member) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> outcome;
    copies_->fetch(member.id, [&](const Result<storage::CheckpointFacts, std::string>& fetched) {
        const std::lock_guard lock(mutex);
        outcome = fetched ? std::string() : fetched.error();
        changed.notify_one();
    });
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, tell_every, [&] { return outcome.has_value(); }))
        if (tell_waiting_) tell_waiting_("the store of the member " + member.name + " is copied");
    return outcome->empty() ? std::string() : member.name + ": " + *outcome;
}

/// Of any member that has more and gives one: others may be as new as this one. Links of their own,
/// which end before those of the server begin.
Result<void, std::string> Cluster::copy_store(const storage::RocksSettings& settings) {
    using Copied = Result<void, std::string>;
    const std::string address = links_->address();
    links_->start();
    are_links_started_ = true;
    {
        const std::lock_guard lock(mutex_);
        links_->set_members(members_);
    }
    std::string why = "no other member can be reached (listen.cluster, cluster.address)";
    for (const auto until = Clock::now() + copy_within; !why.empty();) {
        for (const Member& member : linked())
            if (why = fetch_from(member); why.empty()) break;
        if (why.empty()) break;
        if (auto reasons = why_no_link(links_->status()); !reasons.empty())
            why = std::move(reasons);
        if (tell_waiting_) tell_waiting_("the store of another member is needed: " + why);
        if (!tell_waiting_ && Clock::now() >= until)
            return Copied(
                boost::system::in_place_error,
                "the log in etcd does not go back to what this member has, and there is no copy of "
                "another member's store: " +
                    why
            );
        std::this_thread::sleep_for(look_for_links_every);
    }
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
