// server/core/core_resumption.cpp: sessions without a transport, and their way back (XEP-0198 §5).
#include "server/core/core.hpp"

namespace grid::server {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
/// A resumption waits so long for the answers to the session's earlier requests: a client that
/// repeated one of these would have it done twice.
constexpr auto answers_seconds_max = std::chrono::seconds(10);
constexpr std::size_t ended_per_tick_max = 200;
/// At a stop there is so much time at least to commit what is left.
constexpr auto commits_within = std::chrono::milliseconds(500);
}   // namespace

/// False: the session cannot be resumed, and leaves.
bool Core::hibernate(const SessionPtr& session) {
    if (!session->management || session->management->token.empty() || session->is_ended)
        return false;
    if (sessions_.find(session->id) != session) return false;   // a bind replaced it
    if (!session->transport && session->state == Session::State::Connected)
        return false;   // closed for want of reading
    catch_up_.note_acknowledged(session);
    session->transport = nullptr;
    session->allowance = nullptr;
    session->state = Session::State::Hibernating;
    session->management->heard();
    session_changed_(*session, SessionChange::Hibernated);
    sessions_.changed(*session);   // of an account the oldest gives way, wherever it is
    resumptions_.wait(*session, steady_clock::now() + session->management->resume_within);
    while (resumptions_.waiting() > config_.sessions.hibernating_max) {
        const auto oldest = sessions_.find(resumptions_.next());
        if (!oldest) break;
        end_hibernating(oldest, "more than sessions.hibernating_max sessions wait to be resumed");
    }
    return session->state == Session::State::Hibernating;
}

void Core::end_hibernating(const SessionPtr& session, const std::string& why) {
    if (session->state != Session::State::Hibernating) return;
    log_.info("session_ended", {{"jid", session->jid.str()}, {"reason", why}});
    fanout_.flush_now(session);
    end_session(session, why, {});
}

void Core::end_unresumed() {
    for (const std::uint64_t id : resumptions_.due(steady_clock::now(), ended_per_tick_max))
        if (const auto session = sessions_.find(id))
            end_hibernating(session, "the client did not come back in time");
}

/// Their clients come back to another process, which knows no tokens of this one: messages that
/// they did not acknowledge wait for them in the store.
void Core::wind_up(steady_clock::time_point until, std::function<void()> done) {
    for (const std::uint64_t id :
         resumptions_.due(steady_clock::time_point::max(), ended_per_tick_max)) {
        const auto session = sessions_.find(id);
        if (session) end_hibernating(session, "the server stops");
    }
    fanout_.flush();
    if (resumptions_.waiting() != 0 && steady_clock::now() < until)
        return asio::post(strand_, [this, until, done = std::move(done)]() mutable {
            wind_up(until, std::move(done));
        });
    wait_for_answers(until, std::move(done));
}

/// Of the other members, which may stop as well: what is in nobody's care is committed here.
void Core::wait_for_answers(steady_clock::time_point until, std::function<void()> done) {
    if (router_.asking() != 0 && steady_clock::now() < until - commits_within) {
        timer_.expires_after(std::chrono::milliseconds(2));
        timer_.async_wait([this, until, done = std::move(done)](boost::system::error_code) mutable {
            wait_for_answers(until, std::move(done));
        });
        return;
    }
    if (SessionWatcher* const watcher = sessions_.watcher()) watcher->ask_no_more();
    catch_up_.stop();
    note_positions();
    wait_for_commits(until, std::move(done));
}

void Core::resume(ResumeRequest request, std::function<void(ResumeAnswer)> done) {
    asio::post(strand_, [this, request = std::move(request), done = std::move(done)]() mutable {
        const auto away = resumptions_.find(request.token) ? nullptr : find_elsewhere(request);
        if (away) return fetch(away, std::move(request), std::move(done));
        auto found = find_resumable(request);
        if (auto* failure = std::get_if<ResumeFailure>(&found)) return done(std::move(*failure));
        if (auto* error = std::get_if<xml::StreamError>(&found)) return done(std::move(*error));
        take_over(std::get<SessionPtr>(found), std::move(request), std::move(done));
        fanout_.flush();
    });
}

