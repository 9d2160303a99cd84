// pubsub/options/subscription_options.hpp: how a subscriber wants to be told (XEP-0060 §6.3,
// §16.4.2).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "pubsub/settings.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// When an entity is there to be told (pubsub#show-values), as bits. Unannounced: logged in without
/// presence; as good as Online, but where a node delivers by presence (§12.1).
enum Show : std::uint8_t {
    Online = 1,
    Away = 2,
    Chat = 4,
    Dnd = 8,
    ExtendedAway = 16,
    Unannounced = 32
};
inline constexpr std::uint8_t every_show = 63;

/// Of a collection's subscription (XEP-0248). Default: items at a leaf, nodes at a collection.
enum class SubscriptionType : std::uint8_t { Default, Items, Nodes, All };

inline constexpr std::uint32_t every_depth = std::numeric_limits<std::uint32_t>::max();
/// "Approximately one per day", as the XEP's own form words it.
inline constexpr std::uint32_t digest_ms_default = 24 * 3600 * 1000;
inline constexpr std::uint32_t digest_ms_min = 100, digest_ms_max = 30U * 24 * 3600 * 1000;

struct SubscriptionOptions {
    bool deliver = true, digest = false, include_body = false;
    bool is_temporary = false;   // expire=presence: ends with the subscriber's session (§12.5)
    std::uint8_t shows = every_show;
    SubscriptionType type = SubscriptionType::Default;
    std::uint32_t depth = 1;
    std::uint32_t digest_frequency = digest_ms_default;   // milliseconds
    storage::Millis expire = 0;                           // end of the lease (§12.19); 0: none
    std::string filter;   // §12.20: only items that match; canonical

    friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

/// Null for the defaults: nearly all subscriptions have them, and there are very many.
using SharedOptions = std::shared_ptr<const SubscriptionOptions>;

SharedOptions share(const SubscriptionOptions& options);
inline const SubscriptionOptions& options_of(const SharedOptions& shared) {
    static const SubscriptionOptions defaults;
    return shared ? *shared : defaults;
}

/// Equal but for the end of a lease: who asks for such a one renews it.
bool same_but_for_lease(SubscriptionOptions a, SubscriptionOptions b);

}   // namespace grid::pubsub
