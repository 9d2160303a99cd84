// server/cluster/cluster_facts.cpp: facts that members tell each other about themselves, for
// operators and for the export of the audit.
#include <algorithm>

#include "server/clock.hpp"
#include "server/cluster/cluster.hpp"

namespace grid::server::cluster {

using Kind = ControlWord::Kind;

namespace {
std::optional<std::uint64_t> still_there(std::uint64_t told) {
    return told == 0 ? std::nullopt : std::optional(told - 1);
}
}   // namespace

void Cluster::take_fact(storage::MemberId from, const ControlWord& word) {
    const std::lock_guard lock(mutex_);
    if (word.kind == Kind::Exported) {
        // The word of one that leads no more could come behind that of the next one.
        if (from == leader_) exported_ = word.number;
        return;
    }
    Facts& facts = facts_[from];
    if (word.kind == Kind::Clock)
        facts.clock_ahead_ms = static_cast<std::int64_t>(word.number) - now();
    if (word.kind == Kind::FreeBytes) facts.free_bytes = word.number;
    if (word.kind == Kind::MayLead) facts.may_lead = word.number != 0;
    if (word.kind == Kind::Leaving) facts.leaving = still_there(word.number);
}

void Cluster::tell_facts() {
    facts_told_at_ = Clock::now();
    std::vector<Member> others;
    {
        const std::lock_guard lock(mutex_);
        others = members_;
    }
    for (const Member& member : others) tell_facts_to(member.id);
}

void Cluster::tell_facts_to(storage::MemberId member) {
    const auto say = [&](Kind kind, std::uint64_t number) {
        links_->send(member, Channel::Control, encode({kind, number}));
    };
    say(Kind::Clock, static_cast<std::uint64_t>(now()));
    say(Kind::FreeBytes, free_bytes());
    say(Kind::MayLead, may_lead_ ? 1 : 0);
    say(Kind::Leaving, leaving_);
    if (leads_ && exported_ != 0) say(Kind::Exported, exported_);
}

void Cluster::tell_all(const ControlWord& word) {
    std::vector<Member> others;
    {
        const std::lock_guard lock(mutex_);
        others = members_;
    }
    for (const Member& member : others) links_->send(member.id, Channel::Control, encode(word));
}

void Cluster::tell_exported(std::uint64_t number) {
    exported_ = number;
    tell_all({Kind::Exported, number});
}

void Cluster::tell_leaving(std::optional<std::uint64_t> left) {
    const std::uint64_t number = left ? *left + 1 : 0;
    if (leaving_.exchange(number) != number) tell_all({Kind::Leaving, number});
}

std::uint64_t Cluster::free_bytes() const {
    std::error_code unknown;
    const auto space = std::filesystem::space(data_, unknown);
    return unknown ? 0 : space.available;
}

/// Of the member, null: of this one. Empty: it may lead. Under the lock.
std::string Cluster::why_not_leading(const Member* member) const {
    // The store itself is asked, too: may_lead_ is as of the last tick.
    bool may_lead = may_lead_ && (store_ == nullptr || store_->replication().may_lead);
    if (member != nullptr) {
        const auto facts = facts_.find(member->id);
        may_lead = facts == facts_.end() || facts->second.may_lead;
    }
    const std::string& name = member != nullptr ? member->name : self_.name;
    return may_lead ? std::string()
                    : name +
                          " cannot lead: its store takes no writes, or did not a moment ago "
                          "(see /readyz there)";
}

/// Under the lock.
controller::MemberView Cluster::view_of(
    const Member& member,
    const storage::ReplicationStatus& status,
    const std::vector<LinkStatus>& links
) const {
    controller::MemberView one;
    one.name = member.name;
    one.address = member.address;
    one.clients = member.clients;
    one.is_self = member.id == self_.id;
    one.is_leader = member.id == status.leader;
    one.is_draining = one.is_self ? is_draining_.load() : member.is_draining;
    if (one.is_self || member.flushed_group != serves_nobody)
        one.flushed_group = one.is_self ? status.flushed_group : member.flushed_group;
    if (one.is_self) {
        one.certificate_expires = links_->valid_until();
        one.clock_ahead_ms = 0;
        one.free_bytes = free_bytes();
        one.may_lead = status.may_lead;
        one.client_cas = client_cas_;
        one.leaving = still_there(leaving_);
        return one;
    }
    const auto link = std::ranges::find_if(links, [&](const LinkStatus& link) {
        return link.member.id == member.id;
    });
    one.client_cas = member.client_cas;
    one.is_linked = link != links.end() && link->is_up;
    if (link != links.end()) one.link_failure = link->failure;
    if (one.is_linked) one.certificate_expires = link->valid_until;
    if (const auto facts = facts_.find(member.id); facts != facts_.end()) {
        one.clock_ahead_ms = facts->second.clock_ahead_ms;
        one.free_bytes = facts->second.free_bytes;
        one.may_lead = facts->second.may_lead;
        one.leaving = facts->second.leaving;
    }
    return one;
}

}   // namespace grid::server::cluster
