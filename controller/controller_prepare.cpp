// controller/controller_prepare.cpp: from an iq to the part of the controller that answers it.
#include "controller/commands/service.hpp"
#include "controller/controller.hpp"
#include "controller/disco.hpp"
#include "controller/gi/chain.hpp"
#include "controller/gi/operation.hpp"
#include "controller/gi/registration.hpp"
#include "controller/incident.hpp"
#include "controller/profiles/vcard.hpp"
#include "controller/search.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

/// A publish that is sent to the controller, as in figure 10 of draft-appala-mile-xmpp-grid-00, is
/// one to the broker. The answer comes from the address that was asked.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_publish_alias(
    const State& state, const pubsub::IqRequest& iq
) {
    pubsub::Broker* broker = state.directory.broker();
    if (broker == nullptr || !iq.payload->is("pubsub", xml::ns::pubsub) ||
        iq.payload->child("publish") == nullptr)
        return std::nullopt;
    return broker->prepare({iq.type, state.settings.broker, iq.payload, iq.ancestors});
}

}   // namespace

bool Controller::is_registrar(Destination destination, const xml::Element& payload) const {
    return state_->configured.passwords && payload.ns() == xml::ns::in_band_registration &&
           (destination == Destination::Server || destination == Destination::OwnAccount);
}

Result<pubsub::PreparedRequest, xml::StanzaError> Controller::registration(
    const std::string& username, const std::string& password
) {
    return gi::prepare_stranger(*state_, username, password);
}

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare(
    const pubsub::IqRequest& iq
) {
    if (iq.payload == nullptr) return std::nullopt;
    if (auto alias = prepare_publish_alias(*state_, iq)) return alias;
    if (auto incident = prepare_incident(*state_, iq)) return incident;
    if (!gi::is_grid(*iq.payload)) {
        if (auto command = commands::prepare_command(*state_, iq)) return command;
        if (auto vcard = prepare_vcard(*state_, iq)) return vcard;
        if (auto search = prepare_search(*state_, iq)) return search;
        auto registration = gi::prepare_registration(*state_, iq);
        return registration ? std::move(registration) : gi::prepare_disco(*state_, iq);
    }
    return prepare_grid(*iq.payload);
}

/// Get and set alike: all the drafts' samples are gets, also those that change state.
Result<pubsub::PreparedRequest, xml::StanzaError> Controller::prepare_grid(
    const xml::Element& payload
) const {
    auto request = gi::parse_request(payload);
    if (!request) return to_stanza_error(request.error());
    const gi::Handler* operation = gi::find_operation(request->service, request->method);
    if (operation == nullptr) return to_stanza_error(gi::unsupported(*request));
    if (operation->decide == gi::is_authorized)
        if (auto failure = gi::verify_chain(*state_, *request)) return to_stanza_error(*failure);
    pubsub::PreparedRequest prepared;
    prepared.effect = operation->effect;
    if (operation->is_for_members && state_->settings.implicit_login)
        prepared.effect = pubsub::SessionEffect::Login;
    prepared.decide = [state = state_.get(), operation,
                       request = std::move(*request)](const pubsub::Context& context) {
        return gi::decide(*state, *operation, request, context);
    };
    return prepared;
}

}   // namespace grid::controller
