// server/session/registry.cpp: the session table.
#include "server/session/registry.hpp"

#include <algorithm>

namespace grid::server {

bool SessionRegistry::enter(const SessionPtr& session, SessionPtr& replaced) {
    auto& all = by_account_[session->bare.str()];
    const auto is_same = [&](const SessionPtr& s) {
        return !s->other_member && s->jid == session->jid;
    };
    auto same = std::ranges::find_if(all, is_same);
    if (same != all.end()) {
        replaced = *same;
        unlink(*replaced);
        by_id_.erase(replaced->id);
        all.erase(same);
    } else if (count_beside(session->jid) >= resources_max_) {
        if (all.empty()) by_account_.erase(session->bare.str());
        return false;
    }
    all.push_back(session);
    by_id_[session->id] = session;
    link(*session);
    if (watcher_ && replaced) watcher_->on_left(*replaced);
    if (watcher_) watcher_->on_entered(*session);
    return true;
}

void SessionRegistry::enter_elsewhere(const SessionPtr& session) {
    if (!by_id_.emplace(session->id, session).second) return;
    by_account_[session->bare.str()].push_back(session);
    ++on_other_members_;
}

void SessionRegistry::leave(const Session& session) {
    if (by_id_.erase(session.id) == 0) return;
    if (session.other_member)
        --on_other_members_;
    else
        unlink(session);
    take_out(session);
    if (watcher_ && !session.other_member) watcher_->on_left(session);
}

void SessionRegistry::goes_on_as(const Session& before, const SessionPtr& after) {
    const auto found = by_id_.find(before.id);
    if (found == by_id_.end() || found->second.get() != &before) return;
    for (SessionPtr& one : by_account_[before.bare.str()])
        if (one.get() == &before) one = after;
    if (!before.other_member) unlink(before);
    if (after->other_member) ++on_other_members_;
    if (before.other_member) --on_other_members_;
    found->second = after;   // `before` may end here
    if (after->other_member) return;
    link(*after);
    if (watcher_) watcher_->on_entered(*after);
}

void SessionRegistry::take_out(const Session& session) {
    auto found = by_account_.find(session.bare.str());
    if (found == by_account_.end()) return;
    std::erase_if(found->second, [&](const SessionPtr& s) { return s->id == session.id; });
    if (found->second.empty()) by_account_.erase(found);
}

void SessionRegistry::identify(Session& session, controller::IdentityPtr identity) {
    const bool is_entered = by_id_.contains(session.id);
    if (is_entered) unlink(session);
    session.identity = std::move(identity);
    if (is_entered) link(session);
    changed(session);
}

void SessionRegistry::link(const Session& session) {
    for (const std::string& one : session.identity->path)
        by_certificate_.emplace(Hash{}(one), session.id);
    by_expiry_.emplace(session.identity->valid_until, session.id);
}

void SessionRegistry::unlink(const Session& session) {
    for (const std::string& one : session.identity->path)
        by_certificate_.erase({Hash{}(one), session.id});
    by_expiry_.erase({session.identity->valid_until, session.id});
}

std::vector<SessionPtr> SessionRegistry::by_certificate(const std::string& one) const {
    std::vector<SessionPtr> sessions;
    const std::size_t hash = Hash{}(one);
    for (auto at = by_certificate_.lower_bound({hash, 0});
         at != by_certificate_.end() && at->first == hash; ++at)
        if (auto session = find(at->second);
            session &&
            std::ranges::find(session->identity->path, one) != session->identity->path.end())
            sessions.push_back(std::move(session));
    return sessions;
}

std::vector<SessionPtr> SessionRegistry::take_expired(storage::Millis now) {
    std::vector<SessionPtr> sessions;
    while (!by_expiry_.empty() && by_expiry_.begin()->first < now) {
        if (auto session = find(by_expiry_.begin()->second)) sessions.push_back(std::move(session));
        by_expiry_.erase(by_expiry_.begin());
    }
    return sessions;
}

SessionPtr SessionRegistry::find(const xml::Jid& full) const {
    SessionPtr found;
    for (const auto& session : of_account(full.bare_view()))
        if (session->jid == full && (!found || found->other_member)) found = session;
    return found;
}

SessionPtr SessionRegistry::find(std::uint64_t id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

const std::vector<SessionPtr>& SessionRegistry::of_account(std::string_view bare) const {
    static const std::vector<SessionPtr> none;
    auto found = by_account_.find(bare);
    return found == by_account_.end() ? none : found->second;
}

void SessionRegistry::for_each(const std::function<void(const SessionPtr&)>& visit) const {
    for (const auto& [id, session] : by_id_)
        if (!session->other_member) visit(session);
}

std::size_t SessionRegistry::count_here(std::string_view bare) const {
    return static_cast<std::size_t>(std::ranges::count_if(of_account(bare), [](const auto& one) {
        return !one->other_member;
    }));
}

std::size_t SessionRegistry::count_beside(const xml::Jid& full) const {
    const auto& all = of_account(full.bare_view());
    return static_cast<std::size_t>(std::ranges::count_if(all, [&](const auto& one) {
        return one->jid != full;
    }));
}

std::size_t SessionRegistry::hibernating() const {
    return static_cast<std::size_t>(std::ranges::count_if(by_id_, [](const auto& entry) {
        return !entry.second->other_member && entry.second->state == Session::State::Hibernating;
    }));
}

namespace {

controller::SessionView view_of(const Session& s) {
    return {
        s.id,
        s.jid,
        s.principal.address,
        to_string(s.transport_kind),
        s.since,
        s.is_active,
        s.budget ? s.budget->used() : 0,
        s.stanzas_in,
        s.stanzas_out,
        *s.identity,
        s.state == Session::State::Hibernating,
        s.management != nullptr,
        s.management ? s.management->unacked.sent() - s.management->unacked.acknowledged() : 0,
        s.sent_to,
        s.acked_to,
        s.replay != nullptr,
        s.priority,
        s.other_member ? s.other_member->name() : std::string()
    };
}

}   // namespace

std::vector<controller::SessionView> SessionRegistry::sessions_of(const xml::Jid& bare) const {
    std::vector<controller::SessionView> views;
    for (const auto& session : of_account(bare.str())) views.push_back(view_of(*session));
    return views;
}

/// Views are made of those on the page only: a view is some hundred bytes, an id is eight.
std::vector<controller::SessionView> SessionRegistry::sessions_after(
    std::uint64_t id, std::size_t max
) const {
    std::vector<std::uint64_t> ids;
    for (const auto& [number, session] : by_id_)
        if (number > id) ids.push_back(number);
    const auto count = static_cast<std::ptrdiff_t>(std::min(max, ids.size()));
    std::ranges::partial_sort(ids, ids.begin() + count);
    std::vector<controller::SessionView> views;
    for (auto at = ids.begin(); at != ids.begin() + count; ++at)
        views.push_back(view_of(*by_id_.at(*at)));
    return views;
}

std::vector<controller::SessionView> SessionRegistry::sessions() const {
    std::vector<controller::SessionView> views;
    views.reserve(by_id_.size());
    for (const auto& [id, s] : by_id_) views.push_back(view_of(*s));
    std::ranges::sort(views, {}, &controller::SessionView::id);
    return views;
}

const controller::Identity* SessionRegistry::identity(std::uint64_t session) const {
    auto found = by_id_.find(session);
    return found == by_id_.end() ? nullptr : found->second->identity.get();
}

bool SessionRegistry::is_active(std::uint64_t session) const {
    auto found = by_id_.find(session);
    return found != by_id_.end() && found->second->is_active && !found->second->is_ended;
}

std::optional<controller::Activity> SessionRegistry::activity(std::uint64_t session) const {
    auto found = by_id_.find(session);
    if (found == by_id_.end()) return std::nullopt;
    const Session& s = *found->second;
    return controller::Activity{s.jid, s.since, s.is_active && !s.is_ended, s.is_present, s.heard};
}

template <typename IsMeant>
std::vector<xml::Jid> SessionRegistry::addresses(const xml::Jid& bare, IsMeant is_meant) const {
    std::vector<xml::Jid> jids;
    for (const auto& session : of_account(bare.str()))
        if (is_meant(*session)) jids.push_back(session->jid);
    return jids;
}

std::vector<xml::Jid> SessionRegistry::active_resources(const xml::Jid& bare) const {
    return addresses(bare, [](const Session& s) { return s.is_active && !s.is_ended; });
}

std::vector<xml::Jid> SessionRegistry::resources(const xml::Jid& bare) const {
    return addresses(bare, [](const Session&) { return true; });
}

std::vector<xml::Jid> SessionRegistry::active_resources_here(const xml::Jid& bare) const {
    return addresses(bare, [](const Session& s) {
        return s.is_active && !s.is_ended && !s.other_member;
    });
}

std::vector<xml::Jid> SessionRegistry::resources_here(const xml::Jid& bare) const {
    return addresses(bare, [](const Session& s) { return !s.other_member; });
}

}   // namespace grid::server
