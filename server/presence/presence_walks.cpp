// server/presence/presence_walks.cpp: walks over a session's contacts, a slice at a time.
#include <algorithm>
#include <utility>

#include "server/presence/presence.hpp"

namespace grid::server {

namespace {

using std::chrono::steady_clock;

/// The time of the core strand at once; other work has its turn in between.
constexpr auto walk_slice_max = std::chrono::microseconds(300);
/// One stanza to a session with many contacts around it becomes many: the next broadcast of the
/// same session waits that long for each.
constexpr auto pause_each = std::chrono::microseconds(100);
constexpr std::size_t pause_from = 50;   // with fewer there is no pause
/// How many contacts pass between two looks at the clock.
constexpr std::size_t contacts_per_look = 16;

/// The first key behind `after` in a map by JID; the end: null.
template <class Map>
const typename Map::value_type* next_of(const Map& map, const std::string& after) {
    const auto at = after.empty() ? map.begin() : map.upper_bound(after);
    return at == map.end() ? nullptr : &*at;
}

}   // namespace

void Presence::add(Walk walk) {
    const SaidPtr said = walk.said;
    if (!said->next) {
        said->next = std::make_unique<Walk>(std::move(walk));
        (now_ < said->next_from ? pausing_ : waiting_).push_back(said);
        return plan();
    }
    // The newer presence takes its place.
    Walk& next = *said->next;
    if (walk.rest && (!next.rest || !walk.looks_at_rights)) {
        // An end that goes out no more: contacts had heard of what it ended.
        if (next.rest && !next.is_available && !next.is_initial) next.was_heard = true;
        for (auto& [account, is_told] : next.ahead) is_told = false;
        next.rest = std::move(walk.rest);
        next.is_available = walk.is_available;
        next.looks_at_rights = walk.looks_at_rights;
    }
    next.is_initial = next.is_initial || walk.is_initial;
    next.is_refresh = next.is_refresh || walk.is_refresh;
    if (walk.is_refresh) next.ahead.erase(said->session->bare.str());
    next.stage = std::min(next.stage, walk.stage);
    next.directed.merge(walk.directed);
}

void Presence::tell_first(const Session& session, std::string_view account) {
    if (!is_telling()) return;
    const auto found = said_.find(session.id);
    if (found == said_.end()) return;
    const SaidPtr said = found->second;
    for (const auto& held : std::vector(said->held)) let_go(held);
    const std::string bare(account);
    if (walk_ && walk_->said == said) tell_ahead(*walk_, bare);
    if (said->next) tell_ahead(*said->next, bare);
}

/// In the walk's order: as a contact, then as an addressee of directed presence.
void Presence::tell_ahead(Walk& walk, const std::string& account) {
    const std::size_t told = told_;
    const std::string& own = walk.said->session->bare.str();
    const auto* item = controller_.rosters().of(own).find(account);
    const bool is_own = account == own;
    const bool is_contact = item != nullptr && item->from;
    const auto stage = is_own ? Walk::Stage::Own : Walk::Stage::Contacts;
    const bool is_before = walk.stage < stage || (walk.stage == stage && walk.at < account);
    if (walk.rest && is_before && (is_own || is_contact) && !walk.is_told_to(account)) {
        is_own ? tell_own(walk) : tell_contact(walk, account);
        walk.ahead[account] = true;
    }
    auto at = walk.directed.lower_bound(account);
    while (at != walk.directed.end() && at->first.starts_with(account)) {
        const auto to = at++;
        if (xml::Jid::from_canonical(to->first).bare_view() != account) continue;
        tell_directed(walk, to->first, to->second);
        walk.directed.erase(to);
    }
    walk.told += told_ - told;
}

void Presence::plan() {
    if (is_planned_ || (!walk_ && waiting_.empty() && !looking_at_)) return;
    is_planned_ = true;
    post_([this] { work(); });
}

void Presence::work() {
    is_planned_ = false;
    const auto deadline = steady_clock::now() + walk_slice_max;
    while (walk_ || begin_next()) {
        const std::size_t told = told_;
        const bool is_done = go_on(*walk_, deadline);
        walk_->told += told_ - told;
        if (!is_done) break;
        if (walk_->told >= pause_from) walk_->said->next_from = now_ + walk_->told * pause_each;
        walk_.reset();
        if (steady_clock::now() >= deadline) break;
    }
    fanout_.flush();
    plan();
}

bool Presence::begin_next() {
    while (waiting_.empty())
        if (!begin_looking_at_rights()) return false;
    const SaidPtr said = std::move(waiting_.front());
    waiting_.pop_front();
    walk_.emplace(std::move(*said->next));
    said->next.reset();
    return true;
}

bool Presence::go_on(Walk& walk, TimePoint deadline) {
    using Stage = Walk::Stage;
    const auto& roster = controller_.rosters().of(walk.said->session->bare.str());
    const bool is_there = walk.said->rest != nullptr;
    const bool is_asked_here = is_there && !walk.said->session->other_member;
    while (walk.stage != Stage::Done) {
        if (++walk.looked % contacts_per_look == 0 && steady_clock::now() >= deadline) return false;
        const std::string* next = nullptr;
        switch (walk.stage) {
            case Stage::Own:
                if (!walk.is_told_to(walk.said->session->bare.str())) tell_own(walk);
                break;
            case Stage::Contacts:
                if (const auto* entry = walk.rest ? next_of(roster.items, walk.at) : nullptr) {
                    next = &entry->first;
                    if (entry->second.from) tell_contact(walk, entry->first);
                }
                break;
            case Stage::Directed: {
                if (walk.directed.empty()) break;
                const auto to = walk.directed.extract(walk.directed.begin());
                tell_directed(walk, to.key(), to.mapped());
                continue;
            }
            case Stage::Probes:
                if (!is_asked_here || !(walk.is_initial || walk.is_refresh)) break;
                if (const auto* entry = next_of(roster.items, walk.at)) {
                    next = &entry->first;
                    if (entry->second.to) ask_contact(walk, entry->first);
                }
                break;
            case Stage::Requests:
                if (!is_asked_here || !(walk.is_initial || walk.is_refresh)) break;
                if (const auto* entry = next_of(roster.requests, walk.at)) {
                    next = &entry->first;
                    deliver_request(walk, entry->first);
                }
                break;
            case Stage::Done:
                break;
        }
        if (next != nullptr) {
            walk.at = *next;
        } else {
            walk.at.clear();
            walk.stage = static_cast<Stage>(static_cast<int>(walk.stage) + 1);
        }
    }
    return true;
}

/// §4.2.2: an account is subscribed to its own presence.
void Presence::tell_own(const Walk& walk) {
    const SessionPtr& session = walk.said->session;
    for (const SessionPtr& other : sessions_.of_account(session->bare.str())) {
        if (!is_available(*other)) continue;
        if (walk.rest && !walk.looks_at_rights) tell_session(other, other->jid.str(), *walk.rest);
        if (other == session || !walk.said->rest || !(walk.is_initial || walk.is_refresh)) continue;
        tell_session(session, session->jid.str(), *find(*other)->rest);
    }
}

void Presence::tell_contact(const Walk& walk, const std::string& contact) {
    Said& said = *walk.said;
    const auto& theirs = sessions_.of_account(contact);
    if (std::ranges::none_of(theirs, [&](const auto& one) { return is_available(*one); })) return;
    const bool was_withheld = said.withheld.contains(contact);
    if (!walk.is_available) {
        if (walk.is_told_to(contact)) return;
        if (!was_withheld) tell_account(contact, *walk.rest, &said);
        for (const SessionPtr& target : theirs) forget_directed(*target, said.session->jid);
        return;
    }
    if (!controller_.may_share(said.session->principal, contact)) {
        // A contact that heard of the session before the policy forbade it is told its end.
        if (!was_withheld && walk.was_heard_by(contact))
            tell_account(contact, presence::plain_unavailable(said.session->jid), &said);
        said.withheld.insert(contact);
    } else {
        said.withheld.erase(contact);
        tell_resources(walk, contact, was_withheld);
    }
}

/// XEP-0191 §5: a block of one resource keeps the presence from that one alone.
void Presence::tell_resources(const Walk& walk, const std::string& contact, bool was_withheld) {
    Said& said = *walk.said;
    const xml::Jid& own = said.session->jid;
    const bool is_known = walk.looks_at_rights || walk.is_told_to(contact);
    for (const SessionPtr& target : sessions_.of_account(contact)) {
        if (!is_available(*target)) continue;
        const std::string& full = target->jid.str();
        if (controller_.is_blocked(said.session->bare, target->jid)) {
            // A contact that heard of the session before is told its end.
            if (said.withheld.insert(full).second && !was_withheld && walk.was_heard_by(contact))
                tell_session(target, contact, presence::plain_unavailable(own));
        } else if (said.withheld.erase(full) != 0 || was_withheld || !is_known) {
            tell_session(target, contact, *walk.rest);
        }
    }
}

void Presence::tell_directed(const Walk& walk, const std::string& to, const xml::Bytes& rest) {
    const xml::Jid jid = xml::Jid::from_canonical(to);
    const std::string& own = walk.said->session->bare.str();
    // Available resources of a contact that is subscribed have heard already.
    const auto* item = controller_.rosters().of(own).find(jid.bare_view());
    const bool is_contact = walk.rest && item != nullptr && item->from;
    if (jid.is_bare()) {
        if (!is_contact) tell_account(to, *rest, nullptr, true);
        return;
    }
    const SessionPtr target = sessions_.find(jid);
    if (target && may_hear(*target) && !(is_contact && is_available(*target)))
        tell_session(target, to, *rest, true);
}

void Presence::ask_contact(const Walk& walk, const std::string& contact) {
    const SessionPtr& session = walk.said->session;
    if (tell_presence_of(contact, session) != 0 || !walk.is_refresh) return;
    tell_session(
        session, session->jid.str(),
        presence::plain_unavailable(xml::Jid::from_canonical(contact).bare())
    );
}

void Presence::deliver_request(const Walk& walk, const std::string& contact) {
    const SessionPtr& session = walk.said->session;
    const auto* request = controller_.rosters().of(session->bare.str()).request(contact);
    if (request == nullptr || !controller_.may_reach(contact, session->bare.str())) return;
    tell_session(session, session->bare.str(), request->stanza);
}

/// The next available session whose contacts are looked at anew, since rights have changed; false:
/// there is none.
bool Presence::begin_looking_at_rights() {
    if (!looking_at_) return false;
    const auto next = said_.upper_bound(*looking_at_);
    if (next == said_.end()) {
        looking_at_.reset();
        return false;
    }
    looking_at_ = next->first;
    look_again(next->second);
    return true;
}

/// Contacts that may hear of the session now and could not, or the reverse, are told.
void Presence::look_again(const SaidPtr& said) {
    if (!said->rest) return;
    Walk walk;
    walk.said = said;
    walk.rest = said->rest;
    walk.is_available = walk.looks_at_rights = true;
    add(std::move(walk));
}

/// XEP-0191 §3.3, §3.4: a contact that is blocked hears that the account is gone, one that is
/// unblocked that it is there; and the account of the contact.
void Presence::look_again(const controller::BlockEvent& event) {
    const auto look_at = [this](std::string_view account) {
        for (const SessionPtr& session : sessions_.of_account(account))
            if (const auto found = said_.find(session->id); found != said_.end())
                look_again(found->second);
    };
    look_at_nodes(event);
    look_at(event.account);
    if (event.is_blocking)
        for (const SessionPtr& session : sessions_.of_account(event.account)) end_directed(session);
    bool is_each_contact = event.jids.empty();
    for (const std::string& text : event.jids) {
        const xml::Jid jid = xml::Jid::from_canonical(text);
        if (jid.local().empty())
            is_each_contact = true;   // a whole domain
        else
            look_at(jid.bare_view());
    }
    if (is_each_contact)
        for (const auto& [contact, item] : controller_.rosters().of(event.account).items)
            look_at(contact);
}

/// Addressees of directed presence that are blocked now hear the end of it; contacts do as such.
void Presence::end_directed(const SessionPtr& session) {
    const auto found = said_.find(session->id);
    if (found == said_.end() || session->other_member) return;
    Said& said = *found->second;
    const std::string rest = presence::plain_unavailable(session->jid);
    const auto& roster = controller_.rosters().of(session->bare.str());
    std::erase_if(said.directed, [&](const std::string& to) {
        const xml::Jid jid = xml::Jid::from_canonical(to);
        const auto* item = roster.find(jid.bare_view());
        if (said.rest && item != nullptr && item->from) return false;
        for (const SessionPtr& target : sessions_.of_account(jid.bare_view())) {
            const bool is_meant = jid.is_bare() ? is_available(*target) : target->jid == jid;
            if (is_meant && may_hear(*target) && controller_.is_blocked(session->bare, target->jid))
                tell_session(target, to, rest, true);
        }
        return controller_.is_blocked(session->bare, jid);
    });
}

/// The recipients of events of the account's own nodes, and its place among those of its contacts'.
void Presence::look_at_nodes(const controller::BlockEvent& event) {
    for (const std::uint64_t node : broker_.nodes_of_account(event.account))
        fanout_.audience_changed(node);
    fanout_.presence_changed(xml::Jid::from_canonical(event.account));
}

void Presence::tick(TimePoint now) {
    now_ = now;
    for (std::size_t left = pausing_.size(); left != 0; --left) {
        SaidPtr said = std::move(pausing_.front());
        pausing_.pop_front();
        (now_ < said->next_from ? pausing_ : waiting_).push_back(std::move(said));
    }
    if (const std::uint64_t rights = controller_.revision(); rights != rights_) {
        rights_ = rights;
        if (!said_.empty()) looking_at_ = 0;
    }
    for (auto at = behind_.begin(); at != behind_.end();) {
        const auto found = said_.find(*at);
        if (found != said_.end() && found->second->rest) {
            const auto& session = *found->second->session;
            const std::size_t used =
                session.budget ? session.budget->used() + session.pending_bytes : 0;
            if (used != 0 && used > session.budget->fair_bytes_max() / 4) {
                ++at;
                continue;
            }
            Walk walk;
            walk.said = found->second;
            walk.is_refresh = true;
            add(std::move(walk));
        }
        at = behind_.erase(at);
    }
    plan();
}

}   // namespace grid::server
