// pubsub/delivery/copies.hpp: copies of a notification with additions for single subscribers.
#pragma once

#include <string>
#include <vector>

#include "pubsub/ports/ports.hpp"

namespace grid::pubsub {

/// `rest` with a body before the event and headers behind it. The plain copy is `rest` itself.
xml::Bytes render_copy(const Notification& notification, const CopyOptions& copy);

/// One `rest` with the items of all of them, which are of one node, in their order (§12.8:
/// digests).
xml::Bytes digest_of(const std::vector<Notification>& notifications, const CopyOptions& copy);

}   // namespace grid::pubsub
