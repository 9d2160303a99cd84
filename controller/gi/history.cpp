// controller/gi/history.cpp: see controller/gi/history.hpp.
#include "controller/gi/history.hpp"

#include "pubsub/errors.hpp"

namespace grid::controller::gi {

namespace {

const std::string administrator = "administrator";

/// Administrators are past the policy here, as they are at the broker.
policy::Match match_of_bulk(
    const State& state, const pubsub::Principal& actor, const std::string& topic
) {
    if (state.is_administrator(actor)) return {true, 0, &administrator};
    return state.decide(actor, policy::Right::Bulk, topic);
}

xml::StanzaError no_topic(const std::string& name) {
    return to_stanza_error({Errc::UnknownCapability, "no topic " + name, {}});
}

}   // namespace

Result<HistoryRight, xml::StanzaError> right_to_history(
    const State& state,
    const pubsub::Context& context,
    const pubsub::HistoryWish& wish,
    std::string_view operation
) {
    const pubsub::Broker* broker = state.directory.broker();
    if (broker == nullptr) return xml::service_unavailable("this controller has no broker");
    const std::string topic = state.governing(wish.node);
    const policy::Match match = match_of_bulk(state, context.actor, topic);
    if (!match.allowed) {
        if (!operation.empty()) state.note(context.actor, operation, topic, match);
        if (!broker->knows_node(context.actor, wish.node)) return no_topic(wish.node);
        return to_stanza_error({Errc::Denied, "the policy of this grid does not allow it", {}});
    }
    auto view = broker->open_history(context, wish);
    if (view) return HistoryRight{std::move(*view), *match.rule};
    // The topic, or the item behind which it is to begin.
    const bool is_topic = wish.after.empty() || !broker->knows_node(context.actor, wish.node);
    if (is_topic && pubsub::has_code(view.error(), pubsub::Errc::ItemNotFound))
        return no_topic(wish.node);
    return view.error();
}

}   // namespace grid::controller::gi
