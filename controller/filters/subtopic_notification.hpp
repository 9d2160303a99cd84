// controller/filters/subtopic_notification.hpp: publishers hear of subtopics (protocol B.8).
#pragma once

#include "controller/controller.hpp"
#include "controller/ports.hpp"
#include "controller/topics/directory.hpp"
#include "pubsub/events.hpp"

namespace grid::controller {

/// To all resources of the topic's publishers and owners that are there. Who is not gets the list
/// when it registers as publisher again.
void notify_subtopic(
    const pubsub::SubtopicChanged& event,
    storage::Revision revision,
    storage::Millis now,
    const Settings& settings,
    const Directory& directory,
    SessionControl& control
);

}   // namespace grid::controller
