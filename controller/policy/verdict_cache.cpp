// controller/policy/verdict_cache.cpp: see verdict_cache.hpp.
#include "controller/policy/verdict_cache.hpp"

#include <functional>

namespace grid::controller::policy {

std::size_t VerdictCache::place_of(const Key& key) {
    const std::hash<std::string_view> hash;
    return (hash(key.account) * 0x9e3779b97f4a7c15 + hash(key.topic)) % places;
}

std::uint32_t VerdictCache::find(const Key& key) const {
    if (places_.empty()) return unknown;
    const Place& place = places_[place_of(key)];
    return is_of(place, key) ? place.rules.at(static_cast<std::size_t>(key.operation)) : unknown;
}

void VerdictCache::put(const Key& key, std::uint32_t rule) {
    if (places_.empty()) places_.resize(places);
    Place& place = places_[place_of(key)];
    if (!is_of(place, key)) {
        place.generation = generation_;
        place.revision = key.revision;
        place.account = key.account;
        place.topic = key.topic;
        place.rules.fill(unknown);
    }
    place.rules.at(static_cast<std::size_t>(key.operation)) = rule;
}

}   // namespace grid::controller::policy
