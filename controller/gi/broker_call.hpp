// controller/gi/broker_call.hpp: the controller acts at the broker by XEP-0060, as any client
// does.
#pragma once

#include "controller/gi/operation.hpp"

namespace grid::controller::gi {

/// Decides the XEP-0060 request as the actor of `context`.
pubsub::Decision ask_broker(
    const Call& call, xml::IqType type, const xml::Element& payload, const pubsub::Context& context
);
/// The same request, made by the grid itself: for effects at the broker that the controller has
/// authorized.
pubsub::Context as_system(const pubsub::Context& context);
/// The actor's affiliation with the topic, `none` included.
std::string affiliation_of(const Call& call, std::string_view topic);

/// A batch that the grid makes for the actor rests on the actor's account and the policy too, and
/// says on whose behalf.
void record_allowed_for(
    const Call& call,
    storage::Batch& batch,
    std::string_view operation,
    std::string_view topic,
    const policy::Match& match
);

}   // namespace grid::controller::gi
