// server/delivery/catch_up_positions.cpp: how far sessions got, and when that is written down.
#include <algorithm>

#include "server/delivery/arrivals.hpp"
#include "server/delivery/catch_up.hpp"
#include "server/session/replay_state.hpp"

namespace grid::server {

using pubsub::Position;
using storage::Revision;

namespace {
constexpr std::size_t asked_per_tick_max = 200, noted_per_tick_max = 400;
constexpr auto ask_every = std::chrono::milliseconds(100);
/// Ticks between two questions to one session.
constexpr unsigned ticks_per_question = 10;

/// A session that is sent no items any more, as another stream has bound its resource or its rights
/// have ended, may have its stream for a while: items of that time are not its own.
Revision handed_live(
    const Session& session, const SessionRegistry& sessions, const Fanout& fanout
) {
    const bool is_live = fanout.may_receive(session) && sessions.find(session.id).get() == &session;
    return is_live && session.pending.empty() ? fanout.completed() : session.sent_to;
}
}   // namespace

/// A connected session goes before one that hibernates, which may never come back.
SessionPtr CatchUp::companion_of(const Session& session) const {
    SessionPtr hibernating;
    for (const auto& other : sessions_.of_account(session.bare.str())) {
        if (other->id == session.id || !other->is_open() || other->priority < 0 ||
            !fanout_.may_receive(*other))
            continue;
        if (other->state == Session::State::Connected) return other;
        hibernating = other;
    }
    return hibernating;
}

bool CatchUp::has_connected_companion(const Session& session) const {
    const auto companion = companion_of(session);
    return companion && companion->state == Session::State::Connected;
}

Revision CatchUp::known(const std::string& jid) const {
    const auto noted = notes_.find(jid);
    return std::max(broker_.position(jid), noted == notes_.end() ? 0 : noted->second);
}

/// Everything up to here was handed to its transport.
Position CatchUp::told(const Session& session) const {
    if (session.paused) return *session.paused;
    if (session.replay) {
        const bool is_handed = session.pending.empty();
        const auto& lag = *session.replay;
        Position told = is_handed ? lag.after : lag.after_before;
        // The first items of a new subscription are before this position until they are sent.
        for (const auto& [start, after] : is_handed ? lag.earlier : lag.earlier_before) {
            auto& position = start % 2 == 1 ? told.bare : told.full;
            position = std::min(position, after);
        }
        return told;
    }
    const Revision told =
        fanout_.told_but_for_digests(session, handed_live(session, sessions_, fanout_));
    return {told, told};
}

/// Of the account's items this resource has read all up to here.
Revision CatchUp::has_of_account(const Session& session) const {
    constexpr Revision all = ~Revision{0};
    if (!session.is_open()) return all;
    // Items sent before the session logged out, or stepped back, may not have reached it.
    if (session.paused || session.paused_bare)
        return session.acked_to >= session.sent_to
                   ? all
                   : std::max(session.acked_to, session.account_from);
    if (!session.is_active || session.priority < 0) return all;
    const Revision backlog = session.backlog_from != 0 ? session.backlog_from : all;
    const Revision told =
        std::min(backlog, session.replay ? session.replay->after_before.bare : all);
    if (session.acked_to >= session.sent_to) return told;
    return std::min(told, std::max(session.acked_to, session.account_from));
}

void CatchUp::note(const std::string& jid, Revision told) {
    if (relies(jid)) return;
    if (told <= known(jid) || !broker_.is_subscriber(xml::Jid::from_canonical(jid))) return;
    notes_[jid] = told;
    unsaved_.push_back(jid);
}

void CatchUp::known_elsewhere(const std::string& jid, Revision told) {
    if (told > known(jid) && broker_.is_subscriber(xml::Jid::from_canonical(jid)))
        notes_[jid] = told;
}

void CatchUp::note_session(const Session& session, Position told) {
    note(session.jid.str(), told.full);
    if (session.paused_bare)
        note(session.bare.str(), std::min(told.bare, *session.paused_bare));
    else if (session.priority >= 0)
        note(session.bare.str(), told.bare);
}

bool CatchUp::is_at_a_seam(const Session& session) const {
    return session.replay || std::max(session.sent_to, session.queued_to) <= fanout_.completed();
}

HandedPlace CatchUp::leave_off(const SessionPtr& session) {
    rely_no_more(session);
    HandedPlace place;
    place.is_active = session->is_active;
    if (session->is_active) {
        const Revision live = handed_live(*session, sessions_, fanout_);
        if (!session->replay) start_replay(session, {live, live});
        place.after = session->replay->after;
        place.earlier = session->replay->earlier;
        place.had = session->replay->had;
    }
    place.paused = session->paused;
    place.paused_bare = session->paused_bare;
    place.sent_to = session->sent_to;
    place.acked_to = session->acked_to;
    place.account_from = session->account_from;
    place.backlog_from = session->backlog_from;
    return place;
}

void CatchUp::take_up(const SessionPtr& session, const HandedPlace& place) {
    session->queued_to = session->sent_to = place.sent_to;
    session->acked_to = place.acked_to;
    session->account_from = place.account_from;
    session->backlog_from = place.backlog_from;
    session->paused = place.paused;
    session->paused_bare = place.paused_bare;
    if (!place.is_active) return;
    session->replay = std::make_shared<ReplayState>(place.after);
    session->replay->earlier = session->replay->earlier_before = place.earlier;
    session->replay->had = place.had;
}

void CatchUp::paused(const SessionPtr& session) {
    fanout_.flush_now(session);
    session->paused = told(*session);
    session->replay = nullptr;
    fanout_.forget_digests(*session);
    if (session->acked_to < session->sent_to) on_sent(session);
}

/// A session that never logged in, or whose position was stored when it logged out, was told
/// nothing that its account has not had.
void CatchUp::detached(Session& session) {
    if (!session.is_active && !session.paused) return;
    if (!session.position_at_logout) session.position_at_logout = told(session);
}

void CatchUp::on_unavailable(const SessionPtr& session, Delivered delivered) {
    Position handed = session->position_at_logout ? *session->position_at_logout : told(*session);
    if (const Revision lost = delivered.lost_from; lost != 0)
        handed = {std::min(handed.bare, lost - 1), std::min(handed.full, lost - 1)};
    if (session->position_at_logout) session->position_at_logout = handed;
    const auto companion = companion_of(*session);
    session->replay = nullptr;
    fanout_.forget_digests(*session);
    const Revision reached =
        delivered.is_all ? ~Revision{0} : std::max(delivered.mark, session->acked_to);
    if (!delivered.is_all && session->backlog_from != 0)
        handed.bare = std::min(handed.bare, session->backlog_from);
    const Position has{
        std::max(std::min(handed.bare, reached), session->account_from),
        std::min(handed.full, reached)
    };
    note(session->jid.str(), has.full);
    if (session->priority < 0 && !session->paused_bare) return;
    const Revision bare = std::min(has.bare, session->paused_bare.value_or(has.bare));
    if (!companion) {
        // Nor later, when it turns out that the session has read all.
        if (relies(session->bare.str()) && session->position_at_logout)
            session->position_at_logout->bare = known(session->bare.str());
        return note(session->bare.str(), bare);
    }
    // Items that this session has not read, from before the other resource came, are replayed to
    // that one.
    inherit_backlog(companion, bare);
}

void CatchUp::on_sent(const SessionPtr& session) {
    if (std::exchange(session->is_marking, true)) return;
    to_ask_.push_back(session);
}

void CatchUp::on_all_acked(const Session& session) {
    if (!session.position_at_logout) return;
    note(session.jid.str(), session.position_at_logout->full);
    if (session.priority >= 0 && !companion_of(session))
        note(session.bare.str(), session.position_at_logout->bare);
}

void CatchUp::tick() {
    const auto now = std::chrono::steady_clock::now();
    look_at_relied(now);
    if (now < next_tick_) return;
    next_tick_ = now + ask_every;
    if (++ticks_ % ticks_per_question == 0) round_ = to_ask_.size();
    for (std::size_t asked = 0; round_ != 0 && asked < asked_per_tick_max; ++asked, --round_) {
        const auto session = to_ask_.front().lock();
        to_ask_.pop_front();
        if (session) ask(session);
    }
}

std::vector<storage::Batch> CatchUp::take_notes() {
    std::erase_if(notes_, [&](const auto& noted) {
        return broker_.position(noted.first) >= noted.second ||
               !broker_.is_subscriber(xml::Jid::from_canonical(noted.first));
    });
    std::vector<std::pair<std::string, Revision>> positions;
    while (!unsaved_.empty() && positions.size() < noted_per_tick_max) {
        if (const auto noted = notes_.find(unsaved_.back()); noted != notes_.end())
            positions.emplace_back(*noted);
        unsaved_.pop_back();
    }
    return broker_.note_positions(positions);
}

void CatchUp::ask(const SessionPtr& session) {
    if (!session->transport || (!session->is_active && !session->paused)) {
        session->is_marking = false;
        return;
    }
    const Position handed = told(*session);
    const Revision both = std::min(handed.bare, handed.full);
    // With stream management it is known.
    if (session->management) {
        const Revision lacks = session->management->unacked.owed_from();
        const Revision has = lacks == 0 ? both : std::min(both, lacks - 1);
        if (has >= session->acked_to) session->backlog_from = 0;
        return reached(session, has);
    }
    std::uint64_t number = mark_items(*session, both);
    // Behind all that was handed over: marks of items up to there were reached before.
    if (session->backlog_from != 0 && both >= session->acked_to && session->backlog_mark == 0)
        number = session->backlog_mark = mark_now(*session);
    session->transport->mark(number, [this, session](std::uint64_t mark) {
        boost::asio::post(strand_, [this, session, mark] {
            const std::uint64_t backlog = session->backlog_mark;
            if (backlog != 0 && mark >= backlog) session->backlog_from = session->backlog_mark = 0;
            reached(session, items_of(mark));
        });
    });
}

/// The session has received all up to that revision.
void CatchUp::reached(const SessionPtr& session, Revision revision) {
    session->acked_to = std::max(session->acked_to, revision);
    session->is_marking = false;
    if (session->acked_to < session->sent_to || session->backlog_from != 0) on_sent(session);
    if ((!session->is_active && !session->paused) || !session->transport) return;
    // The account has what all its resources have.
    Revision bare = session->acked_to;
    if (session->backlog_from != 0) bare = std::min(bare, session->backlog_from);
    for (const auto& other : sessions_.of_account(session->bare.str()))
        if (other != session) bare = std::min(bare, has_of_account(*other));
    note_session(*session, {bare, session->acked_to});
}

}   // namespace grid::server
