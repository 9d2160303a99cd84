// server/cluster/cluster_watch.cpp: the look at the store, now and then; the view of operators, and
// their wishes.
#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "server/cluster/cluster.hpp"

namespace grid::server::cluster {

namespace {
constexpr auto look_at_store_every = std::chrono::milliseconds(100);
constexpr auto make_known_every = std::chrono::seconds(1);
constexpr auto facts_every = std::chrono::seconds(2);
/// A store that takes writes again does so for so long before its member leads: space comes and
/// goes at the bound.
constexpr auto fit_after = std::chrono::seconds(4);
constexpr auto log_told_within = std::chrono::seconds(2);

/// The member that has the most groups, where these are more than `known`; null: none has.
const Member* ahead_of(std::uint64_t known, const std::vector<Member>& members) {
    const Member* ahead = nullptr;
    for (const Member& member : members)
        if (member.has_group > (ahead == nullptr ? known : ahead->has_group)) ahead = &member;
    return ahead;
}

}   // namespace

void Cluster::tick() {
    std::optional<storage::ReplicationStatus> status;
    {
        const std::lock_guard lock(mutex_);
        if (store_ != nullptr) status = status_ = store_->replication();
    }
    if (status) {
        look(*status);
        note_links();
        note_fitness(status->may_lead);
    }
    forget_departed();
    give_up_waiting();
    if (Clock::now() >= facts_told_at_ + facts_every) tell_facts();
    timer_.expires_after(look_at_store_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) tick();
    });
}

/// A leader whose disk is full would refuse everybody's changes; one that is elected with such a
/// disk could not even begin.
void Cluster::note_fitness(bool may_lead) {
    const auto now = Clock::now();
    if (!may_lead) unfit_at_ = now;
    const bool is_fit = may_lead && (may_lead_ || now >= unfit_at_ + fit_after);
    if (may_lead_.exchange(is_fit) && !is_fit && leads_)
        log_.warn(
            "cluster_stuck",
            {{"do", "see /readyz of this member: another one is to lead meanwhile"}}
        );
    stand_or_not();
}

/// Of members that are all drained the one with the greatest number stays, should all of them
/// leave. Under the lock.
const Member* Cluster::last_of_drained() const {
    const Member* last = nullptr;
    for (const Member& member : members_) {
        if (takes_clients(member)) return nullptr;
        if (is_counted(member) && member.has_open_ports && (!last || member.id > last->id))
            last = &member;
    }
    return last != nullptr && last->id > known_self_.id ? last : nullptr;
}

/// While all members that are there are drained they lead and take clients as if none were: the
/// last one that was not may have been lost, or several were drained at once. One that leaves sends
/// its clients to the one that stays.
void Cluster::note_others() {
    bool is_needed = false, is_last = false;
    {
        const std::lock_guard lock(mutex_);
        is_needed = std::ranges::none_of(members_, takes_clients);
        is_last = is_needed && last_of_drained() == nullptr;
    }
    may_leave_ = is_drain_recorded_ && !is_last;
    if (leaving_ != 0 && may_leave_) is_needed = false;
    if (is_needed_.exchange(is_needed) == is_needed || !is_draining_) return;
    log_.warn("cluster_drained_serves", {{"on", is_needed ? "yes" : "no"}});
    if (!is_needed && on_drain) on_drain();
}

/// Of an etcd that was emptied, or restored from an older snapshot: whoever led would go on without
/// what members have acknowledged.
void Cluster::note_log_end() {
    std::string ahead;
    std::uint64_t known = 0, has = 0;
    {
        const std::lock_guard lock(mutex_);
        known = status_.known_group;
        if (const Member* member = ahead_of(known, members_)) {
            has = member->has_group;
            ahead = member->name;
        }
    }
    is_log_short_ = !ahead.empty() && !leads_;
    if (!is_log_short_) {
        log_short_at_ = Clock::now();
        is_short_told_ = false;
    }
    // A log that is only behind tells of these groups in a moment.
    if (is_short_told_ || Clock::now() < log_short_at_ + log_told_within) return;
    is_short_told_ = true;
    is_waited_for_ = false;   // those groups may take rights away
    log_.error(
        "cluster_log_behind",
        {{"groups", std::to_string(known)},
         {"member", ahead},
         {"has", std::to_string(has)},
         {"do",
          "this member does not lead: etcd was emptied, or restored from an older snapshot "
          "(manual: When etcd is lost)"}}
    );
}

/// On the roster's thread, between a look and what follows from it: no record comes in between.
bool Cluster::may_stand(const std::vector<Member>& members, bool is_free) {
    std::vector<Member> others = members;
    std::erase_if(others, [this](const Member& member) { return member.id == known_self_.id; });
    const std::lock_guard lock(mutex_);
    const auto& status = store_ != nullptr ? store_->replication() : status_;
    if (leads_) return true;
    return ahead_of(status.known_group, others) == nullptr && reaches_enough(others, is_free);
}

