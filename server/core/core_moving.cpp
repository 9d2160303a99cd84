// server/core/core_moving.cpp: a session whose client resumes it at another member of a cluster
// (XEP-0198 §5): it is handed over, and goes on there under the same number.
#include <algorithm>

#include "server/clock.hpp"
#include "server/core/core.hpp"

namespace grid::server {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
/// How soon a wait for what was committed looks again.
constexpr auto look_again_after = std::chrono::milliseconds(2);
/// A member that is behind waits so long until it has what the session was told elsewhere.
constexpr auto arrival_max = std::chrono::seconds(3);

ResumeFailure not_found() { return {"item-not-found", {}}; }

std::size_t stanza_bytes(const std::vector<Outgoing>& stanzas) {
    std::size_t bytes = 0;
    for (const Outgoing& stanza : stanzas) bytes += stanza.bytes();
    return bytes;
}
}   // namespace

// Here, where the session was.

void Core::hand_over(const FetchRequest& wanted, std::function<void(FetchAnswer)> done) {
    ResumeRequest request;
    request.identity = std::make_shared<const controller::Identity>(wanted.identity);
    request.token = wanted.token;
    request.handled = wanted.handled;
    request.address = wanted.address;
    request.transport_kind = wanted.transport_kind;
    auto found = find_resumable(request);
    if (auto* failure = std::get_if<ResumeFailure>(&found)) return done(std::move(*failure));
    if (std::holds_alternative<xml::StreamError>(found))
        return done(HandledTooHigh{resumptions_.find(wanted.token)->management->unacked.sent_count()
        });
    const SessionPtr session = std::get<SessionPtr>(found);
    if (session->id != wanted.session) return done(not_found());
    take_over(session, std::move(request), [this, done = std::move(done)](ResumeAnswer answer) {
        if (auto* failure = std::get_if<ResumeFailure>(&answer)) return done(std::move(*failure));
        done(handed_over(std::get<Attached>(answer).session));
    });
    fanout_.flush();
}

/// The session's requests are answered. Transfers and queries that hang on tables of this member
/// end.
void Core::let_move(const SessionPtr& session, const std::shared_ptr<Session::Resuming>& resuming) {
    const bool is_there = !session->is_ended && session->state == Session::State::Hibernating;
    fanout_.let_go(session);
    fanout_.flush_now(session);
    if (is_there && !catch_up_.is_at_a_seam(*session)) {
        const auto timer = std::make_shared<asio::steady_timer>(strand_, look_again_after);
        return timer->async_wait([this, timer, session, resuming](boost::system::error_code) {
            if (session->resuming == resuming) let_move(session, resuming);
        });
    }
    if (is_there) {
        in_band_.session_ended(*session);
        in_band_histories_.session_ended(*session);
        router_.refuse_queries(session);
        fanout_.flush_now(session);
    }
    session->resuming = nullptr;
    resuming->timer.cancel();
    if (!is_there) return resuming->done(not_found());
    // Stanzas that wait because others hold all the room could not go along.
    if (!session->pending.empty()) return resuming->done(ResumeFailure{"resource-constraint", {}});
    session->is_moving = true;
    resuming->done(Attached{session, session->attachment, nullptr});
}

HandedOver Core::handed_over(const SessionPtr& session) {
    const Management& management = *session->management;
    const auto kept = management.unacked.kept();
    HandedOver handed;
    handed.session = session->id;
    handed.is_active = session->is_active;
    handed.is_present = session->is_present;
    handed.takes_copies = session->takes_copies;
    handed.knows_block_list = session->knows_block_list;
    handed.priority = session->priority;
    handed.show = session->show;
    handed.shares_from = session->shares_from;
    handed.stanzas_in = session->stanzas_in;
    handed.stanzas_out = session->stanzas_out;
    handed.resume_within = management.resume_within;
    handed.received = management.received;
    handed.acknowledged = management.unacked.sent() - kept.size();
    handed.unacked = {kept.begin(), kept.end()};
    handed.told_to = fanout_.completed();
    handed.place = catch_up_.leave_off(session);
    handed.messages = offline_.handed_over(*session);
    handed.presence = presence_.handed_over(*session);
    handed.presence.components = router_.components_told(*session);
    return handed;
}

