// server/live/hub.cpp: rounds, and the events that come of them.
#include "server/live/hub.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <numeric>

#include "controller/rest/views.hpp"
#include "controller/state.hpp"
#include "server/clock.hpp"
#include "server/metrics/process_figures.hpp"
#include "xml/utf8.hpp"

namespace grid::server::live {

namespace asio = boost::asio;
namespace json = boost::json;
using controller::audit::Tail;
using controller::rest::to_json;

namespace {

constexpr auto live_round_every = std::chrono::seconds(1);
/// From the end of a round to the next one, whoever joins.
constexpr auto live_round_pause = std::chrono::milliseconds(100);
/// Rates over less say nothing.
constexpr auto rates_over = std::chrono::milliseconds(500);

std::string json_line(const json::value& value) { return xml::valid_utf8(json::serialize(value)); }

Event lost_records(const std::optional<std::uint64_t>& count) {
    return make_event(
        "lost",
        json_line(json::object{{"records", count ? json::value(*count) : json::value(nullptr)}})
    );
}

Event record_event(const controller::audit::Entry& entry) {
    return make_event("audit", json_line(to_json(entry)), entry.id);
}

std::uint64_t published(const pubsub::Broker& broker) {
    for (const auto& [event, count] : broker.event_counts())
        if (event == "item_published") return count;
    return 0;
}

/// `accounts` in the order of Figures::accounts.
void count_accounts(Figures& figures, const controller::Accounts& accounts) {
    using controller::AccountState;
    figures.accounts = {
        accounts.count(AccountState::Pending), accounts.count(AccountState::Enabled),
        accounts.count(AccountState::Disabled)
    };
}

void count_events(Counts& counts, Core& core, const Load& load) {
    counts.published = published(core.broker());
    counts.delivered = load.sent.items;
    counts.received = core.stream_counts().stanzas.count();
    counts.sent = load.sent.stanzas;
    const auto handshakes = core.stream_counts().handshake.read().counts;
    counts.logins = std::accumulate(handshakes.begin(), handshakes.end(), std::uint64_t{0});
    for (const auto& decided : core.controller().state_for_admin().policy.decided())
        counts.denied += decided.denied;
    for (const auto& [refused, count] : core.controller().refusal_counts()) counts.refused += count;
    const FloodCounts& floods = core.flood_counts();
    counts.limited = floods.slowed.load() + floods.cut.load() + load.sent.slow_closed;
}

json::array transfer_list(const std::vector<bulk::Transfer>& transfers) {
    json::array list;
    for (const bulk::Transfer& transfer : transfers) list.push_back(to_json(transfer));
    return list;
}

}   // namespace

Hub::Hub(asio::io_context& context, Core& core, storage::Store& store)
    : strand_(asio::make_strand(context)), timer_(strand_), core_(core), store_(store) {}

void Hub::start() {
    core_.watch_sessions([self = shared_from_this()](
                             const Session& session, Core::SessionChange what
                         ) { self->note(session, what); });
}

// --- listeners ----------------------------------------------------------------------------------

ListenerPtr Hub::listen(std::string account, EventWish wish, std::function<void()> wake) {
    {
        const std::lock_guard lock(mutex_);
        const auto own = by_account_.find(account);
        if (own != by_account_.end() && own->second >= listeners_per_account_max) return nullptr;
        if (count_ >= listeners_max) return nullptr;
        ++count_;
        ++by_account_[account];
    }
    auto listener =
        std::make_shared<Listener>(std::move(account), std::move(wish), std::move(wake));
    asio::post(strand_, [self = shared_from_this(), listener] {
        self->joining_.push_back(listener);
        self->timer_.cancel();
        if (!self->is_in_round_) self->begin_round();
    });
    return listener;
}

void Hub::leave(const ListenerPtr& listener) {
    listener->end();   // also of a round under way
    {
        const std::lock_guard lock(mutex_);
        --count_;
        const auto own = by_account_.find(listener->account());
        if (--own->second == 0) by_account_.erase(own);
    }
    asio::post(strand_, [self = shared_from_this(), listener] {
        std::erase(self->joining_, listener);
        std::erase(self->listeners_, listener);
    });
}

// --- the core strand ----------------------------------------------------------------------------

void Hub::note(const Session& session, Core::SessionChange what) {
    if (!is_watching_) return;
    ++changes_.counts.at(static_cast<std::size_t>(what));
    if (changes_.listed.size() == sessions_max) return;
    changes_.listed.push_back(
        {session.id, session.jid.str(), session.principal.address,
         to_string(session.transport_kind), what}
    );
}

Hub::GatheredPtr Hub::gather() {
    if (!std::exchange(is_watching_, true)) ended_seen_ = core_.transfers().ended_count();
    auto gathered = std::make_shared<Gathered>();
    Figures& figures = gathered->figures;
    figures.taken = Clock::now();
    figures.time = now();
    const Load load = core_.load();
    figures.sessions = core_.sessions().size();
    const auto connected =
        std::accumulate(load.sessions.begin(), load.sessions.end(), std::size_t{0});
    figures.hibernating = figures.sessions - std::min(connected, figures.sessions);
    const controller::State& state = core_.controller().state_for_admin();
    count_accounts(figures, state.accounts);
    figures.topics = core_.broker().node_count();
    figures.items = core_.broker().item_count();
    figures.subscriptions = core_.broker().subscription_count();
    figures.policy_version = state.policy.head().version;
    count_events(figures.counts, core_, load);
    gathered->changes = std::exchange(changes_, {});
    gathered->transfers = gather_transfers();
    return gathered;
}

Hub::Transferring Hub::gather_transfers() {
    const bulk::Transfers& table = core_.transfers();
    Transferring found;
    found.running_count = table.running_count();
    found.running = table.running(transfers_max);
    const std::uint64_t ended = table.ended_count();
    found.ended_count = ended - std::exchange(ended_seen_, ended);
    found.ended = table.recent(
        static_cast<std::size_t>(std::min<std::uint64_t>(found.ended_count, transfers_max))
    );
    return found;
}

// --- rounds -------------------------------------------------------------------------------------

void Hub::begin_round() {
    is_in_round_ = true;
    core_.post([self = shared_from_this()] {
        asio::post(self->strand_, [self, gathered = self->gather()] {
            self->read_audit(gathered);
        });
    });
}

/// One snapshot for all: between the records that a listener has missed and those that all are told
/// of from now on lies none.
void Hub::read_audit(const GatheredPtr& gathered) {
    const auto joined = std::make_shared<std::vector<Joining>>();
    for (ListenerPtr& listener : std::exchange(joining_, {}))
        joined->push_back({std::move(listener), {}});
    store_.read([self = shared_from_this(), gathered, joined,
                 last = last_record_](const storage::Snapshot& snapshot) {
        std::optional<Tail> tail;
        if (auto read = controller::audit::read_tail(snapshot, last, records_max))
            tail = std::move(*read);
        for (Joining& joining : *joined)
            if (const std::string& after = joining.listener->wish().after; !after.empty())
                if (auto read = controller::audit::read_tail(snapshot, after, missed_max))
                    joining.missed = std::move(*read);
        asio::post(self->strand_, [self, gathered, joined, tail = std::move(tail)] {
            self->tell(gathered, tail, joined);
        });
    });
}

void Hub::tell(
    const GatheredPtr& gathered, const std::optional<Tail>& tail, const JoiningPtr& joined
) {
    Figures& figures = gathered->figures;
    const metrics::ProcessFigures process = metrics::process_figures();
    figures.cpu_seconds = process.cpu_seconds;
    figures.resident_bytes = process.resident_bytes;
    figures.commit = core_.pipeline_counts().commit.read();
    figures.fan_out = core_.pipeline_counts().fan_out.read();
    figures.is_writable = store_.status().writable;
    if (tail) tell_audit(*tail);
    // Behind those records: what they have missed came before.
    for (Joining& joining : *joined) take_in(joining);
    tell_accounts(figures, tail.value_or(Tail{}), !joined->empty());
    tell_sessions(gathered->changes);
    tell_transfers(gathered->transfers);
    tell_state(figures);
    end_round();
}

void Hub::take_in(Joining& joining) {
    if (joining.listener->is_ended()) return;
    if (joining.missed) {
        if (joining.missed->missed != 0)
            joining.listener->put(EventKind::Audit, lost_records(joining.missed->missed));
        for (const auto& entry : joining.missed->entries)
            joining.listener->put(EventKind::Audit, record_event(entry));
    }
    listeners_.push_back(joining.listener);
}

void Hub::end_round() {
    is_in_round_ = false;
    if (listeners_.empty() && joining_.empty()) return rest();
    timer_.expires_after(joining_.empty() ? Clock::duration(live_round_every) : live_round_pause);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error && !self->is_in_round_) self->begin_round();
    });
}

