// pubsub/decide/room_guard.hpp: bounds over many records that requests of one moment must not pass
// together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pubsub/model/records.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// How many requests about one account may be in the queue at once: below its bound by less than
/// that, its guard makes them meet.
inline constexpr std::size_t account_slack = 256;

/// Of two batches with the same guard that were decided upon the same memory one is refused, and
/// decided again.
inline void meet(const BrokerState& broker, std::string_view guard, storage::Batch& batch) {
    const std::string key = meta_key(guard);
    batch.expect(storage::Family::Control, key, broker.memory.guard(guard));
    batch.put(storage::Family::Control, key, "");
}

/// The guard of a bound of an account. Accounts share a fixed number of them, so that none has to
/// be removed with its account; of two that meet for nothing, one is decided again.
inline std::string account_guard(std::string_view bound, std::string_view bare) {
    constexpr std::uint32_t guards = 64;
    std::uint32_t hash = 2166136261U;   // FNV-1a: the same on each member
    for (const char c : bare) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return std::string(bound) + "/" + std::to_string(hash % guards);
}

}   // namespace grid::pubsub
