// server/net/entrance.cpp: see entrance.hpp.
#include "server/net/entrance.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace grid::server::net {

namespace {

/// Of the places for strangers: the clients behind one address that come at one time are no crowd.
constexpr std::size_t few_part = 16;

std::string reached(const Entrance::Bound& bound) {
    return bound.name + " (" + std::to_string(bound.most) + ") is reached";
}

}   // namespace

bool Entrance::Rank::operator<(const Rank& other) const {
    return std::tuple(other.strangers, stage, oldest) <
           std::tuple(strangers, other.stage, other.oldest);
}

Entrance::Rank Entrance::rank_of(Sources::iterator source) {
    const Source& own = source->second;
    for (std::size_t stage = 0; stage < own.stages.size(); ++stage)
        if (!own.stages[stage].empty())
            return {own.strangers(), stage, *own.stages[stage].begin(), source};
    return {0, 0, 0, source};
}

template <class Use>
void Entrance::each_rank(Sources::iterator source, Use use) const {
    const Source& own = source->second;
    const auto few = std::max<std::size_t>(bounds_.strangers.most / few_part, 1);
    const auto strangers = std::max(own.strangers(), few);
    for (std::size_t stage = 0; stage < own.stages.size(); ++stage)
        if (!own.stages[stage].empty())
            use(Rank{strangers, stage, *own.stages[stage].begin(), source});
}

template <class Change>
void Entrance::change(Sources::iterator source, Change change) {
    each_rank(source, [this](const Rank& rank) { ranks_.erase(rank); });
    change(source->second);
    each_rank(source, [this](const Rank& rank) { ranks_.insert(rank); });
}

void Entrance::forget(Sources::iterator source) {
    if (source->second.all == 0) sources_.erase(source);
}

void Entrance::displace(std::uint64_t id, Sources::iterator newcomer, Displaced& then) {
    Place& place = *places_.at(id);
    leave(place);
    ++leaving_;
    place.state_ = Place::State::Displaced;
    then = std::exchange(place.then_, nullptr);
    if (place.source_ != newcomer) forget(place.source_);
}

/// A connection that has not begun TLS goes first, unless it came just now: among many that have
/// begun, every newcomer would give way to the next one before its first bytes are here.
std::uint64_t Entrance::first_to_go() const {
    constexpr auto tls = static_cast<std::size_t>(Place::Stage::Tls);
    const Rank& first = *ranks_.begin();
    const auto just_now = bounds_.strangers.most / 4;   // newcomers since then
    for (std::size_t stage = first.stage; stage <= tls; ++stage) {
        const auto next = ranks_.lower_bound(Rank{first.strangers, stage, 0, {}});
        if (next == ranks_.end() || next->strangers != first.strangers) break;
        if (next->stage == tls || next->oldest + just_now <= last_id_) return next->oldest;
    }
    return first.oldest;
}

std::string Entrance::make_room(
    Sources::iterator source, std::string& reason, std::array<Displaced, 2>& then
) {
    const Source& own = source->second;
    if (own.strangers() >= bounds_.strangers_per_source.most) {
        const Rank first = rank_of(source);
        if (first.stage == static_cast<std::size_t>(Place::Stage::Tls))
            return reached(bounds_.strangers_per_source);
        reason = reached(bounds_.strangers_per_source);
        displace(first.oldest, source, then[0]);
    } else if (own.all >= bounds_.per_source.most) {
        if (own.strangers() == 0) return reached(bounds_.per_source);
        reason = reached(bounds_.per_source);
        displace(rank_of(source).oldest, source, then[0]);
    }
    const bool is_full = all_ >= bounds_.all.most;
    if (!is_full && strangers_ < bounds_.strangers.most) return {};
    const Bound& bound = is_full ? bounds_.all : bounds_.strangers;
    if (ranks_.empty()) return reached(bound);
    reason = reached(bound);
    displace(first_to_go(), source, then[1]);
    return {};
}

Entrance::Entered Entrance::enter(const std::string& source) {
    std::array<Displaced, 2> then;
    Entered entered;
    {
        const std::lock_guard lock(mutex_);
        if (leaving_ >= bounds_.leaving)
            return {nullptr, "connections that had to give way are still being closed"};
        const auto found = sources_.try_emplace(source).first;
        auto refusal = make_room(found, entered.reason, then);
        if (refusal.empty()) {
            const auto id = ++last_id_;
            entered.place = std::make_shared<Place>(shared_from_this(), found, id);
            places_.emplace(id, entered.place.get());
            change(found, [id](Source& own) {
                own.stages[0].insert(id);
                ++own.all;
            });
            ++strangers_;
            ++all_;
        } else {
            entered.reason = std::move(refusal);
            forget(found);
        }
    }
    for (const auto& one : then)
        if (one) one();
    return entered;
}

std::size_t Entrance::connections() const {
    const std::lock_guard lock(mutex_);
    return all_ + leaving_;
}

/// Out of all counts, in whichever it was.
void Entrance::leave(Place& place) {
    const auto id = place.id_;
    change(place.source_, [id](Source& own) {
        own.erase(id);
        --own.all;
    });
    if (place.state_ != Place::State::Kept) --strangers_;
    --all_;
}

void Entrance::reach(Place& place, std::size_t stage) {
    const std::lock_guard lock(mutex_);
    if (place.state_ != Place::State::Stranger || place.stage_ >= stage) return;
    place.stage_ = stage;
    change(place.source_, [id = place.id_, stage](Source& own) {
        own.erase(id);
        own.stages[stage].insert(id);
    });
}

bool Entrance::keep(Place& place) {
    const std::lock_guard lock(mutex_);
    if (place.state_ == Place::State::Kept) return true;
    if (place.state_ != Place::State::Stranger) return false;
    place.state_ = Place::State::Kept;
    change(place.source_, [id = place.id_](Source& own) { own.erase(id); });
    --strangers_;
    place.then_ = nullptr;
    return true;
}

void Entrance::closed(Place& place) {
    const std::lock_guard lock(mutex_);
    if (place.state_ == Place::State::Closed) return;
    if (place.state_ == Place::State::Displaced) {
        --leaving_;
    } else {
        leave(place);
        forget(place.source_);
    }
    place.state_ = Place::State::Closed;
    places_.erase(place.id_);
}

void Entrance::Place::on_displaced(Displaced then) {
    {
        const std::lock_guard lock(entrance_->mutex_);
        if (state_ != State::Displaced) {
            then_ = std::move(then);
            return;
        }
    }
    then();
}

}   // namespace grid::server::net
