// server/presence/last_items.cpp: see server/presence/last_items.hpp.
#include "server/presence/last_items.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pubsub/model/records.hpp"

namespace grid::server {

namespace {

using std::chrono::steady_clock;

/// The time of the core strand at once; other work has its turn in between.
constexpr auto round_slice_max = std::chrono::microseconds(300);
constexpr std::size_t last_items_per_read_max = 32;
constexpr auto read_fault_pause = std::chrono::seconds(1);
constexpr auto missed_pause = std::chrono::seconds(5);

}   // namespace

LastItems::RoundPtr LastItems::round_of(const SessionPtr& session) {
    RoundPtr& round = rounds_[session->id];
    if (!round) {
        round = std::make_shared<Round>();
        round->to = session;
    }
    return round;
}

void LastItems::begin(const SessionPtr& session, presence::WantsPtr had) {
    const RoundPtr round = round_of(session);
    // A round that is under way begins again, with what the client asked for when it began.
    round->had = round->is_of_all && !(round->had && had) ? nullptr : std::move(had);
    round->is_of_all = true;
    round->at.clear();
    const std::string& own = session->bare.str();
    if (round->owners.empty() || round->owners.front() != own) round->owners.push_front(own);
    plan();
}

void LastItems::begin(const SessionPtr& session, std::string owner) {
    if (interests_.of(session->id) == nullptr) return;
    round_of(session)->owners.push_back(std::move(owner));
    plan();
}

/// A session that loses items again and again is told of the last ones now and then.
void LastItems::missed(const SessionPtr& session) {
    if (interests_.of(session->id) == nullptr) return;
    const RoundPtr round = round_of(session);
    round->again_at = std::max(round->again_at, steady_clock::now() + missed_pause);
    begin(session, presence::WantsPtr());
}

void LastItems::plan() {
    if (std::exchange(is_planned_, true)) return;
    post_([this] { work(); });
}

/// Each round has a part of the slice, in turn.
void LastItems::work() {
    is_planned_ = false;
    const auto deadline = steady_clock::now() + round_slice_max;
    for (std::size_t left = rounds_.size(); left > 0; --left) {
        auto at = rounds_.upper_bound(worked_at_);
        if (at == rounds_.end()) at = rounds_.begin();
        if (at == rounds_.end()) return;
        worked_at_ = at->first;
        if (!go_on(RoundPtr(at->second), deadline)) rounds_.erase(worked_at_);
        if (steady_clock::now() >= deadline) {
            if (!rounds_.empty()) plan();
            return;
        }
    }
}

void LastItems::tick() {
    if (!rounds_.empty()) plan();
}

bool LastItems::has_room(const Session& session) const {
    if (!session.budget) return true;
    const std::size_t used = session.budget->used() + session.pending_bytes;
    return used == 0 || used < session.budget->fair_bytes_max() / 2;
}

std::optional<std::string> LastItems::next_owner(Round& round, const Session& session) const {
    if (!round.owners.empty()) {
        std::string owner = std::move(round.owners.front());
        round.owners.pop_front();
        return owner;
    }
    if (!round.is_of_all) return std::nullopt;
    const auto& items = controller_.rosters().of(session.bare.str()).items;
    const auto next = round.at.empty() ? items.begin() : items.upper_bound(round.at);
    if (next == items.end()) return std::nullopt;
    round.at = next->first;
    return next->second.to ? next->first : std::string();
}

bool LastItems::go_on(const RoundPtr& round, steady_clock::time_point deadline) {
    const SessionPtr session = round->to.lock();
    const presence::Wants* wants = session ? interests_.of(session->id) : nullptr;
    if (wants == nullptr || !fanout_.may_receive(*session)) return false;
    if (round->is_reading || !has_room(*session) || steady_clock::now() < round->again_at)
        return true;
    const auto is_new = [&](std::string_view node) {
        return wants->contains(node) && !(round->had && round->had->contains(node));
    };
    while (round->items.size() < last_items_per_read_max && steady_clock::now() < deadline) {
        const auto owner = next_owner(*round, *session);
        if (!owner) break;
        if (owner->empty()) continue;   // a contact whose presence it does not get
        const auto jid = xml::Jid::from_canonical(*owner);
        if (controller_.is_blocked(jid, session->jid)) continue;   // this resource alone
        auto found = broker_.last_items(jid, session->jid, is_new);
        std::ranges::move(found, std::back_inserter(round->items));
    }
    if (!round->items.empty()) read(session, round);
    const auto& items = controller_.rosters().of(session->bare.str()).items;
    const bool is_through = !round->is_of_all || items.empty() ||
                            (!round->at.empty() && items.upper_bound(round->at) == items.end());
    return round->is_reading || !round->owners.empty() || !is_through;
}

void LastItems::read(const SessionPtr& session, const RoundPtr& round) {
    round->is_reading = true;
    store_.read([this, session, round, items = std::exchange(round->items, {}),
                 &faults = broker_.payload_faults()](const storage::Snapshot& snapshot) {
        using State = pubsub::StoredItem::State;
        std::vector<std::string> payloads;
        for (const pubsub::OwedItem& item : items) {
            pubsub::StoredItem stored;
            if (item.has_payload) stored = pubsub::read_item(snapshot, item.at(), faults);
            if (stored.state == State::Failed) break;
            // The newer item that replaces this one is told of when it is published.
            payloads.push_back(
                stored.state == State::There ? std::move(stored.payload) : std::string()
            );
        }
        post_([this, session, round, items, payloads = std::move(payloads)] {
            round->is_reading = false;
            const auto current = rounds_.find(session->id);
            if (current == rounds_.end() || current->second != round) return;
            if (fanout_.may_receive(*session)) tell(session, items, payloads);
            if (payloads.size() < items.size()) {
                log_.fold(Level::Error, "last_items_unreadable", {{"jid", session->jid.str()}});
                round->items.assign(
                    items.begin() + static_cast<std::ptrdiff_t>(payloads.size()), items.end()
                );
                round->again_at = steady_clock::now() + read_fault_pause;
            }
            fanout_.flush();
            plan();
        });
    });
}

void LastItems::tell(
    const SessionPtr& session,
    const std::vector<pubsub::OwedItem>& items,
    const std::vector<std::string>& payloads
) {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        if (items[i].has_payload && payloads[i].empty()) continue;
        if (auto message = broker_.last_item_message(items[i], session->jid, payloads[i]))
            fanout_.send(session, Outgoing::message(Address::Full, std::move(message->rest)));
    }
}

}   // namespace grid::server
