// server/tls/revocation/ocsp_cache.cpp: see ocsp_cache.hpp.
#include "server/tls/revocation/ocsp_cache.hpp"

#include <algorithm>

namespace grid::server::tls {

namespace {
constexpr storage::Millis failure_ms = 5'000;
/// Revocations are kept although nothing else is to be kept.
constexpr std::size_t revoked_min = 1'000;
}   // namespace

const OcspKnown* OcspCache::find(const std::string& id, storage::Millis now) {
    const auto found = known_.find(id);
    if (found == known_.end()) return nullptr;
    if (found->second.until > now) return &found->second;
    known_.erase(found);
    std::erase(order_, id);
    return nullptr;
}

storage::Millis OcspCache::keep(
    const std::string& id, const OcspAnswer& answer, storage::Millis now
) {
    if (answer.standing != OcspStanding::Revoked)
        revoked_.erase(id);
    else if (revoked_.size() < std::max(entries_max_, revoked_min) || revoked_.contains(id))
        revoked_.insert_or_assign(id, answer);
    if (answer.next_update == 0) return 0;
    const storage::Millis until = std::min(answer.next_update, now + keep_ms_max_);
    put(id, {answer, {}, until});
    return until;
}

const OcspAnswer* OcspCache::revoked(const std::string& id) const {
    const auto found = revoked_.find(id);
    return found == revoked_.end() ? nullptr : &found->second;
}

void OcspCache::keep_failure(const std::string& id, std::string failure, storage::Millis now) {
    put(id, {{}, std::move(failure), now + std::min(failure_ms, keep_ms_max_)});
}

void OcspCache::put(const std::string& id, OcspKnown known) {
    if (entries_max_ == 0) return;
    if (known_.insert_or_assign(id, std::move(known)).second) order_.push_back(id);
    while (known_.size() > entries_max_) {
        known_.erase(order_.front());
        order_.pop_front();
    }
}

}   // namespace grid::server::tls
