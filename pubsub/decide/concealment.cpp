// pubsub/decide/concealment.cpp: see concealment.hpp.
#include "pubsub/decide/concealment.hpp"

#include <type_traits>

#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/pages/account_nodes.hpp"
#include "xml/namespaces.hpp"

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

namespace {

const std::string* node_named_by(const Request& request) {
    return std::visit(
        [](const auto& use) -> const std::string* {
            if constexpr (requires { use.which.node; })
                return &use.which.node;
            else if constexpr (requires { use.node.size(); })
                return &use.node;
            else if constexpr (requires { *use.node; })
                return use.node ? &*use.node : nullptr;
            else
                return nullptr;
        },
        request
    );
}

xml::StanzaError as_of_no_account() { return xml::service_unavailable("nobody is there"); }

/// An account that the actor may not know of, and one that is not there, look alike; and so do a
/// node that it may not know of and one that is not there.
Decision hide_account(
    const BrokerState& broker,
    const Principal& actor,
    std::string_view owner,
    const Request& request,
    Decision decision
) {
    if (actor.jid.bare_view() == owner) return decision;
    const std::string* name = node_named_by(request);
    const Node* node = name ? broker.memory.find(*name) : nullptr;
    const bool is_seen = node != nullptr && is_visible_at_account(broker, actor, *node);
    const bool is_known = knows_account(broker, actor, owner);
    // XEP-0030 §8: an empty list, as of the account itself.
    if (std::holds_alternative<DiscoverItems>(request) && !is_known && !is_seen)
        return Reply(xml::Element("query", xml::ns::disco_items, {{"node", *name}}));
    if (decision.error() != nullptr) return is_known || is_seen ? decision : as_of_no_account();
    const bool is_question = std::holds_alternative<DiscoverNode>(request) ||
                             std::holds_alternative<DiscoverItems>(request);
    if (!is_question || is_seen) return decision;
    return is_known ? refuse(Errc::ItemNotFound, "There is no node '" + *name + "'.")
                    : as_of_no_account();
}

}   // namespace

Decision decide_at_account(
    const BrokerState& broker,
    const Context& context,
    std::string_view owner,
    const Request& request
) {
    Context plain = context;
    plain.actor.is_plain = true;
    return hide_account(
        broker, plain.actor, owner, request,
        conceal(broker, plain, request, decide_on_record(broker, plain, request))
    );
}

}   // namespace grid::pubsub
