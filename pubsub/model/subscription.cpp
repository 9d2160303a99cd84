// pubsub/model/subscription.cpp: names of subscription states, and subids.
#include "pubsub/model/subscription.hpp"

#include <array>
#include <utility>

namespace grid::pubsub {

namespace {
constexpr std::array state_names{
    std::pair{SubscriptionState::None, std::string_view("none")},
    std::pair{SubscriptionState::Pending, std::string_view("pending")},
    std::pair{SubscriptionState::Unconfigured, std::string_view("unconfigured")},
    std::pair{SubscriptionState::Subscribed, std::string_view("subscribed")},
};
}   // namespace

std::string_view to_string(SubscriptionState state) {
    return state_names.at(static_cast<std::size_t>(state)).second;
}

std::optional<SubscriptionState> parse_subscription_state(std::string_view text) {
    for (const auto& [state, name] : state_names)
        if (name == text) return state;
    return std::nullopt;
}

storage::Revision owed_from(const Subscription& subscription) {
    // Made `subscribed` by its own record, if nothing else was written there.
    return subscription.delivered != 0 ? subscription.delivered : subscription.revision;
}

std::string first_subid(std::uint64_t node, std::string_view jid) {
    std::uint64_t hash = 14695981039346656037ULL;   // FNV-1a
    const auto mix = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 1099511628211ULL; };
    for (int shift = 0; shift < 64; shift += 8) mix((node >> shift) & 0xff);
    for (char c : jid) mix(static_cast<unsigned char>(c));
    constexpr std::string_view digits = "0123456789abcdef";
    std::string subid(16, '0');
    for (std::size_t i = 0; i < 16; ++i) subid[i] = digits[(hash >> (60 - 4 * i)) & 0xf];
    return subid;
}

}   // namespace grid::pubsub
