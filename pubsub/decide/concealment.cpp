// pubsub/decide/concealment.cpp: see concealment.hpp.
#include "pubsub/decide/concealment.hpp"

#include <type_traits>

#include "pubsub/decide/grant.hpp"

namespace grid::pubsub {

namespace {

/// The node that a request is about, and the right that it needs there.
struct Subject {
    const std::string* node = nullptr;   // null: none, or the request hides it by itself
    Right operation = Right::Discover;
};

template <class Use, class... Uses>
constexpr bool is_one_of = (std::is_same_v<Use, Uses> || ...);

template <class Use>
Subject subject_of(const Use& use) {
    if constexpr (is_one_of<Use, DiscoverNode, DiscoverItems>)
        return {&use.node, Right::Discover};
    else if constexpr (is_one_of<Use, Subscribe>)
        return {&use.node, Right::Subscribe};
    else if constexpr (is_one_of<Use, RetrieveItems, QueryArchive, GetArchiveMetadata>)
        return {&use.node, Right::Retrieve};
    else if constexpr (is_one_of<Use, Publish, Retract>)
        return {&use.node, Right::Publish};
    else if constexpr (is_one_of<
                           Use, GetConfiguration, Configure, DeleteNode, PurgeNode,
                           GetSubscriptions, GetAffiliations, ModifySubscriptions,
                           ModifyAffiliations>)
        return {&use.node, Right::Manage};
    else if constexpr (is_one_of<Use, GetDefaultOptions>)
        return {use.node ? &*use.node : nullptr, Right::Discover};
    else
        return {};
}

}   // namespace

Decision conceal(
    const BrokerState& broker, const Context& context, const Request& request, Decision decision
) {
    if (decision.error() == nullptr) return decision;
    const Subject subject = std::visit([](const auto& use) { return subject_of(use); }, request);
    if (!subject.node) return decision;
    const Node* exact = broker.memory.find(*subject.node);
    const Node* node = exact ? exact : find_governing(broker, *subject.node);
    if (!node || knows(broker, context.actor, *node)) return decision;
    auto error = answer_for_absent(broker, context, subject.operation, *subject.node);
    if (const auto* publish = std::get_if<Publish>(&request))
        return refuse_auto_create(broker, context, *publish, std::move(error));
    return error;
}

}   // namespace grid::pubsub
