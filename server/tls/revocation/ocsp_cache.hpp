// server/tls/revocation/ocsp_cache.hpp: answers of responders, kept until they are out of date.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/tls/revocation/ocsp.hpp"

namespace grid::server::tls {

/// The standing of one certificate; `failure` when the responder gave no usable answer.
struct OcspKnown {
    OcspAnswer answer;
    std::string failure;
    storage::Millis until = 0;
};

/// Bounded: beyond `entries_max` the oldest goes.
class OcspCache {
public:
    OcspCache(std::size_t entries_max, storage::Millis keep_ms_max)
        : entries_max_(entries_max), keep_ms_max_(keep_ms_max) {}

    /// Null when it must be asked.
    const OcspKnown* find(const std::string& id, storage::Millis now);
    /// RFC 6960 §2.4: until its nextUpdate; without one newer information is always there, and
    /// nothing is kept. Until when; 0: not at all.
    storage::Millis keep(const std::string& id, const OcspAnswer& answer, storage::Millis now);
    /// A responder that is down is not asked again for each login.
    void keep_failure(const std::string& id, std::string failure, storage::Millis now);
    /// A responder's last answer about a certificate, when that was "revoked": a responder that is
    /// silent afterwards takes no revocation back. Null: nothing of the kind.
    const OcspAnswer* revoked(const std::string& id) const;
    std::size_t size() const { return known_.size(); }

private:
    void put(const std::string& id, OcspKnown known);

    std::size_t entries_max_;
    storage::Millis keep_ms_max_;
    std::unordered_map<std::string, OcspKnown> known_;
    std::deque<std::string> order_;   // as they came; an entry may be gone by now
    std::unordered_map<std::string, OcspAnswer> revoked_;
};

}   // namespace grid::server::tls
