// pubsub/options/subscription_options.cpp: see subscription_options.hpp.
#include "pubsub/options/subscription_options.hpp"

namespace grid::pubsub {

SharedOptions share(const SubscriptionOptions& options) {
    if (options == SubscriptionOptions{}) return nullptr;
    return std::make_shared<const SubscriptionOptions>(options);
}

bool same_but_for_lease(SubscriptionOptions a, SubscriptionOptions b) {
    if ((a.expire == 0) != (b.expire == 0)) return false;
    a.expire = b.expire = 0;
    return a == b;
}

}   // namespace grid::pubsub
