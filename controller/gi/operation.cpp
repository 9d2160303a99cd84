// controller/gi/operation.cpp: see operation.hpp. The table, and what every operation may do.
#include "controller/gi/operation.hpp"

#include <algorithm>
#include <array>

namespace grid::controller::gi {

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
    Handler{"BulkQuery", "list", true, SessionEffect::None, list_histories},
    Handler{"BulkQuery", "download", true, SessionEffect::None, offer_history},
    Handler{"AuthorizationQuery", "isAuthorized", true, SessionEffect::None, is_authorized},
    Handler{"", "getCapabilityListRequest", true, SessionEffect::None, get_capability_list},
    Handler{"", "initPublishRequest", true, SessionEffect::None, init_publish},
    Handler{"", "finishPublishRequest", true, SessionEffect::None, finish_publish},
    Handler{"", "subscribeRequest", true, SessionEffect::None, subscribe},
    Handler{"", "unsubscribeRequest", true, SessionEffect::None, unsubscribe},
    Handler{"", "getIdentityGroupRequest", true, SessionEffect::None, get_identity_group},
};

}   // namespace

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
    std::string_view operation,
    std::string_view topic,
    const policy::Match& denial,
    std::string_view target
) const {
    audit::Record record = audit::by(context.actor, audit::Outcome::Deny, operation);
    record.topic = topic;
    record.target = target;
    record.rule = *denial.rule;
    state.audit.add(std::move(record));
    return fail(Errc::Denied, "the policy of this grid does not allow it");
}

pubsub::Decision Call::hide(
    std::string_view operation, const std::string& topic, const policy::Match& match
) const {
    if (!match.allowed && state.directory.node(topic))
        state.note(context.actor, operation, topic, match);
    return fail(Errc::UnknownCapability, "no topic " + topic);
}

}   // namespace grid::controller::gi
