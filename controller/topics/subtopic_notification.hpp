// controller/topics/subtopic_notification.hpp: notifications of subtopics for publishers.
#pragma once

#include "controller/ports.hpp"
#include "controller/settings.hpp"
#include "controller/topics/directory.hpp"
#include "pubsub/model/events.hpp"

namespace grid::controller {

/// To all resources of the topic's publishers and owners that are there. A publisher that is away
/// gets the list when it registers again.
void notify_subtopic(
    const pubsub::SubtopicChanged& event,
    storage::Revision revision,
    storage::Millis now,
    const Settings& settings,
    const Directory& directory,
    SessionControl& control
);

}   // namespace grid::controller
