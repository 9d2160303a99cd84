// server/session/allowance.cpp: a flood is slowed down first, and cut off when it goes on.
#include "server/session/allowance.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace grid::server {

namespace {
/// More than come at once, so that what is full is forgotten faster than it gathers.
constexpr int looks_per_call = 4;
}   // namespace

Allowance::Verdict Allowance::draw(Sent sent, Clock::time_point now) {
    Verdict verdict;
    const auto own = own_.take(sent, now);
    const auto debt = std::max(own, account_->take(sent, now));
    verdict.pause = std::max(debt, debt.zero());
    const bool was_silent = now - read_again_at_ >= break_min;
    read_again_at_ = now + verdict.pause;
    if (was_silent || debt <= -break_min / 2) slowed_since_.reset();
    if (was_silent || own <= -break_min / 2) flooding_since_.reset();
    if (verdict.pause == verdict.pause.zero()) return verdict;
    if (!slowed_since_) {
        slowed_since_ = now;
        verdict.is_first = true;
        ++counts_.slowed;
    }
    // A session that pays for others of its account is slowed down, but not cut off.
    if (own <= own.zero()) return verdict;
    if (!flooding_since_) flooding_since_ = now;
    verdict.is_flood = flood_max_ != flood_max_.zero() && now - *flooding_since_ >= flood_max_;
    if (verdict.is_flood) ++counts_.cut;
    return verdict;
}

void PartedRates::keep(
    std::string account, std::shared_ptr<RateBuckets> buckets, Clock::time_point now
) {
    forget_full(now);
    if (!buckets->is_full(now)) kept_[std::move(account)] = std::move(buckets);
}

std::shared_ptr<RateBuckets> PartedRates::take(const std::string& account, Clock::time_point now) {
    forget_full(now);
    const auto found = kept_.find(account);
    if (found == kept_.end()) return nullptr;
    auto buckets = std::move(found->second);
    kept_.erase(found);
    return buckets;
}

void PartedRates::forget_full(Clock::time_point now) {
    auto at = kept_.upper_bound(looked_at_);
    for (int looks = 0; looks < looks_per_call; ++looks) {
        if (at == kept_.end()) return looked_at_.clear();   // from the beginning, the next time
        looked_at_ = at->first;
        at = at->second->is_full(now) ? kept_.erase(at) : std::next(at);
    }
}

}   // namespace grid::server
