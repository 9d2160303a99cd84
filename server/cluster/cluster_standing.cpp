// server/cluster/cluster_standing.cpp: the waits of members for each other: for this one, for those
// whose lease is gone, and the log's for those that start.
#include <algorithm>

#include "server/cluster/cluster.hpp"

namespace grid::server::cluster {

namespace {
/// The log is kept for a member that starts, up to so many times cluster.groups_kept: etcd would
/// be full with more.
constexpr std::uint64_t kept_most = 20;
constexpr auto seen_within = std::chrono::seconds(2);
constexpr auto look_again_after = std::chrono::milliseconds(20);
}   // namespace

void Cluster::look_at_standing(const storage::ReplicationStatus& status) {
    const bool is_counted = standing_.look(Clock::now(), followed_.heard());
    is_waited_for_ = standing_.is_in() && !is_short_told_;
    if (is_counted == is_counted_) return;
    is_counted_ = is_counted;
    self_.has_group = std::max(self_.has_group, status.applied_group);
    self_.flushed_group = is_counted ? status.flushed_group : serves_nobody;
    roster_->update(self_);
    stand_or_not();   // a member that can begin no term keeps others from it
    if (is_counted)
        return log_.info("cluster_waited_for", {{"revision", std::to_string(status.applied)}});
    log_.error(
        "cluster_not_waited_for",
        {{"do", "see /readyz of this member: it cannot follow the others, which go on without it"}}
    );
}

void Cluster::see_own_record(const std::vector<Member>& members) {
    has_seen_members_ = true;
    const auto own = std::ranges::find(members, self_.id, &Member::id);
    is_drain_recorded_ = own != members.end() && own->is_draining;
    if (own == members.end()) return;
    standing_.recorded(own->flushed_group != serves_nobody, Clock::now());
    is_waited_for_ = standing_.is_in() && !is_short_told_;
    log_kept_from_ = own->needs_group;
}

/// A member counts its silence by its own `cluster.max_staleness_ms`, which may be longer than its
/// lease.
void Cluster::let_depart(const Member& member) {
    const auto refuses_after = std::chrono::milliseconds(
        member.max_staleness_ms != 0 ? member.max_staleness_ms : max_staleness_ms_most
    );
    const auto longer = refuses_after - etcd_settings().lease;
    if (longer <= Clock::duration::zero() || member.flushed_group == serves_nobody) return;
    departed_.push_back({member, Clock::now() + longer});
}

void Cluster::forget_departed() {
    if (std::erase_if(departed_, [](const Departed& one) { return one.until <= Clock::now(); }) ==
        0)
        return;
    acknowledgements_.members_changed(waited_for());
    waiting_ = acknowledgements_.size();
}

/// Without etcd this member does not hear which members are gone: their word may never come.
void Cluster::give_up_waiting() {
    const auto before = Clock::now() - storage::answer_within;
    if (waiting_ == 0) return;
    acknowledgements_.give_up_unread(before);
    if (fresh_.heard() <= before) acknowledgements_.give_up(before);
    waiting_ = acknowledgements_.size();
}

std::vector<Member> Cluster::waited_for() const {
    std::vector<Member> all;
    {
        const std::lock_guard lock(mutex_);
        all = members_;
    }
    for (const Departed& one : departed_)
        if (std::ranges::find(all, one.member.id, &Member::id) == all.end())
            all.push_back(one.member);
    return all;
}

std::uint64_t Cluster::group_needed_by_all() {
    std::uint64_t least = self_.flushed_group;
    const std::lock_guard lock(mutex_);
    const std::uint64_t most = kept_most * config_.cluster.groups_kept;
    for (const Member& member : members_) {
        least = std::min(least, member.flushed_group);
        if (member.needs_group != needs_no_group &&
            status_.applied_group < member.needs_group + most)
            least = std::min(least, member.needs_group);
    }
    return least;
}

/// A copy takes as long as the data take to go over the network, and memory as long to be built:
/// the log must not be trimmed meanwhile. Before each copy anew: what the one before needed may be
/// gone. Not on the cluster's thread.
void Cluster::keep_log_while_starting() {
    const auto wait_for = [](const auto& is_so) {
        for (const auto until = Clock::now() + seen_within; !is_so() && Clock::now() < until;)
            std::this_thread::sleep_for(look_again_after);
    };
    wait_for([this] { return has_seen_members_.load(); });
    std::uint64_t least = serves_nobody;
    {
        const std::lock_guard lock(mutex_);
        for (const Member& member : members_) least = std::min(least, member.flushed_group);
    }
    if (least == serves_nobody) return;   // no other member trims
    const std::uint64_t kept = config_.cluster.groups_kept;
    const std::uint64_t needed = least > kept ? least - kept : 0;
    post([this, needed] {
        self_.needs_group = needed;
        roster_->update(self_);
    });
    wait_for([this, needed] { return log_kept_from_ == needed; });
}

}   // namespace grid::server::cluster