void Core::stays_here(const SessionPtr& session) {
    session->is_moving = false;
    refuse_resuming(session, "item-not-found");
    offline_.on_available(session);
}

/// Stanzas that came for it meanwhile go after it, but for events that it is told of there.
void Core::went_away(
    const SessionPtr& session,
    const SessionPtr& there,
    std::uint64_t sent,
    storage::Revision told_to
) {
    fanout_.flush_now(session);
    const auto& unacked = session->management->unacked;
    const auto kept = unacked.kept();
    const std::size_t since =
        std::min<std::size_t>(kept.size(), unacked.sent() - std::min(sent, unacked.sent()));
    std::vector<Outgoing> later(kept.end() - static_cast<std::ptrdiff_t>(since), kept.end());
    later.insert(later.end(), session->pending.begin(), session->pending.end());
    resumptions_.forget(*session);
    sessions_.goes_on_as(*session, there);
    catch_up_.went_elsewhere(*there);
    presence_.gone(there);
    offline_.gone(*session);
    router_.forget_components(*session);
    fanout_.forget_digests(*session);
    session->state = Session::State::Ended;
    session->is_active = session->is_moving = false;
    session->replay = nullptr;
    session->queue = nullptr;
    session->held = nullptr;
    session->management = nullptr;
    std::vector<Outgoing>().swap(session->pending);
    session->pending_bytes = 0;
    session_changed_(*session, SessionChange::Closed);
    part_with_rate(*session);
    fanout_.presence_changed(session->bare);
    log_.info(
        "session_moved", {{"jid", there->jid.str()},
                          {"member", there->other_member->name()},
                          {"stanzas", std::to_string(kept.size() - since)}}
    );
    for (Outgoing& stanza : later)
        if (stanza.is_stanza() && (stanza.owed_from() == 0 || stanza.owed_from() <= told_to))
            fanout_.send(there, std::move(stanza));
    fanout_.flush();
    offline_.on_stored(session->bare.str());   // another session may take what waits
}

// Here, where the client is.

struct Core::Arriving {
    SessionPtr away;
    std::shared_ptr<OtherMember> from;
    ResumeRequest request;
    std::function<void(ResumeAnswer)> done;
    std::uint64_t fetch = 0;
    std::uint64_t said_before = 0;   // Presence::said_count
    HandedOver handed = {};
    steady_clock::time_point until = {};
};

/// A token tells only the account's own sessions, and of one key.
SessionPtr Core::find_elsewhere(const ResumeRequest& request) const {
    for (const SessionPtr& session : sessions_.of_account(request.identity->account.str()))
        if (session->other_member && Resumptions::is_same(*session->identity, *request.identity) &&
            session->other_member->has_token(session->id, request.token))
            return session;
    return nullptr;
}

void Core::fetch(
    const SessionPtr& away, ResumeRequest request, std::function<void(ResumeAnswer)> done
) {
    if (auto refused = refuse_resuming_of(request)) return done(std::move(*refused));
    const FetchRequest wanted{away->id,        request.token,          request.handled,
                              request.address, request.transport_kind, *request.identity};
    const auto coming = std::make_shared<Arriving>(Arriving{
        away, away->other_member, std::move(request), std::move(done), 0, presence_.said_count()
    });
    coming->from->fetch(wanted, [this, coming](std::uint64_t number, FetchAnswer answer) {
        if (auto* failure = std::get_if<ResumeFailure>(&answer))
            return coming->done(std::move(*failure));
        if (const auto* wrong = std::get_if<HandledTooHigh>(&answer))
            return coming->done(sm::handled_count_too_high(coming->request.handled, wrong->sent));
        coming->fetch = number;
        coming->handed = std::move(std::get<HandedOver>(answer));
        coming->until = steady_clock::now() + arrival_max;
        arrive(coming);
    });
}

