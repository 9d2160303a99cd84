// pubsub/flavour.hpp: copies of a notification with additions for single subscribers.
#pragma once

#include <string>
#include <vector>

#include "pubsub/engine.hpp"

namespace grid::pubsub {

/// `rest` with a body before the event and headers behind it. The plain flavour is `rest` itself.
xml::Bytes flavoured(const Notification& notification, const Flavour& flavour);

/// One `rest` with the items of all of them, which are of one node, in their order (§12.8:
/// digests).
xml::Bytes digest_of(const std::vector<Notification>& notifications, const Flavour& flavour);

}   // namespace grid::pubsub
