// controller/grid/service.cpp: temporary.
#include "controller/state.hpp"
namespace grid::controller {
std::optional<Result<pubsub::Prepared, xml::StanzaError>>
Controller::prepare(const pubsub::IqRequest&) {
    return std::nullopt;
}
}   // namespace grid::controller
