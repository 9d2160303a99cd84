// server/grid/catch_up.cpp: see catch_up.hpp.
#include "server/grid/catch_up.hpp"

#include <algorithm>

namespace grid::server {

namespace asio = boost::asio;
using pubsub::Position;
using storage::Revision;

namespace {
constexpr std::size_t items_per_read_max = 256, bytes_per_read_max = 256 * 1024;
/// How often those that read slowly are looked at.
constexpr auto look_every = std::chrono::milliseconds(10);
}   // namespace

CatchUp::CatchUp(
    net::Strand strand,
    storage::Store& store,
    pubsub::Engine& broker,
    SessionRegistry& sessions,
    Fanout& fanout
)
    : strand_(std::move(strand)),
      store_(store),
      broker_(broker),
      sessions_(sessions),
      fanout_(fanout),
      timer_(strand_) {
    fanout_.attach(*this);
}

void CatchUp::came(const SessionPtr& session) {
    const Revision now = fanout_.completed();
    Position after{now, known(session->jid.str())};
    // What another of the account's resources was told while this one was away is not owed to it.
    if (session->priority >= 0 && !companion_of(*session)) after.bare = known(session->bare.str());
    session->began_bare = now;
    go_behind(session, after);
}

void CatchUp::go_behind(const SessionPtr& session, Position after) {
    if (session->lag) {
        auto& lag = *session->lag;
        lag.after = {std::min(lag.after.bare, after.bare), std::min(lag.after.full, after.full)};
        lag.is_read_in_vain = lag.is_reading;
        return;
    }
    session->lag = std::make_shared<Lag>(after);
    step(session);
}

void CatchUp::missed(Revision after) {
    std::vector<SessionPtr> live;
    sessions_.for_each([&](const SessionPtr& session) {
        if (session->transport && !session->lag && fanout_.may_receive(*session))
            live.push_back(session);
    });
    for (const auto& session : live) go_behind(session, {after, after});
}

void CatchUp::fell_behind(const SessionPtr& session) {
    if (session->lag) {   // the part that it was just told: again, when it has read all
        auto& lag = *session->lag;
        lag.after = lag.after_before;
        lag.earlier = lag.earlier_before;
        lag.needs_all_room = true;
        lag.is_read_in_vain = lag.is_reading;
        return;
    }
    session->lag = std::make_shared<Lag>(Position{session->handed, session->handed});
    behind_.push_back(session);
    wait_for_room();
}

void CatchUp::owes(const xml::Jid& subscriber, std::uint64_t node, Revision after) {
    const auto begin = [&](const SessionPtr& session) {
        if (!fanout_.may_receive(*session)) return;
        const bool was_live = !session->lag;
        if (was_live) {
            const Revision now = fanout_.completed();
            session->lag = std::make_shared<Lag>(Position{now, now});
        }
        session->lag->earlier[node] = after;
        session->lag->is_read_in_vain = session->lag->is_reading;
        if (was_live) step(session);
    };
    if (!subscriber.is_bare()) {
        if (const auto session = sessions_.find(subscriber)) begin(session);
        return;
    }
    for (const auto& session : sessions_.of_account(subscriber.str()))
        if (session->priority >= 0) begin(session);
}

bool CatchUp::has_room(const Session& session) const {
    if (!session.pending.empty()) return false;
    if (session.lag->needs_all_room) return session.budget->used() == 0;
    const auto used = session.budget->used();
    return used == 0 || used < session.budget->fair_bytes_max() / 2;
}

void CatchUp::step(const SessionPtr& session) {
    if (!session->lag || session->lag->is_reading || !session->transport) return;
    if (!fanout_.may_receive(*session)) return;
    if (!has_room(*session)) {
        behind_.push_back(session);
        return wait_for_room();
    }
    auto owed = broker_.owed(
        session->jid, session->lag->after, session->lag->earlier, items_per_read_max,
        std::min(bytes_per_read_max, session->budget->bytes_max() / 8)
    );
    if (owed.items.empty()) return join(session);
    read(session, std::move(owed));
}

void CatchUp::read(const SessionPtr& session, pubsub::Owed owed) {
    const auto lag = session->lag;
    lag->is_reading = true;
    auto shared = std::make_shared<const pubsub::Owed>(std::move(owed));
    store_.read([this, session, lag, shared](const storage::Snapshot& snapshot) {
        Values payloads;
        payloads.reserve(shared->items.size());
        for (const auto& item : shared->items) {
            // One that is gone was retracted: it is not told of (Engine::owed_message). One that
            // cannot be read is still owed: what comes before it is told, the rest tried again.
            auto value = item.payload.key.empty()
                             ? storage::Result<std::optional<storage::Snapshot::Value>>()
                             : snapshot.get(item.payload.family, item.payload.key);
            if (!value) break;
            // An item that the subscriber's filter does not let through is none of its.
            if (*value && item.test && !item.test->matches((*value)->value)) value->reset();
            payloads.push_back(*value ? std::move((*value)->value) : std::string());
        }
        asio::post(strand_, [this, session, lag, shared, payloads = std::move(payloads)] {
            lag->is_reading = false;
            if (session->lag != lag) return;   // it went meanwhile
            if (!std::exchange(lag->is_read_in_vain, false)) tell(session, *shared, payloads);
            fanout_.flush();
            if (payloads.size() < shared->items.size()) {
                behind_.push_back(session);
                return wait_for_room();
            }
            step(session);
            fanout_.flush();
        });
    });
}

void CatchUp::tell(const SessionPtr& session, const pubsub::Owed& owed, const Values& payloads) {
    if (!session->transport || !fanout_.may_receive(*session)) return;
    auto& lag = *session->lag;
    auto& after = lag.after;
    auto& earlier = lag.earlier;
    lag.after_before = after;
    lag.earlier_before = earlier;
    lag.needs_all_room = false;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const auto& item = owed.items[i];
        // What this session may not have where it is, it passes over, as live.
        const bool is_allowed = broker_.may_receive_here(session->principal, item.node);
        for (const bool is_bare : {true, false}) {
            if (!(is_bare ? item.is_for_bare && session->priority >= 0 : item.is_for_full))
                continue;
            if (!is_allowed || (!item.payload.key.empty() && payloads[i].empty())) continue;
            const auto& to = is_bare ? session->bare : session->jid;
            const auto message = broker_.owed_message(item, to, payloads[i]);
            if (!message) continue;
            session->told = std::max(session->told, item.revision);
            ++replayed_;
            fanout_.send(
                session, {is_bare ? &session->head_bare : &session->head_full, message->rest,
                          item.revision, true}
            );
        }
        if (const auto begun = earlier.find(item.node); begun != earlier.end())
            begun->second = std::max(begun->second, item.revision);
        after.bare = std::max(after.bare, item.revision);
        after.full = std::max(after.full, item.revision);
    }
}

/// In one turn with the look that found nothing more: what is applied after it is told live.
void CatchUp::join(const SessionPtr& session) {
    session->lag = nullptr;
    session->joined = fanout_.applied();
    session->told = std::max(session->told, fanout_.completed());
    if (session->pending.empty()) session->handed = session->told;
}

void CatchUp::wait_for_room() {
    if (std::exchange(is_waiting_, true)) return;
    timer_.expires_after(look_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        is_waiting_ = false;
        for (const auto& weak : std::exchange(behind_, {}))
            if (const auto session = weak.lock()) step(session);
        fanout_.flush();
    });
}

}   // namespace grid::server