/// The next listener begins anew.
void Hub::rest() {
    last_record_.clear();
    before_.reset();
    core_.post([self = shared_from_this()] {
        self->is_watching_ = false;
        self->changes_ = {};
    });
}

// --- events -------------------------------------------------------------------------------------

void Hub::tell_all(EventKind kind, const Event& event) {
    for (const ListenerPtr& listener : listeners_) listener->put(kind, event);
}

void Hub::tell_state(const Figures& figures) {
    const bool is_soon = before_ && figures.taken - before_->taken < rates_over;
    tell_all(
        EventKind::State, make_event("state", state_json(figures, is_soon ? std::nullopt : before_))
    );
    if (!is_soon) before_ = figures;
}

/// Each change of an account has its record. `is_first`: one listens that has heard nothing yet.
void Hub::tell_accounts(const Figures& figures, const Tail& tail, bool is_first) {
    json::array changed;
    for (const auto& entry : tail.entries) {
        const auto& record = entry.record;
        if (!record.operation.starts_with("account-") || changed.size() == accounts_max) continue;
        changed.emplace_back(record.target.empty() ? record.actor : record.target);
    }
    const bool is_same = figures.accounts == accounts_before_;
    if (!is_first && changed.empty() && tail.missed == 0 && is_same) return;
    accounts_before_ = figures.accounts;
    tell_all(
        EventKind::Accounts, make_event(
                                 "accounts", json_line(json::object{
                                                 {"pending", figures.accounts[0]},
                                                 {"enabled", figures.accounts[1]},
                                                 {"disabled", figures.accounts[2]},
                                                 {"changed", std::move(changed)}
                                             })
                             )
    );
}

