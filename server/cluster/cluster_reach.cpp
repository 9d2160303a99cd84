// server/cluster/cluster_reach.cpp: links that this member and others have: whether its changes
// come to the leader, and whether it should be the one that leads.
#include <algorithm>

#include "server/cluster/cluster.hpp"

namespace grid::server::cluster {

namespace {
/// A link that comes and goes is not told to etcd.
constexpr auto settled_after = std::chrono::seconds(1);
/// A leader without a link for so long is an obstacle; another member that is linked to more for so
/// long is to lead.
constexpr auto unlinked_for = std::chrono::seconds(2);
constexpr auto revocation_every = std::chrono::seconds(1);
constexpr auto handed_on_every = std::chrono::seconds(10);
/// So long the members that are linked to more have the first turn.
constexpr auto first_turn = std::chrono::seconds(3);

bool has(const std::vector<storage::MemberId>& links, storage::MemberId member) {
    return std::ranges::find(links, member) != links.end();
}

/// Both say so: a record may be of a moment before.
bool are_linked(const Member& one, const Member& other) {
    return one.links && other.links && has(*one.links, other.id) && has(*other.links, one.id);
}

/// Others that one of them is linked to, and that count.
std::size_t links_among(const Member& one, const std::vector<Member>& others) {
    return static_cast<std::size_t>(std::ranges::count_if(others, [&](const Member& other) {
        return other.id != one.id && is_counted(other) && are_linked(one, other);
    }));
}

bool may_take_over(const Member& member) { return is_counted(member) && !member.is_draining; }

}   // namespace

void Cluster::note_links() {
    const auto links = links_->status();
    std::vector<storage::MemberId> up;
    for (const LinkStatus& link : links)
        if (link.is_up) up.push_back(link.member.id);
    std::ranges::sort(up);
    {
        const std::lock_guard lock(mutex_);
        linked_ = up;
    }
    record_links(up);
    note_revocation();
    note_no_link(links);
    note_obstacle(links);
    hand_on_lead();
}

void Cluster::record_links(const std::vector<storage::MemberId>& up) {
    const auto now = Clock::now();
    if (links_seen_ != up) {
        links_seen_ = up;
        links_since_ = now;
    }
    if (now < links_since_ + settled_after || up.size() > told_links_most || self_.links == up)
        return;
    self_.links = up;
    roster_->update(self_);
}

/// A member that no other one lets in must decide nothing.
void Cluster::note_revocation() {
    if (Clock::now() < looked_at_revocation_ + revocation_every) return;
    looked_at_revocation_ = Clock::now();
    const bool was_revoked = is_revoked_;
    is_revoked_ = !links_->own_revocation().empty();
    if (is_revoked_ && !was_revoked)
        log_.error(
            "cluster_revoked",
            {{"do", "this member takes no changes: give it another cluster.certificate, or end it"}}
        );
}

void Cluster::note_obstacle(const std::vector<LinkStatus>& links) {
    std::string why = is_revoked_
                          ? "the certificate of this member of the cluster is revoked (cluster.crl)"
                          : leader_failure(links);
    if (why == obstacle_) return;
    obstacle_ = std::move(why);
    const std::lock_guard lock(mutex_);
    if (store_ != nullptr) store_->set_obstacle(obstacle_, is_revoked_);
}

/// Why no link leads to the leader, for some time; empty: one does, or none leads.
std::string Cluster::leader_failure(const std::vector<LinkStatus>& links) {
    storage::MemberId leader = 0;
    {
        const std::lock_guard lock(mutex_);
        if (leader_ != self_.id && !has(linked_, leader_)) leader = leader_;
    }
    if (std::exchange(unlinked_leader_, leader) != leader) unlinked_since_ = Clock::now();
    if (leader == 0 || Clock::now() < unlinked_since_ + unlinked_for) return {};
    const auto link =
        std::ranges::find_if(links, [&](const LinkStatus& one) { return one.member.id == leader; });
    const bool is_known = link != links.end() && !link->failure.empty();
    return "no connection to the leader of the cluster, " + name_of(leader) + ": " +
           (is_known ? link->failure : "the link is not up");
}

/// Counted members that this one is linked to. Under the lock.
std::size_t Cluster::counted_links(const std::vector<Member>& others) const {
    return static_cast<std::size_t>(std::ranges::count_if(others, [this](const Member& other) {
        return is_counted(other) && has(linked_, other.id);
    }));
}

/// A member that could lead and is linked to more counted ones than this one; null: none is. Under
/// the lock.
const Member* Cluster::better_linked(const std::vector<Member>& others) const {
    const std::size_t own = counted_links(others);
    for (const Member& other : others) {
        const auto facts = facts_.find(other.id);
        const bool can_lead = facts == facts_.end() || facts->second.may_lead;
        const std::size_t here = has(linked_, other.id) ? 1 : 0;
        if (can_lead && may_take_over(other) && links_among(other, others) + here > own)
            return &other;
    }
    return nullptr;
}

/// A leader decides for those that it is linked to: where it has lost others, one that reaches more
/// of them is to lead.
void Cluster::hand_on_lead() {
    const auto now = Clock::now();
    std::string better;
    {
        const std::lock_guard lock(mutex_);
        const Member* one = leader_ == self_.id ? better_linked(members_) : nullptr;
        if (one != nullptr) better = one->name;
    }
    if (better.empty()) return outdone_since_.reset();
    if (!outdone_since_) outdone_since_ = now;
    if (now < *outdone_since_ + unlinked_for || now < handed_on_at_ + handed_on_every) return;
    outdone_since_.reset();
    handed_on_at_ = now;
    yields_until_ = now + first_turn;
    log_.warn(
        "cluster_lead_handed_on",
        {{"member", better},
         {"do",
          "see the links of this member, which is linked to fewer others (gridctl cluster "
          "status)"}}
    );
}

/// On the roster's thread, under the lock. A candidate that no other one reaches would decide for
/// itself alone, while others could go on together.
bool Cluster::reaches_enough(const std::vector<Member>& others, bool is_free) {
    if (!is_free)
        free_since_.reset();
    else if (!free_since_)
        free_since_ = Clock::now();
    if (counted_links(others) == 0)
        for (const Member& one : others)
            if (may_take_over(one) && links_among(one, others) != 0) return false;
    const bool is_first_turn = free_since_ && Clock::now() < *free_since_ + first_turn;
    return !is_first_turn || better_linked(others) == nullptr;
}

}   // namespace grid::server::cluster
