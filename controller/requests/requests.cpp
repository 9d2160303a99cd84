// controller/requests/requests.cpp: see controller/requests/requests.hpp.
#include "controller/requests/requests.hpp"

#include "controller/messages/message.hpp"

namespace grid::controller::requests {

std::optional<Prepared> prepare(const State& state, const pubsub::IqRequest& request) {
    if (auto copies = prepare_copies(request)) return copies;
    if (auto blocking = prepare_blocking(state, request)) return blocking;
    return prepare_archive(state, request);
}

std::optional<Prepared> prepare_copies(const pubsub::IqRequest& request) {
    if (request.payload->ns() != carbons_ns) return std::nullopt;
    const bool is_on = request.payload->name() == "enable";
    if (request.type != xml::IqType::Set || (!is_on && request.payload->name() != "disable"))
        return xml::bad_request("an iq set with <enable/> or <disable/> (XEP-0280 §4, §5)");
    pubsub::PreparedRequest prepared;
    prepared.effect = is_on ? pubsub::SessionEffect::CopiesOn : pubsub::SessionEffect::CopiesOff;
    prepared.decide = [](const pubsub::Context&) { return pubsub::Decision(pubsub::Reply{}); };
    return prepared;
}

}   // namespace grid::controller::requests