/// Alone it stays: there is none that could do better.
void Cluster::stand_or_not() {
    note_others();
    note_log_end();
    bool is_alone = false;
    {
        const std::lock_guard lock(mutex_);
        is_alone = members_.empty();
    }
    const bool can_lead = may_lead_ && is_counted_;
    const bool is_welcome = !is_draining_ || is_needed_;
    const bool is_barred = is_revoked_ || is_log_short_ || Clock::now() < yields_until_;
    const bool stands = has_begun_ && is_welcome && !is_barred && (can_lead || is_alone);
    if (std::exchange(is_standing_, stands) == stands) return;
    stands ? roster_->campaign() : roster_->resign();
}

void Cluster::look(const storage::ReplicationStatus& status) {
    if (leads_.exchange(status.is_leader) != status.is_leader && on_lead) on_lead(status.is_leader);
    const auto silence = std::max(status.since_heard, roster_->since_heard());
    fresh_.note(Clock::now() - silence, status.applied, applied_);
    followed_.note(Clock::now() - status.since_heard, status.applied, applied_);
    heard_at_ = fresh_.heard().time_since_epoch().count();
    look_at_standing(status);
    const bool is_cut = is_cut_off();
    if (is_cut != is_cut_off_told_ && standing_.has_been_in()) {
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
    const auto is_one_ahead_of = [this](std::uint64_t group) {
        const std::lock_guard lock(mutex_);
        return std::ranges::any_of(members_, [&](const Member& member) {
            return member.flushed_group != serves_nobody && member.flushed_group > group;
        });
    };
    // Where no member has on disk what the log lacks, a head that somebody has changed would end
    // all of them, one start after the other.
    if (status.needs_copy && !is_copy_told_ && is_one_ahead_of(status.applied_group)) {
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
    if (is_counted_ && applied_ >= status.applied && status.flushed_group > self_.flushed_group) {
        self_.flushed_group = status.flushed_group;
        self_.has_group = std::max(self_.has_group, status.flushed_group);
        roster_->update(self_);
    }
    if (!status.is_leader) return;
    const std::uint64_t least = group_needed_by_all();
    std::vector<std::uint64_t> flushed{self_.flushed_group};
    const std::lock_guard lock(mutex_);
    for (const Member& member : members_)
        if (member.flushed_group != serves_nobody) flushed.push_back(member.flushed_group);
    std::ranges::sort(flushed, std::greater<>());
    if (store_ != nullptr)
        store_->trim_up_to(std::min(least, flushed.back()), flushed[flushed.size() / 2]);
}

controller::ClusterView Cluster::view() const {
    controller::ClusterView view;
    if (on_view) on_view(view);
    const auto links = links_->status();
    const std::lock_guard lock(mutex_);
    const storage::ReplicationStatus status = store_ != nullptr ? store_->replication() : status_;
    view.name = config_.cluster.name;
    view.member = self_.name;
    view.is_leader = leads_;
    view.is_draining = is_draining_ && !is_needed_;
    view.is_cut_off = is_cut_off();
    view.needs_copy = status.needs_copy;
    view.term = status.term;
    view.applied = status.applied;
    view.applied_group = status.applied_group;
    view.known_group = status.known_group;
    view.flushed_group = status.flushed_group;
    view.leader_changes = status.leader_changes;
    view.forwarded = status.forwarded;
    view.submitted_again = status.submitted_again;
    view.waiting = waiting_;
    view.heard_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::milliseconds>(
               Clock::now().time_since_epoch() - Clock::duration(heard_at_)
           )
               .count()
    ));
    view.log_bytes = status.log_bytes;
    view.etcd_bytes = status.log_room.bytes;
    view.etcd_bytes_in_use = status.log_room.bytes_in_use;
    view.is_etcd_full = status.log_room.is_full;
    view.no_link = no_link_;
    view.warnings = warnings();
    const auto add = [&](const Member& member) {
        view.members.push_back(view_of(member, status, links));
        if (view.members.back().is_leader) view.leader = member.name;
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
            return other.name != member && !other.is_draining && is_counted(other);
        });
        if (wish == Wish::Promote && is_cut_off())
            return Asked(
                boost::system::in_place_error,
                "etcd is not heard at present, and no member can become the leader without it"
            );
        if (goes && !has_others && (is_self || is_draining_))
            return Asked(
                boost::system::in_place_error,
                member + " is the last member that takes clients: let another one join first"
            );
        const std::string why =
            wish == Wish::Promote ? why_not_leading(is_self ? nullptr : &*found) : std::string();
        if (!why.empty()) return Asked(boost::system::in_place_error, why);
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
            set_draining(false);
            // Not by a word to the others: it could be lost, and a third one come between.
            yields_until_ = {};
            if (may_lead_ && !is_log_short_ && !is_revoked_) return roster_->take_lead();
            log_.warn("cluster_stuck", {{"do", "see /readyz of this member: it cannot lead"}});
    }
}

void Cluster::set_draining(bool is_draining) {
    if (is_draining_.exchange(is_draining) == is_draining) return;
    self_.is_draining = is_draining;
    roster_->update(self_);
    stand_or_not();
    if (is_draining && on_drain) on_drain();
}

}   // namespace grid::server::cluster
