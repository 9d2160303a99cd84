// server/cluster/cluster_watch.cpp: the look at the store, now and then; the view of operators, and
// their wishes.
#include <algorithm>
#include <array>
#include <string_view>

#include "server/cluster/cluster.hpp"

namespace grid::server::cluster {

namespace {
constexpr auto look_at_store_every = std::chrono::milliseconds(100);
constexpr auto make_known_every = std::chrono::seconds(1);
/// Long enough that the member for which another one steps aside is elected.
constexpr auto aside_for = std::chrono::seconds(4);
}   // namespace

void Cluster::tick() {
    std::optional<storage::ReplicationStatus> status;
    bool is_stuck = false;   // a leader whose disk is full refuses everybody's changes
    {
        const std::lock_guard lock(mutex_);
        if (store_ != nullptr) status = status_ = store_->replication();
        if (status && status->is_leader && !members_.empty()) is_stuck = !store_->status().writable;
    }
    if (status) look(*status);
    if (is_stuck && !is_cut_off() && aside_timer_.expiry() <= Clock::now()) {
        log_.warn(
            "cluster_stuck",
            {{"do", "see /readyz of this member: another one is to lead meanwhile"}}
        );
        step_aside();
    }
    timer_.expires_after(look_at_store_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) tick();
    });
}

void Cluster::look(const storage::ReplicationStatus& status) {
    if (leads_.exchange(status.is_leader) != status.is_leader && on_lead) on_lead(status.is_leader);
    const auto silence = std::max(status.since_heard, roster_->since_heard());
    heard_at_ = (Clock::now() - silence).time_since_epoch().count();
    if (const bool is_cut = is_cut_off(); is_cut != is_cut_off_told_) {
        is_cut_off_told_ = is_cut;
        if (is_cut)
            log_.error(
                "cluster_cut_off", {{"ms", std::to_string(silence.count())},
                                    {"do",
                                     "requests are refused until etcd is heard again: see "
                                     "that etcd has a quorum and this member reaches it"}}
            );
        else
            log_.info("cluster_heard_again", {{"revision", std::to_string(status.applied)}});
    }
    if (status.leader != leader_told_) {
        leader_told_ = status.leader;
        log_.info(
            "cluster_leader",
            {{"member", name_of(status.leader)}, {"term", std::to_string(status.term)}}
        );
    }
    if (status.needs_copy && !is_copy_told_) {
        is_copy_told_ = true;
        log_.error(
            "cluster_needs_copy",
            {{"do", "nothing: the server starts again and copies the store of another member"}}
        );
        if (on_needs_copy) on_needs_copy();
    }
    if (Clock::now() >= known_at_ + make_known_every) make_known(status);
}

/// The log is trimmed up to what all have on disk. A group that memory does not follow yet is not
/// told: others take it as applied.
void Cluster::make_known(const storage::ReplicationStatus& status) {
    known_at_ = Clock::now();
    if (applied_ >= status.applied && status.flushed_group > self_.flushed_group) {
        self_.flushed_group = status.flushed_group;
        roster_->update(self_);
    }
    if (!status.is_leader) return;
    std::uint64_t least = self_.flushed_group;
    const std::lock_guard lock(mutex_);
    for (const Member& member : members_) least = std::min(least, member.flushed_group);
    if (store_ != nullptr) store_->trim_up_to(least);
}

controller::ClusterView Cluster::view() const {
    controller::ClusterView view;
    if (on_view) on_view(view);
    const auto links = links_->status();
    const std::lock_guard lock(mutex_);
    view.name = config_.cluster.name;
    view.member = self_.name;
    view.is_leader = leads_;
    view.is_draining = is_draining_;
    view.is_cut_off = is_cut_off();
    view.needs_copy = status_.needs_copy;
    view.term = status_.term;
    view.applied = status_.applied;
    view.applied_group = status_.applied_group;
    view.known_group = status_.known_group;
    view.flushed_group = status_.flushed_group;
    view.leader_changes = status_.leader_changes;
    view.forwarded = status_.forwarded;
    view.submitted_again = status_.submitted_again;
    view.waiting = waiting_;
    view.heard_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::milliseconds>(
               Clock::now().time_since_epoch() - Clock::duration(heard_at_)
           )
               .count()
    ));
    const auto add = [&](const Member& member) {
        controller::MemberView one;
        one.name = member.name;
        one.address = member.address;
        one.clients = member.clients;
        one.is_self = member.id == self_.id;
        one.is_leader = member.id == status_.leader;
        one.is_draining = one.is_self ? view.is_draining : member.is_draining;
        one.is_linked = std::ranges::any_of(links, [&](const LinkStatus& link) {
            return link.member.id == member.id && link.is_up;
        });
        if (one.is_self || member.flushed_group != serves_nobody)
            one.flushed_group = one.is_self ? status_.flushed_group : member.flushed_group;
        if (one.is_leader) view.leader = one.name;
        view.members.push_back(std::move(one));
    };
    add(known_self_);
    for (const Member& member : members_) add(member);
    std::ranges::sort(view.members, {}, &controller::MemberView::name);
    return view;
}

Result<void, std::string> Cluster::ask(Wish wish, const std::string& member) {
    using Asked = Result<void, std::string>;
    const bool is_self = member == config_.cluster.member;
    storage::MemberId to = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(members_, member, &Member::name);
        if (!is_self && found == members_.end())
            return Asked(
                boost::system::in_place_error, "no member " + member + " is there at present"
            );
        if (!is_self) to = found->id;
        const bool goes = wish == Wish::Drain || wish == Wish::Leave;
        const bool has_others = std::ranges::any_of(members_, [&](const Member& other) {
            return other.name != member && !other.is_draining;
        });
        if (goes && !has_others && (is_self || is_draining_))
            return Asked(
                boost::system::in_place_error,
                member + " is the last member that takes clients: let another one join first"
            );
    }
    if (is_self) {
        post([this, wish] { follow_wish(wish); });
        return {};
    }
    const auto number = static_cast<std::uint64_t>(wish);
    if (!links_->send(to, Channel::Control, encode({ControlWord::Kind::Wish, number})))
        return Asked(
            boost::system::in_place_error,
            "there is no connection to " + member + ": ask it at its own address"
        );
    return {};
}

void Cluster::follow_wish(Wish wish) {
    constexpr std::array<std::string_view, 4> words{"drain", "join", "promote", "leave"};
    log_.info("cluster_wish", {{"wish", std::string(words.at(static_cast<std::size_t>(wish)))}});
    switch (wish) {
        case Wish::Join:
            return set_draining(false);
        case Wish::Drain:
            return set_draining(true);
        case Wish::Leave:
            set_draining(true);
            if (on_leave) on_leave();
            return;
        case Wish::Promote:
            if (is_draining_) set_draining(false);
            std::vector<Member> others;
            {
                const std::lock_guard lock(mutex_);
                others = members_;
            }
            for (const Member& other : others)
                links_->send(other.id, Channel::Control, encode({ControlWord::Kind::StepAside, 0}));
            roster_->campaign();
    }
}

void Cluster::set_draining(bool is_draining) {
    if (is_draining_.exchange(is_draining) == is_draining) return;
    self_.is_draining = is_draining;
    roster_->update(self_);
    if (!is_draining) return roster_->campaign();
    roster_->resign();
    if (on_drain) on_drain();
}

void Cluster::step_aside() {
    roster_->resign();
    aside_timer_.expires_after(aside_for);
    aside_timer_.async_wait([this](boost::system::error_code error) {
        if (!error && !is_draining_ && has_begun_) roster_->campaign();
    });
}

}   // namespace grid::server::cluster