/// No item that it was told there is live here after it has come.
void Core::arrive(const std::shared_ptr<Arriving>& coming) {
    const bool is_behind = fanout_.completed() < coming->handed.told_to;
    if (is_behind && !is_stopped_ && steady_clock::now() < coming->until) {
        const auto timer = std::make_shared<asio::steady_timer>(strand_, look_again_after);
        return timer->async_wait([this, timer, coming](boost::system::error_code) {
            arrive(coming);
            fanout_.flush();
        });
    }
    auto refused = is_behind || is_stopped_ ? std::optional(not_found()) : refuse_arrival(*coming);
    if (refused) {
        coming->from->leave(coming->fetch);
        return coming->done(std::move(*refused));
    }
    complete_arrival(coming);
}

/// In the turn in which it enters the table.
std::optional<ResumeFailure> Core::refuse_arrival(const Arriving& coming) {
    const SessionPtr& away = coming.away;
    if (sessions_.find(away->id) != away || away->other_member != coming.from) return not_found();
    if (auto refused = refuse_resuming_of(coming.request)) return refused;
    const auto& all = sessions_.of_account(away->bare.str());
    const bool has_other = std::ranges::any_of(all, [&](const SessionPtr& other) {
        return other != away && other->jid == away->jid;
    });
    if (has_other) return ResumeFailure{"conflict", {}};
    make_room_for(away->jid);
    if (sessions_.count_beside(away->jid) >= config_.limits.resources_per_account_max)
        return ResumeFailure{"resource-constraint", {}};
    return std::nullopt;
}

/// All that it is, but for its transport. Null: there is no room for what its client lacks.
SessionPtr Core::make_arrived(Arriving& coming) {
    const Session& away = *coming.away;
    HandedOver& handed = coming.handed;
    ResumeRequest& request = coming.request;
    auto session = std::make_shared<Session>();
    session->id = away.id;
    session->jid = away.jid;
    session->bare = away.bare;
    session->since = away.since;
    session->moves = away.moves + 1;
    session->budget =
        std::make_shared<Budget>(config_.limits.outbox_bytes_max, account_budget(away.bare));
    if (session->budget->take(stanza_bytes(handed.unacked)) != Budget::Taken::Yes) return nullptr;
    session->account_rate = rates_.is_bounded() ? account_rate(away.bare) : nullptr;
    session->identity = std::move(request.identity);
    session->principal.jid = session->jid;
    session->principal.session = session->id;
    session->principal.address = std::move(request.address);
    session->principal.issuer = controller::authorities_text(*session->identity);
    session->principal.is_mapped = session->identity->is_mapped;
    session->transport_kind = request.transport_kind;
    session->allowance = allowance_of(*session);
    session->management = std::make_unique<Management>(session->budget, handed.acknowledged);
    for (Outgoing& stanza : handed.unacked) session->management->unacked.push(std::move(stanza));
    session->management->received = handed.received;
    session->management->token = request.token;
    session->management->resume_within = handed.resume_within;
    session->is_active = handed.is_active;
    session->is_present = handed.is_present;
    session->takes_copies = handed.takes_copies;
    session->knows_block_list = handed.knows_block_list;
    session->priority = handed.priority;
    session->show = handed.show;
    session->shares_from = handed.shares_from;
    session->stanzas_in = handed.stanzas_in;
    session->stanzas_out = handed.stanzas_out;
    session->heard = now();
    return session;
}

void Core::complete_arrival(const std::shared_ptr<Arriving>& coming) {
    const HandedOver& handed = coming->handed;
    const SessionPtr session = make_arrived(*coming);
    if (!session) {
        coming->from->leave(coming->fetch);
        return coming->done(ResumeFailure{"resource-constraint", {}});
    }
    if (!coming->from->take(coming->fetch, fanout_.completed())) return coming->done(not_found());
    sessions_.goes_on_as(*coming->away, session);
    resumptions_.adopt(session);
    session_changed_(*session, SessionChange::Opened);
    catch_up_.take_up(session, handed.place);
    catch_up_.came_here(*session, coming->from->member());
    fanout_.presence_changed(session->bare);
    go_on(session, coming->request, coming->done);
    router_.note_components(*session, handed.presence.components);
    presence_.come(session, handed.presence);
    presence_.tell_missed(*session, handed.told_to, presence_.said_count() != coming->said_before);
    offline_.come(session, handed.messages);
    send_elsewhere(session);
    fanout_.flush();
}

}   // namespace grid::server