void Hub::tell_sessions(const Changes& changes) {
    constexpr std::array<std::string_view, 4> words{"opened", "closed", "hibernated", "resumed"};
    json::object counts;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        counts[words.at(i)] = changes.counts.at(i);
        all += changes.counts.at(i);
    }
    if (all == 0) return;
    json::array listed;
    for (const SessionChange& change : changes.listed)
        listed.push_back(json::object{
            {"what", words.at(static_cast<std::size_t>(change.what))},
            {"id", change.id},
            {"jid", change.jid},
            {"address", change.address},
            {"transport", change.transport}
        });
    tell_all(
        EventKind::Sessions,
        make_event(
            "sessions",
            json_line(json::object{{"counts", std::move(counts)}, {"changes", std::move(listed)}})
        )
    );
}

void Hub::tell_transfers(const Transferring& transfers) {
    const bool has_some = transfers.running_count > 0 || transfers.ended_count > 0;
    // Once more when there are none any longer.
    if (!has_some && !std::exchange(had_transfers_, has_some)) return;
    had_transfers_ = has_some;
    tell_all(
        EventKind::Transfers, make_event(
                                  "transfers", json_line(json::object{
                                                   {"transfers", transfer_list(transfers.running)},
                                                   {"running", transfers.running_count},
                                                   {"recent", transfer_list(transfers.ended)},
                                                   {"ended", transfers.ended_count}
                                               })
                              )
    );
}

void Hub::tell_audit(const Tail& tail) {
    if (tail.missed != 0) tell_all(EventKind::Audit, lost_records(tail.missed));
    for (const auto& entry : tail.entries) tell_all(EventKind::Audit, record_event(entry));
    if (!tail.last.empty()) last_record_ = tail.last;
}

}   // namespace grid::server::live
