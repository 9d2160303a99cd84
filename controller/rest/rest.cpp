// controller/rest/rest.cpp: REST requests become calls, for accounts whose role has the act.
#include "controller/rest/rest.hpp"

#include "controller/audit/refusals.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"
#include "controller/rest/routing.hpp"

namespace grid::controller {

namespace {

/// As its path names it: an account, a topic, a backup; empty: it is about none.
std::string_view target_of(const rest::Request& request) {
    const auto& path = request.path;
    return path.empty() ? std::string_view{} : std::string_view(path.begin()->second);
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
    // How the server and its cluster are can be asked at any time.
    const Act act = routed->route->act;
    prepared.is_for_cut_off =
        act == Act::ReadStatus || act == Act::ReadCluster || act == Act::ManageCluster;
    prepared.decide = [this, routed = std::move(*routed)](const pubsub::Context& context
                      ) -> HttpDecision {
        const State& state = controller_.state_for_admin();
        const rest::Route& route = *routed.route;
        if (const Role role = state.role_of(context.actor); role < least_role(route.act)) {
            const std::string_view target = target_of(routed.request);
            note_refusal(state.audit, context.actor, route.act, target, role_rule(route.act));
            return rest::refuse(role_needed(route.act, role));
        }
        const rest::Call call{{state, context}, broker_, sessions_, server_, routed.request};
        if (auto refusal = rest::check_condition(call, route)) return *std::move(refusal);
        return rest::with_tag(call, route, route.decide(call));
    };
    return prepared;
}

}   // namespace grid::controller
