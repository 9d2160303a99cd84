// server/net/tls_places.cpp: see tls_places.hpp.
#include "server/net/tls_places.hpp"

#include <algorithm>
#include <utility>

namespace grid::server::net {
namespace {

/// Of all places: how many more than another a source must have to give way sooner. The clients
/// behind one address that come at one time are no crowd.
constexpr std::size_t few_places_part = 16;

}   // namespace

std::shared_ptr<TlsPlaces::Claim> TlsPlaces::claim(
    std::string source,
    Clock::time_point now,
    std::function<void()> granted,
    std::function<void()> give_way
) {
    const std::shared_ptr<Claim> made(new Claim(shared_from_this(), std::move(source)));
    made->granted_ = std::move(granted);
    made->give_way_ = std::move(give_way);
    Calls calls;
    {
        const std::lock_guard lock(mutex_);
        if (held_ < most_) {
            hold(*made, now);
        } else {
            auto& line = waiting_[made->source_];
            made->at_ = line.insert(line.end(), made.get());
            ++line_;
            let_in(*made, now, calls);
        }
    }
    for (const auto& call : calls) call();
    return made;
}

bool TlsPlaces::is_held(const Claim& claim) const {
    const std::lock_guard lock(mutex_);
    return claim.state_ == Claim::State::Held;
}

bool TlsPlaces::retry(Claim& claim, Clock::time_point now) {
    Calls calls;
    bool is_held = false;
    {
        const std::lock_guard lock(mutex_);
        if (claim.state_ == Claim::State::Waiting) let_in(claim, now, calls);
        is_held = claim.state_ == Claim::State::Held;
    }
    for (const auto& call : calls) call();
    return is_held;
}

void TlsPlaces::end(Claim& claim) {
    Calls calls;
    {
        const std::lock_guard lock(mutex_);
        if (claim.state_ == Claim::State::Waiting) stop_waiting(claim);
        if (claim.state_ == Claim::State::Held) release(claim);
        claim.state_ = Claim::State::Ended;
        while (held_ < most_ && line_ > 0) grant(next_waiting(), Clock::now(), calls);
    }
    for (const auto& call : calls) call();
}

/// Takes the places that are due to be given away: for those whose turn is next, whoever asks, so
/// that a crowd in the line has no more turns than a single client; then for `claim`, which may
/// have a right to one that they have not.
void TlsPlaces::let_in(Claim& claim, Clock::time_point now, Calls& calls) {
    auto granted = std::exchange(claim.granted_, nullptr);   // the caller sees it
    while (line_ > 0 && take_from_another(next_waiting(), now, calls))
        grant(next_waiting(), now, calls);
    if (claim.state_ == Claim::State::Waiting && take_from_another(claim, now, calls))
        grant(claim, now, calls);
    if (claim.state_ == Claim::State::Waiting) claim.granted_ = std::move(granted);
}

bool TlsPlaces::take_from_another(const Claim& to, Clock::time_point now, Calls& calls) {
    Claim* leaving = to_give_way(to, now);
    if (leaving == nullptr) return false;
    release(*leaving);
    leaving->state_ = Claim::State::Ended;
    calls.push_back(std::exchange(leaving->give_way_, nullptr));
    return true;
}

void TlsPlaces::grant(Claim& claim, Clock::time_point now, Calls& calls) {
    last_granted_ = claim.source_;
    stop_waiting(claim);
    hold(claim, now);
    if (claim.granted_) calls.push_back(std::exchange(claim.granted_, nullptr));
}

/// A long line has to move faster than it grows.
TlsPlaces::Clock::duration TlsPlaces::patience_now() const {
    const std::size_t short_line = most_ / 2;
    if (line_ <= std::max<std::size_t>(short_line, 1)) return patience;
    const double part = static_cast<double>(short_line) / static_cast<double>(line_);
    return std::max<Clock::duration>(
        std::chrono::duration_cast<Clock::duration>(patience * part * part), crowd_patience
    );
}

/// The oldest of the source that has the most; null: none has to.
TlsPlaces::Claim* TlsPlaces::to_give_way(const Claim& to, Clock::time_point now) const {
    const auto most =
        std::max_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
            return a.second.size() < b.second.size();
        });
    if (most == sources_.end()) return nullptr;
    const auto own = sources_.find(to.source_);
    const std::size_t own_size = own == sources_.end() ? 0 : own->second.size();
    const std::size_t few = std::max<std::size_t>(most_ / few_places_part, 1);
    if (most->second.size() > own_size + few &&
        now - most->second.front()->since_ >= crowd_patience)
        return most->second.front();
    Claim* oldest = most->second.front();
    for (const auto& [name, claims] : sources_)
        if (claims.front()->since_ < oldest->since_) oldest = claims.front();
    return now - oldest->since_ >= patience_now() ? oldest : nullptr;
}

void TlsPlaces::hold(Claim& claim, Clock::time_point now) {
    auto& claims = sources_[claim.source_];
    claim.at_ = claims.insert(claims.end(), &claim);
    claim.since_ = now;
    claim.state_ = Claim::State::Held;
    ++held_;
}

void TlsPlaces::release(Claim& claim) {
    const auto source = sources_.find(claim.source_);
    source->second.erase(claim.at_);
    if (source->second.empty()) sources_.erase(source);
    --held_;
}

void TlsPlaces::stop_waiting(Claim& claim) {
    const auto line = waiting_.find(claim.source_);
    line->second.erase(claim.at_);
    if (line->second.empty()) waiting_.erase(line);
    --line_;
}

TlsPlaces::Claim& TlsPlaces::next_waiting() const {
    const auto next = waiting_.upper_bound(last_granted_);
    return *(next == waiting_.end() ? waiting_.begin() : next)->second.front();
}

std::size_t TlsPlaces::held() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

}   // namespace grid::server::net
