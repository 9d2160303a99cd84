// controller/admin/rest.cpp: REST requests become calls, for administrators only.
#include "controller/admin/rest.hpp"

#include "controller/admin/call.hpp"
#include "controller/admin/routing.hpp"

namespace grid::controller {

namespace {

/// Refused on record: the client has no right to administration.
void note_refusal(const Controller::State& state, const pubsub::Principal& actor) {
    static const std::string rule = "not in group administrators";
    state.note(actor, "administration", {}, {false, 0, &rule});
}

}   // namespace

Rest::Rest(
    Controller& controller,
    const pubsub::Engine& broker,
    const Sessions& sessions,
    const ServerInfo& server
)
    : controller_(controller), broker_(broker), sessions_(sessions), server_(server) {}

Result<PreparedHttp, HttpResponse> Rest::prepare(const HttpRequest& request) {
    auto routed = admin::to_route(request);
    if (!routed) return routed.error();
    PreparedHttp prepared;
    prepared.decide = [this, routed = std::move(*routed)](const pubsub::Context& context
                      ) -> HttpDecision {
        const Controller::State& state = controller_.state_for_admin();
        if (!state.is_administrator(context.actor)) {
            note_refusal(state, context.actor);
            return admin::refuse(
                {Errc::NotAdministrator,
                 "this needs an enabled account in the group administrators, and the certificate "
                 "that it is bound to",
                 {}}
            );
        }
        return routed.route->decide({state, broker_, sessions_, server_, routed.request, context});
    };
    return prepared;
}

}   // namespace grid::controller
