// controller/controller_prepare.cpp: from an iq to the row of the table that answers it.
#include <algorithm>
#include <array>

#include "controller/commands/service.hpp"
#include "controller/controller.hpp"
#include "controller/disco.hpp"
#include "controller/gi/chain.hpp"
#include "controller/gi/operation.hpp"
#include "controller/gi/registration.hpp"
#include "controller/incident.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller {

namespace gi {

namespace {

using pubsub::SessionEffect;

constexpr std::array operations{
    Handler{"AccountQuery", "register", false, SessionEffect::None, register_account},
    Handler{"AccountQuery", "login", false, SessionEffect::Login, login},
    Handler{"AccountQuery", "logout", false, SessionEffect::Logout, logout},
    Handler{"AccountQuery", "status", false, SessionEffect::None, status},
    Handler{"DiscoveryQuery", "list", true, SessionEffect::None, list},
    Handler{"DiscoveryQuery", "describe", true, SessionEffect::None, describe},
    Handler{"DiscoveryQuery", "find", true, SessionEffect::None, find},
    Handler{"AuthorizationQuery", "isAuthorized", true, SessionEffect::None, is_authorized},
    Handler{"", "getCapabilityListRequest", true, SessionEffect::None, get_capability_list},
    Handler{"", "initPublishRequest", true, SessionEffect::None, init_publish},
    Handler{"", "finishPublishRequest", true, SessionEffect::None, finish_publish},
    Handler{"", "subscribeRequest", true, SessionEffect::None, subscribe},
    Handler{"", "unsubscribeRequest", true, SessionEffect::None, unsubscribe},
    Handler{"", "getIdentityGroupRequest", true, SessionEffect::None, get_identity_group},
};

/// A request holds its elements; this is what budgets charge for one.
constexpr std::size_t request_bytes = 2048;

Failure unsupported(const Request& request) {
    const bool knows_service = std::ranges::any_of(operations, [&](const Handler& operation) {
        return operation.service == request.service;
    });
    const std::string& name =
        request.service.empty() || knows_service ? request.method : request.service;
    return {Errc::UnsupportedOperation, "this controller has no operation '" + name + "'", name};
}

pubsub::Decision decide(
    const State& state,
    const Handler& operation,
    const Request& request,
    const pubsub::Context& context
) {
    const Call call{{state, context}, request};
    if (operation.is_for_members) {
        if (auto failure = state.entitled(context.actor))
            return call.fail(failure->code, std::move(failure->text));
        // Otherwise the first request logs in by itself.
        if (!state.settings.implicit_login && !state.sessions.is_active(context.actor.session))
            return call.fail(Errc::NotLoggedIn, "log in first");
    }
    return operation.decide(call);
}

}   // namespace

const Handler* find_operation(std::string_view service, std::string_view method) {
    const auto found = std::ranges::find_if(operations, [&](const Handler& operation) {
        return operation.service == service && operation.method == method;
    });
    return found == operations.end() ? nullptr : &*found;
}

pubsub::Decision Call::reply(xml::Element answer) const {
    return pubsub::Reply(respond(request, std::move(answer)));
}

pubsub::Decision Call::fail(Errc code, std::string text, std::string detail) const {
    return to_stanza_error({code, std::move(text), std::move(detail)});
}

pubsub::Decision Call::deny(
    std::string_view operation, std::string_view topic, const policy::Match& denial
) const {
    state.note(context.actor, operation, topic, denial);
    return fail(Errc::Denied, "the policy of this grid does not allow it");
}

}   // namespace gi

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

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare(
    const pubsub::IqRequest& iq
) {
    if (iq.payload == nullptr) return std::nullopt;
    if (auto alias = prepare_publish_alias(*state_, iq)) return alias;
    if (auto incident = prepare_incident(*state_, iq)) return incident;
    if (!gi::is_grid(*iq.payload)) {
        if (auto command = commands::prepare_command(*state_, iq)) return command;
        auto registration = gi::prepare_registration(*state_, iq);
        return registration ? std::move(registration) : gi::prepare_disco(*state_, iq);
    }
    // Get and set alike: all the drafts' samples are gets, also those that change state
    auto request = gi::parse_request(*iq.payload);
    if (!request) return to_stanza_error(request.error());
    const gi::Handler* operation = gi::find_operation(request->service, request->method);
    if (operation == nullptr) return to_stanza_error(gi::unsupported(*request));
    if (operation->decide == gi::is_authorized)
        if (auto failure = gi::verify_chain(*state_, *request)) return to_stanza_error(*failure);
    pubsub::PreparedRequest prepared;
    prepared.bytes = gi::request_bytes;
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