std::variant<SessionPtr, ResumeFailure, xml::StreamError> Core::find_resumable(
    const ResumeRequest& request
) {
    const SessionPtr session = resumptions_.find(request.token);
    // A token of another account, or of another key, is as good as one that never was.
    if (!session || !session->is_open() || session->is_ended ||
        !Resumptions::is_same(*session->identity, *request.identity))
        return ResumeFailure{
            "item-not-found", resumptions_.handled_by_ended(request.token, *request.identity)
        };
    // The session is on its way to another member, and may be there.
    if (session->is_moving) return ResumeFailure{"conflict", {}};
    // Of a client at another member that one asks.
    if (request.transport)
        if (auto refused = refuse_resuming_of(request)) return std::move(*refused);
    auto& unacked = session->management->unacked;
    if (unacked.has_all_after(request.handled)) return session;
    if (unacked.place_of(request.handled) == UnackedQueue::Place::TooHigh)
        return sm::handled_count_too_high(request.handled, unacked.sent_count());
    // The client lacks stanzas that are not kept any more.
    return ResumeFailure{"item-not-found", static_cast<std::uint32_t>(session->handled())};
}

/// Asked of all that resume a session, wherever the session is.
std::optional<ResumeFailure> Core::refuse_resuming_of(const ResumeRequest& request) {
    if (is_cut_off()) return ResumeFailure{"resource-constraint", {}};
    const auto why = refusal_of(*request.identity);
    if (why.empty()) return std::nullopt;
    controller_.record_refusal(
        "login-refused", request.identity->account.str(), request.address, "not-allowed", why
    );
    return ResumeFailure{"not-allowed", {}};
}

void Core::take_over(
    const SessionPtr& session, ResumeRequest request, std::function<void(ResumeAnswer)> done
) {
    ++session->attachment;
    fanout_.flush_now(session);
    if (session->transport)
        session->transport->close(
            xml::StreamError{"conflict", "the session was resumed on another stream", {}}
        );
    session->transport = nullptr;
    session->state = Session::State::Hibernating;
    session->position_at_logout.reset();
    refuse_resuming(session, "conflict");
    router_.note_read(session->management->unacked.acknowledged_by(request.handled));
    session->management->unacked.acknowledge(request.handled);
    session->management->heard();
    resumptions_.wait(
        *session, steady_clock::now() + session->management->resume_within + answers_seconds_max
    );
    auto resuming = std::make_shared<Session::Resuming>(Session::Resuming{
        std::move(request), std::move(done), asio::steady_timer(strand_, answers_seconds_max)
    });
    session->resuming = resuming;
    if (!session->queue || session->queue->empty()) return attach_again(session);
    resuming->timer.async_wait([this, session, resuming](boost::system::error_code error) {
        if (!error && session->resuming == resuming)
            refuse_resuming(session, "resource-constraint");
    });
    session->queue->on_answered.push_back([this, session, resuming] {
        asio::post(strand_, [this, session, resuming] {
            if (session->resuming == resuming) attach_again(session);
        });
    });
}

void Core::refuse_resuming(const SessionPtr& session, const std::string& condition) {
    if (const auto resuming = std::exchange(session->resuming, nullptr)) {
        resuming->timer.cancel();
        resuming->done(ResumeFailure{condition, {}});
    }
}

void Core::attach_again(const SessionPtr& session) {
    const auto resuming = session->resuming;
    if (!resuming->request.transport) return let_move(session, resuming);
    session->resuming = nullptr;
    resuming->timer.cancel();
    ResumeRequest& request = resuming->request;
    fanout_.let_go(session);
    fanout_.flush_now(session);   // behind what is sent again
    if (session->is_ended || session->state != Session::State::Hibernating)
        return resuming->done(ResumeFailure{"item-not-found", {}});
    resumptions_.wait_no_more(*session);
    session->state = Session::State::Connected;
    session->is_sent_away = false;
    session->transport_kind = request.transport_kind;
    sessions_.identify(*session, std::move(request.identity));
    session->principal.address = std::move(request.address);
    session->principal.issuer = controller::authorities_text(*session->identity);
    session->principal.is_mapped = session->identity->is_mapped;
    session->allowance = allowance_of(*session);
    session->management->owes_ack_of = 0;
    session_changed_(*session, SessionChange::Resumed);
    go_on(session, request, resuming->done);
    // Where this member is being drained it goes on at another one.
    send_elsewhere(session);
    fanout_.flush();
}

/// With the transport of that request.
void Core::go_on(
    const SessionPtr& session, ResumeRequest& request, const std::function<void(ResumeAnswer)>& done
) {
    session->transport = std::move(request.transport);
    // First: the connection knows the session's addresses before it is to write one.
    done(Attached{session, session->attachment, session->allowance});
    const auto handled = static_cast<std::uint32_t>(session->handled());
    auto resumed = sm::resumed(session->management->token, handled);
    if (request.around) resumed = request.around(session->jid, std::move(resumed));
    fanout_.send_again(session, resumed);
    controller_.record_session(
        *session->identity, "resume", session->principal.address, session->jid.str()
    );
    catch_up_.resumed(session);
}

}   // namespace grid::server
