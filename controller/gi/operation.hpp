// controller/gi/operation.hpp: the operations of the Grid protocol as rows of one table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/administration/act_context.hpp"
#include "controller/gi/request.hpp"

namespace grid::controller::gi {

/// One request being decided, on the core strand.
struct Call : administration::ActContext {
    const Request& request;

    /// An answer without a change.
    pubsub::Decision reply(xml::Element answer) const;
    pubsub::Decision fail(Errc code, std::string text, std::string detail = {}) const;
    /// Denied, and on record with the rule. `target`: the account that it was to be about.
    pubsub::Decision deny(
        std::string_view operation,
        std::string_view topic,
        const policy::Match& match,
        std::string_view target = {}
    ) const;
    /// A topic that the actor may not discover is answered for as one that is not there; the denial
    /// is on record.
    pubsub::Decision hide(
        std::string_view operation, const std::string& topic, const policy::Match& match
    ) const;
    /// As the broker asks: of a subtopic in its topic's name.
    policy::Match match(policy::Right operation, std::string_view topic) const {
        return state.decide(context.actor, operation, state.governing(topic));
    }
    /// The node of that name, as the broker shows it to the actor: a subtopic, which tells of a
    /// filter of others, is absent for accounts that neither have that filter nor serve the topic.
    std::optional<pubsub::NodeView> node(const std::string& name) const;
};

struct Handler {
    std::string_view service;   // empty: an operation element of its own
    std::string_view method;
    /// Only for accounts that are ENABLED and logged in.
    bool is_for_members;
    pubsub::SessionEffect effect;
    pubsub::Decision (*decide)(const Call& call);
};

/// Null for an unknown operation.
const Handler* find_operation(std::string_view service, std::string_view method);
/// The refusal of a request for which there is no operation.
Failure unsupported(const Request& request);
/// Pure: admits the actor to the operation, and runs it.
pubsub::Decision decide(
    const State& state,
    const Handler& operation,
    const Request& request,
    const pubsub::Context& context
);

// controller/gi/account_query.cpp: register, login, logout, status
pubsub::Decision register_account(const Call& call);
pubsub::Decision login(const Call& call);
pubsub::Decision logout(const Call& call);
pubsub::Decision status(const Call& call);
// controller/gi/discovery_query.cpp: topics and providers
pubsub::Decision list(const Call& call);
pubsub::Decision describe(const Call& call);
pubsub::Decision find(const Call& call);
// controller/gi/bulk_query.cpp: the history of topics
pubsub::Decision list_histories(const Call& call);
pubsub::Decision offer_history(const Call& call);
// controller/gi/capability.cpp, controller/gi/publishing.cpp, controller/gi/subscribing.cpp:
// the xgrid dialect
pubsub::Decision get_capability_list(const Call& call);
pubsub::Decision init_publish(const Call& call);
pubsub::Decision finish_publish(const Call& call);
pubsub::Decision subscribe(const Call& call);
pubsub::Decision unsubscribe(const Call& call);
// controller/gi/authorization_query.cpp: rights of another client, identity groups
pubsub::Decision is_authorized(const Call& call);
pubsub::Decision get_identity_group(const Call& call);

/// The topics that the actor may discover, from `after` on; `next` is set when there are more.
struct TopicPage {
    std::vector<pubsub::NodeView> topics;
    std::string next;
};
TopicPage discoverable(const Call& call, std::string after);
/// Where a listing goes on behind a node that the actor may not know of, and the node's name again.
std::string next_place(const Call& call, const std::string& after);
std::string place_of(const Call& call, std::string after);
/// Full JIDs that now serve the name; a failure when no client ever did, or the actor has no right
/// there.
Outcome<std::vector<xml::Jid>> providers_of(const Call& call, std::string_view service);
/// `<capability xsi:type=…>` of an xgrid request → the topic that it means, existing or not.
std::string topic_of_capability(const Call& call);

}   // namespace grid::controller::gi
