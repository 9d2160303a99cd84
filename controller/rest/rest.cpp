// controller/rest/rest.cpp: REST requests become calls, for administrators only.
#include "controller/rest/rest.hpp"

#include "controller/rest/call.hpp"
#include "controller/rest/routing.hpp"

namespace grid::controller {

namespace {

/// Refused on record: the client has no right to administration.
void note_refusal(const State& state, const pubsub::Principal& actor) {
    static const std::string rule = "not in group administrators";
    state.note(actor, "administration", {}, {false, 0, &rule});
}

}   // namespace

Rest::Rest(
    Controller& controller,
    const pubsub::Broker& broker,
    const Sessions& sessions,
    const ServerInfo& server
)
    : controller_(controller), broker_(broker), sessions_(sessions), server_(server) {}

Result<PreparedHttp, HttpResponse> Rest::prepare(const HttpRequest& request) {
    auto routed = rest::to_route(request);
    if (!routed) return routed.error();
    PreparedHttp prepared;
    prepared.decide = [this, routed = std::move(*routed)](const pubsub::Context& context
                      ) -> HttpDecision {
        const State& state = controller_.state_for_admin();
        if (!state.is_administrator(context.actor)) {
            note_refusal(state, context.actor);
            return rest::refuse(
                {Errc::NotAdministrator,
                 "this needs an enabled account in the group administrators, and the certificate "
                 "that it is bound to",
                 {}}
            );
        }
        return routed.route->decide({{state, context}, broker_, sessions_, server_, routed.request}
        );
    };
    return prepared;
}

}   // namespace grid::controller
