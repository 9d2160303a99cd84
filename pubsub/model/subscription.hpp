// pubsub/model/subscription.hpp: one subscription: who, in which state, with which options.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/options/subscription_options.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// XEP-0060 §4.2. "none" is the absence of a record. Stored: DO NOT CHANGE the values.
enum class SubscriptionState : std::uint8_t {
    None = 0,
    Pending = 1,
    Unconfigured = 2,
    Subscribed = 3,
};

std::string_view to_string(SubscriptionState state);
std::optional<SubscriptionState> parse_subscription_state(std::string_view text);

struct Subscription {
    SubscriptionState state = SubscriptionState::Subscribed;
    bool is_reminded = false;          // was told that the lease comes to its end (§12.19)
    SharedOptions options;             // null: the defaults
    storage::Revision delivered = 0;   // items after this revision are undelivered
    std::uint64_t checked = 0;         // policy revision under which it was last found allowed
    storage::Revision revision = 0;    // of its record

    bool is_subscribed() const { return state == SubscriptionState::Subscribed; }
    /// Wants items of the node itself: not switched off, not of new nodes only.
    bool wants_items() const {
        return !options || (options->deliver && options->type != SubscriptionType::Nodes &&
                            options->filter.empty());
    }
    /// Wants those that a filter lets through: the subtopic's.
    bool wants_filtered() const {
        return options && options->deliver && options->type != SubscriptionType::Nodes &&
               !options->filter.empty();
    }
    storage::Millis expire() const { return options ? options->expire : 0; }
};

/// The revision after which items are delivered to it: its position is never before that.
storage::Revision owed_from(const Subscription& subscription);

/// A subscriber may have several subscriptions to a node, told apart by subid.
struct SubscriptionKey {
    std::string jid, subid;
};
struct SubscriptionKeyView {
    std::string_view jid, subid;
};

/// By jid, then subid; also looks up without making strings.
struct SubscriptionOrder {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        const std::string_view left = a.jid, right = b.jid;
        if (left != right) return left < right;
        return std::string_view(a.subid) < std::string_view(b.subid);
    }
};
using Subscriptions = std::map<SubscriptionKey, Subscription, SubscriptionOrder>;

/// The subid that the only subscription of `jid` to a node gets: the same for every computation, so
/// that two sessions of one account which subscribe at once contend for one record.
std::string first_subid(std::uint64_t node, std::string_view jid);

}   // namespace grid::pubsub
