// server/delivery/catch_up_other_members.cpp: items of an account whose sessions are on several
// members of a cluster: which member takes care of them, and what is done where that one fails.
#include <algorithm>
#include <utility>

#include "server/delivery/catch_up.hpp"
#include "server/session/other_member.hpp"
#include "server/session/replay_state.hpp"

namespace grid::server {

using std::chrono::steady_clock;
using storage::MemberId;
using storage::Revision;

namespace {
/// How far a session elsewhere got comes shortly before or after the word of its end.
constexpr auto take_over_after = std::chrono::seconds(1);
}   // namespace

/// A question to the members that have sessions of an account.
struct CatchUp::Asked {
    std::shared_ptr<ReplayState> lag;   // of the session, while it is held
    Revision from = 0;                  // where it began without an answer
    std::size_t open = 0;               // members that have not answered
    Relied best;                        // of the answers, that with the most
};

bool CatchUp::has_sessions(MemberId member, const std::string& account) const {
    return std::ranges::any_of(sessions_.of_account(account), [&](const SessionPtr& one) {
        return one->other_member && one->other_member->member() == member;
    });
}

/// Of sessions that come at several members at the same time the one that asked first takes what
/// waits. Turns say which one that is: a question behind one that its member has heard has a later
/// turn, whatever the clocks say. A member that relies on another one is relied on by none, so that
/// each item is in somebody's care.
AccountPlace CatchUp::place_of(const std::string& account, std::uint64_t turn, std::uint64_t id) {
    last_turn_ = std::max(last_turn_, turn);
    AccountPlace place{known(account), 0};
    const auto relied = relied_.find(account);
    if (relied != relied_.end() && place.items < relied->second.up_to) return place;
    for (const SessionPtr& one : sessions_.of_account(account)) {
        if (!one->is_open() || one->state != Session::State::Connected || one->priority < 0 ||
            !fanout_.may_receive(*one))
            continue;
        const bool is_waiting = one->replay && one->replay->is_held;
        if (!is_waiting || std::pair(one->replay->turn, one->id) < std::pair(turn, id))
            place.cared_to = fanout_.completed();
    }
    return place;
}

/// Where the account has subscriptions, all: another session of it may have come a moment ago, and
/// word of that be on its way.
std::vector<std::shared_ptr<OtherMember>> CatchUp::members_to_ask(const Session& session) const {
    std::vector<std::shared_ptr<OtherMember>> members;
    const SessionWatcher* const watcher = sessions_.watcher();
    if (watcher != nullptr && broker_.is_subscriber(session.bare)) members = watcher->others();
    for (const SessionPtr& one : sessions_.of_account(session.bare.str()))
        if (one->other_member && std::ranges::find(members, one->other_member) == members.end())
            members.push_back(one->other_member);
    return members;
}

/// The replay of the session waits for the answers. A session beside which another one takes the
/// account's items here asks none.
void CatchUp::ask_elsewhere(const SessionPtr& session) {
    if (session->priority < 0 || has_connected_companion(*session)) return;
    const auto members = members_to_ask(*session);
    if (members.empty()) return;
    if (!std::exchange(session->replay->is_held, true)) session->replay->turn = ++last_turn_;
    const auto asked =
        std::make_shared<Asked>(Asked{session->replay, session->account_from, members.size(), {}});
    for (const auto& member : members)
        member->ask_place(*session, [this, session, asked, id = member->member()](auto place) {
            known_elsewhere(session->bare.str(), place.items);
            if (place.cared_to > asked->best.up_to) asked->best = {place.cared_to, id};
            if (--asked->open == 0) placed(session, *asked);
        });
}

void CatchUp::placed(const SessionPtr& session, const Asked& asked) {
    const auto& lag = asked.lag;
    lag->is_held = false;
    if (session->replay != lag) return;   // the session logged out, or moved
    const std::string& account = session->bare.str();
    const bool may_pass_over = session->is_active && session->priority >= 0 &&
                               session->account_from == asked.from && session->backlog_from == 0;
    if (may_pass_over) {
        const Revision had = std::max(asked.from, known(account));
        const bool is_cared_for =
            asked.best.up_to > had && has_sessions(asked.best.member, account);
        session->account_from = is_cared_for ? asked.best.up_to : had;
        if (session->account_from > asked.from) lag->pass_over(session->account_from);
        if (is_cared_for) rely(account, asked.best);
    }
    step(session);
}

bool CatchUp::relies(const std::string& account) {
    const auto found = relied_.find(account);
    if (found == relied_.end()) return false;
    if (known(account) < found->second.up_to) return true;
    relied_.erase(found);
    return false;
}

/// On one member at a time: where two would take care of a part each, a session here takes all.
void CatchUp::rely(const std::string& account, Relied on) {
    if (known(account) >= on.up_to) return;
    Relied& relied = relied_.try_emplace(account, on).first->second;
    relied.up_to = std::max(relied.up_to, on.up_to);
    if (relied.member != on.member) take_over(account);
}

/// The session here that has been told the most of the account's items.
SessionPtr CatchUp::heir_of(const std::string& account) const {
    SessionPtr heir;
    for (const SessionPtr& one : sessions_.of_account(account)) {
        if (!one->is_open() || one->priority < 0 || !fanout_.may_receive(*one)) continue;
        const auto rank = [](const Session& session) {
            return std::pair(session.state != Session::State::Connected, session.account_from);
        };
        if (!heir || rank(*one) < rank(*heir)) heir = one;
    }
    return heir;
}

/// Without an heir the next session that logs in gets them.
void CatchUp::take_over(const std::string& account) {
    if (!relies(account)) return;
    const SessionPtr heir = heir_of(account);
    if (!heir) return;
    relied_.erase(account);
    inherit_backlog(heir, known(account));
}

void CatchUp::left_elsewhere(const std::string& account, MemberId member) {
    const auto found = relied_.find(account);
    if (found == relied_.end() || found->second.member != member) return;
    if (!has_sessions(member, account))
        to_take_over_.emplace_back(steady_clock::now() + take_over_after, account);
}

/// A session that has come there meanwhile began where the one before it was.
void CatchUp::look_at_relied(steady_clock::time_point now) {
    while (!to_take_over_.empty() && to_take_over_.front().first <= now) {
        const std::string account = std::move(to_take_over_.front().second);
        to_take_over_.pop_front();
        const auto found = relied_.find(account);
        if (found != relied_.end() && !has_sessions(found->second.member, account))
            take_over(account);
    }
}

void CatchUp::moved_elsewhere(const Session& there, MemberId before) {
    const std::string& account = there.bare.str();
    const auto found = relied_.find(account);
    if (found != relied_.end() && found->second.member == before && !has_sessions(before, account))
        found->second.member = there.other_member->member();
}

/// A session that came beside it left to it what it had not had yet.
void CatchUp::went_elsewhere(const Session& there) {
    const std::string& account = there.bare.str();
    if (sessions_.count_here(account) == 0) return forget_account(account);
    if (const SessionPtr heir = heir_of(account))
        rely(account, {heir->account_from, there.other_member->member()});
}

/// Items that the session left to others at its member are still theirs.
void CatchUp::came_here(const Session& here, MemberId before) {
    const std::string& account = here.bare.str();
    if (has_sessions(before, account)) return rely(account, {here.account_from, before});
    const auto found = relied_.find(account);
    if (found != relied_.end() && found->second.member == before) relied_.erase(found);
}

/// Elsewhere the session begins before all that it relied on here.
void CatchUp::rely_no_more(const SessionPtr& session) {
    const std::string& account = session->bare.str();
    if (!relies(account)) return;
    const Revision had = known(account);
    if (session->is_active && session->priority >= 0) {
        relied_.erase(account);
        return inherit_backlog(session, had);
    }
    if (session->paused) session->paused->bare = std::min(session->paused->bare, had);
    if (session->paused_bare) session->paused_bare = std::min(*session->paused_bare, had);
    session->acked_to = std::min(session->acked_to, had);
}

}   // namespace grid::server
