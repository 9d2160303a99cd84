// server/delivery/catch_up.cpp: see server/delivery/catch_up.hpp.
#include "server/delivery/catch_up.hpp"

#include <algorithm>

#include "server/pipeline/storage_error.hpp"
#include "server/session/replay_state.hpp"

namespace grid::server {

namespace asio = boost::asio;
using pubsub::Position;
using storage::Revision;

namespace {
constexpr std::size_t items_per_read_max = 256, bytes_per_read_max = 256 * 1024;
/// The time of one turn of the strand for sessions that are replaying.
constexpr std::chrono::milliseconds catch_up_slice(1);
/// So long a session that is ahead of this member waits for it.
constexpr std::chrono::seconds ahead_max(3);
/// How soon what cannot be read is tried again, at first and at last.
constexpr std::chrono::milliseconds retry_pause_min(50), retry_pause_max(30'000);
}   // namespace

CatchUp::CatchUp(
    net::Strand strand,
    storage::Store& store,
    pubsub::Broker& broker,
    SessionRegistry& sessions,
    Fanout& fanout,
    Log& log
)
    : strand_(std::move(strand)),
      store_(store),
      broker_(broker),
      sessions_(sessions),
      fanout_(fanout),
      log_(log),
      timer_(strand_) {
    fanout_.attach(*this);
}

/// The revision from which on items to the bare JID are delivered to this session, given those that
/// it had. Items that another resource of the account received while this one was away are not
/// replayed to it; those that one which hibernates has not acknowledged are, as its client may have
/// forgotten it and be this one.
Revision CatchUp::bare_start(const Session& session, Revision has) {
    if (session.priority < 0 || has_connected_companion(session)) return fanout_.completed();
    // Items that a session elsewhere took care of may not have reached the account, whatever this
    // session had behind them.
    const std::string& account = session.bare.str();
    if (relies(account)) has = 0;
    relied_.erase(account);
    return std::max(known(account), has);
}

void CatchUp::on_available(const SessionPtr& session) {
    const Position has = session->paused.value_or(Position{});
    session->paused.reset();
    const Position after{
        bare_start(*session, std::min(has.bare, session->paused_bare.value_or(has.bare))),
        std::max(known(session->jid.str()), has.full)
    };
    if (session->priority >= 0) session->paused_bare.reset();
    session->account_from = after.bare;
    session->own_from = after.full;
    if (!session->replay) start_replay(session, after);
    begin_with_last_items(*session);
    go_behind(session, after);
    ask_elsewhere(session);
    step(session);
}

/// §12.2: on_sub_and_presence.
void CatchUp::begin_with_last_items(Session& session) {
    for (const auto& start : broker_.starts_at_presence(session.jid))
        if (!start.is_bare || session.priority >= 0)
            session.replay->begin_at(start.node, start.is_bare, start.after);
}

void CatchUp::stepped_back(const SessionPtr& session) {
    fanout_.flush_now(session);
    session->paused_bare = told(*session).bare;
}

void CatchUp::stepped_forth(const SessionPtr& session) {
    fanout_.flush_now(session);
    const Position has = told(*session);
    const Revision bare = std::exchange(session->paused_bare, std::nullopt).value_or(0);
    const Position after{bare_start(*session, bare), has.full};
    session->account_from = after.bare;
    if (!session->replay) start_replay(session, after);
    session->replay->begin_at(after);
    for (const auto& start : broker_.starts_at_presence(session->jid))
        if (start.is_bare) session->replay->begin_at(start.node, true, start.after);
    ask_elsewhere(session);
    step(session);
}

void CatchUp::go_behind(const SessionPtr& session, Position after) {
    if (session->replay) return session->replay->begin_at(after);
    start_replay(session, after);
    step(session);
}

/// Begins the replay early enough to cover `pending`, which may still be dropped, and the session's
/// digests, which are cancelled here.
void CatchUp::start_replay(const SessionPtr& session, Position after) {
    session->replay = std::make_shared<ReplayState>(after);
    if (!session->pending.empty()) {
        auto& before = session->replay->after_before;
        before = {std::min(after.bare, session->sent_to), std::min(after.full, session->sent_to)};
    }
    for (const auto& [node, is_bare, first] : fanout_.take_digests(*session))
        session->replay->begin_at(node, is_bare, first - 1);
}

/// Another resource of the account left before it had received all items to the bare JID. The
/// missing ones, up to where this session began, are replayed here; those that it had since are not
/// sent again.
void CatchUp::inherit_backlog(const SessionPtr& session, Revision after) {
    if (after >= session->account_from) return;
    fanout_.flush_now(session);
    const auto lag = session->replay;
    const Revision live = session->pending.empty() ? session->queued_to : session->sent_to;
    const Revision told = lag ? lag->after_before.bare : live;
    const std::pair had{std::exchange(session->account_from, after), told};
    const Revision from = std::max<Revision>(after, 1);   // 0 stands for none
    const Revision before = std::exchange(session->backlog_from, from);
    if (before != 0) session->backlog_from = std::min(before, from);
    session->backlog_mark = 0;
    go_behind(session, {after, lag ? lag->after.full : live});
    // Not where it took over before, and is not through with that.
    if (session->replay && (!lag || lag->had.second == 0)) session->replay->had = had;
    on_sent(session);   // and asked when that has arrived
}

void CatchUp::on_feed_gap(Revision after) {
    std::vector<SessionPtr> live;
    sessions_.for_each([&](const SessionPtr& session) {
        if (session->is_open() && !session->replay && fanout_.may_receive(*session))
            live.push_back(session);
    });
    for (const auto& session : live) go_behind(session, {after, after});
}

void CatchUp::on_dropped(const SessionPtr& session) {
    // The part that it was just told: again, when it has read all.
    if (session->replay) return session->replay->take_back();
    start_replay(session, {session->sent_to, session->sent_to});
    behind_.push_back(session);
    wait_for_room();
}

void CatchUp::replay_from(const xml::Jid& subscriber, std::uint64_t node, Revision after) {
    if (!subscriber.is_bare()) {
        if (const auto session = sessions_.find(subscriber))
            replay_from(session, node, false, after);
        return;
    }
    for (const auto& session : sessions_.of_account(subscriber.str()))
        if (session->priority >= 0) replay_from(session, node, true, after);
}

void CatchUp::replay_from(
    const SessionPtr& session, std::uint64_t node, bool is_bare, Revision after
) {
    if (!fanout_.may_receive(*session)) return;
    const bool was_live = !session->replay;
    if (was_live) start_replay(session, {fanout_.completed(), fanout_.completed()});
    session->replay->begin_at(node, is_bare, after);
    if (was_live) step(session);
}

bool CatchUp::has_room(const Session& session) const {
    if (!session.pending.empty()) return false;
    if (session.replay->needs_all_room) return session.budget->used() == 0;
    // Half of what the items of that session may take (Fanout::take_room).
    const auto used = session.budget->used();
    return used == 0 || used < session.budget->fair_bytes_max() / (session.management ? 4 : 2);
}

/// The account has had on another member of a cluster what is not applied here yet: live, it would
/// come again.
bool CatchUp::is_ahead(const Session& session) const {
    const ReplayState& lag = *session.replay;
    return std::max(lag.after.bare, lag.after.full) > fanout_.applied() &&
           std::chrono::steady_clock::now() < lag.begun + ahead_max;
}

void CatchUp::resumed(const SessionPtr& session) {
    if (session->acked_to < session->sent_to) on_sent(session);
    step(session);
}

void CatchUp::step(const SessionPtr& session) {
    if (!session->replay || session->replay->is_reading || session->replay->is_held) return;
    if (!session->transport) return;
    if (!fanout_.may_receive(*session)) return;
    const bool may_retry = std::chrono::steady_clock::now() >= session->replay->retry_at;
    if (!has_room(*session) || !may_retry) {
        behind_.push_back(session);
        return wait_for_room();
    }
    session->replay->handed_over();
    auto owed = broker_.owed(
        session->jid, session->replay->after, session->replay->earlier, items_per_read_max,
        std::min(bytes_per_read_max, session->budget->bytes_max() / 8)
    );
    if (owed.items.empty() && !is_ahead(*session)) return join(session);
    if (owed.items.empty()) {
        behind_.push_back(session);
        return wait_for_room();
    }
    read(session, std::move(owed));
}

storage::Result<CatchUp::Found> CatchUp::find(
    const storage::Snapshot& snapshot, const pubsub::OwedItem& item
) const {
    // An item that the subscriber's filter does not let through is none of its.
    if (!item.has_payload) return Found{{}, item.test != nullptr};
    const pubsub::PayloadFaults& faults = broker_.payload_faults();
    auto stored = pubsub::read_item(snapshot, item.at(), faults);
    using State = pubsub::StoredItem::State;
    if (stored.state == State::Failed) return stored.failure;
    // The item was retracted, or the newer one is replayed, too (Broker::owed_message).
    if (stored.state == State::Gone || stored.state == State::Replaced) return Found{{}, true};
    if (!item.test || stored.state == State::Lost) return Found{std::move(stored.payload), false};
    const auto element = pubsub::read_payload(item.at(), stored.payload, faults);
    if (!element) return Found{};
    return Found{std::move(stored.payload), !item.test->matches(*element)};
}

void CatchUp::read(const SessionPtr& session, pubsub::Owed owed) {
    const auto lag = session->replay;
    lag->is_reading = true;
    auto shared = std::make_shared<const pubsub::Owed>(std::move(owed));
    store_.read([this, session, lag, shared](const storage::Snapshot& snapshot) {
        Values payloads;
        boost::system::error_code failure;
        payloads.reserve(shared->items.size());
        // A fault of the program counts as an item that cannot be read: the subscriber is not left
        // waiting for this read.
        try {
            for (const auto& item : shared->items) {
                // Where the store cannot be read the item stays undelivered: items before it are
                // sent, the others tried again.
                auto found = find(snapshot, item);
                if (!found) {
                    failure = found.error();
                    break;
                }
                payloads.push_back(std::move(*found));
            }
        } catch (const std::exception& fault) {
            log_.error("internal_fault", {{"in", "replay"}, {"reason", fault.what()}});
            failure = internal_fault();
        }
        asio::post(strand_, [this, session, lag, shared, payloads = std::move(payloads), failure] {
            lag->is_reading = false;
            if (session->replay != lag) return;   // the session left meanwhile
            if (!std::exchange(lag->is_read_in_vain, false)) tell(session, *shared, payloads);
            fanout_.flush();
            if (session->pending.empty()) lag->handed_over();
            note_failure(*session, *shared, payloads.size(), failure);
            step(session);
            fanout_.flush();
        });
    });
}

/// Unreadable items are tried again, more and more seldom, and logged once.
void CatchUp::note_failure(
    const Session& session,
    const pubsub::Owed& owed,
    std::size_t at,
    boost::system::error_code failure
) {
    auto& lag = *session.replay;
    if (!failure) {
        lag.retry_pause = {};
        return;
    }
    if (lag.retry_pause.count() == 0 || at > 0) {
        ++unreadable_;
        log_.error(
            "item_unreadable", {{"jid", session.jid.str()},
                                {"node_uid", std::to_string(owed.items[at].node)},
                                {"item", owed.items[at].id},
                                {"reason", failure.message()},
                                {"do", "its subscribers wait for it; it is tried again"}}
        );
    }
    lag.retry_pause = std::clamp(2 * lag.retry_pause, retry_pause_min, retry_pause_max);
    lag.retry_at = std::chrono::steady_clock::now() + lag.retry_pause;
}

void CatchUp::tell(const SessionPtr& session, const pubsub::Owed& owed, const Values& payloads) {
    if (!session->transport || !fanout_.may_receive(*session)) return;
    session->replay->needs_all_room = false;
    const auto is_same = [&](std::size_t a, std::size_t b) {
        return owed.items[a].revision == owed.items[b].revision;
    };
    // An item that came by several sources is told of as a whole: positions do not tell these
    // apart.
    std::size_t whole = payloads.size();
    if (whole < owed.items.size())
        while (whole > 0 && is_same(whole - 1, payloads.size())) --whole;
    for (std::size_t from = 0, to = 0; from < whole; from = to) {
        for (to = from + 1; to < whole && is_same(from, to);) ++to;
        tell_item(session, owed, payloads, from, to);
    }
}

/// One item, by all the sources, [from, to), by which it comes.
void CatchUp::tell_item(
    const SessionPtr& session,
    const pubsub::Owed& owed,
    const Values& payloads,
    std::size_t from,
    std::size_t to
) {
    auto& lag = *session->replay;
    const Revision revision = owed.items[from].revision;
    for (const bool is_bare : {true, false}) {
        if (is_bare && (session->priority < 0 || lag.has_had(revision))) continue;
        std::vector<const pubsub::OwedItem*> sources;
        std::size_t with_payload = from;
        for (std::size_t i = from; i < to; ++i) {
            const auto& item = owed.items[i];
            if (!(is_bare ? item.is_for_bare : item.is_for_full) || payloads[i].is_left_out)
                continue;
            // Items that this session may not receive where it is are passed over, as live.
            if (!broker_.may_receive_here(session->principal, item.node)) continue;
            sources.push_back(&item);
            if (!payloads[i].payload.empty()) with_payload = i;
        }
        const auto& to_jid = is_bare ? session->bare : session->jid;
        for (const auto& message :
             broker_.owed_messages(sources, to_jid, payloads[with_payload].payload)) {
            session->queued_to = std::max(session->queued_to, revision);
            ++replayed_;
            fanout_.send(
                session, Outgoing::message(
                             is_bare ? Address::Bare : Address::Full, message.rest, revision, true
                         )
            );
        }
    }
    for (std::size_t i = from; i < to; ++i)
        for (const bool is_bare : {true, false})
            if (const auto begun = lag.earlier.find(pubsub::start_key(owed.items[i].node, is_bare));
                begun != lag.earlier.end())
                begun->second = std::max(begun->second, revision);
    lag.after.bare = std::max(lag.after.bare, revision);
    lag.after.full = std::max(lag.after.full, revision);
}

/// In one turn with the look that found no more items: later ones are delivered live.
void CatchUp::join(const SessionPtr& session) {
    session->replay = nullptr;
    session->replayed_to = fanout_.applied();
    session->queued_to = std::max(session->queued_to, fanout_.completed());
    if (session->pending.empty()) session->sent_to = session->queued_to;
}

void CatchUp::wait_for_room(std::chrono::milliseconds pause) {
    if (std::exchange(is_waiting_, true)) return;
    timer_.expires_after(pause);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        is_waiting_ = false;
        look_at_waiting();
        fanout_.flush();
    });
}

/// Sessions that have room now go on. In slices: thousands may have been waiting.
void CatchUp::look_at_waiting() {
    const auto deadline = std::chrono::steady_clock::now() + catch_up_slice;
    auto waiting = std::exchange(behind_, {});
    auto next = waiting.begin();
    while (next != waiting.end() && std::chrono::steady_clock::now() < deadline)
        if (const auto session = (next++)->lock()) step(session);
    if (next == waiting.end()) return;
    behind_.insert(behind_.begin(), next, waiting.end());
    timer_.cancel();   // the timer may be set for sessions that have no room yet
    is_waiting_ = false;
    wait_for_room(catch_up_slice);
}

}   // namespace grid::server
