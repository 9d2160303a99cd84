// pubsub/decide/grant.hpp: may this actor do that here? The policy first, then the node's own
// rules.
#pragma once

#include <string>
#include <string_view>

#include "pubsub/errors.hpp"
#include "pubsub/model/rights.hpp"
#include "pubsub/model/state.hpp"
#include "pubsub/request.hpp"

namespace grid::pubsub {

/// A request that the policy lets pass, and who it comes from.
struct Granted {
    const Node* node = nullptr;   // null for a creation
    Right operation = Right::Discover;
    Verdict verdict;
    std::string name;   // of the node
    std::string bare;   // of the actor
    bool is_administrator = false;
    Affiliation affiliation = Affiliation::None;
    const Contacts* contacts = nullptr;   // to ask where the access model rests on them

    bool is_owner() const { return is_administrator || affiliation == Affiliation::Owner; }
};

/// Finds the node and asks the policy. A node that the actor may neither use nor discover is
/// answered like one that does not exist, also where a rule denies it because of its type.
Checked<Granted> grant(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
);
/// The same without asking the policy: for what an entity may always do with its own subscription.
Checked<Granted> find_node(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
);
/// For a node that is to be made.
Checked<Granted> grant_creation(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    std::string_view type
);
/// An owner or administrator acts for another account (§6.1.3.1): that one's right to subscribe
/// decides, and stands in the verdict with its name.
std::optional<xml::StanzaError> check_on_behalf(
    const BrokerState& broker, const Context& context, Granted& granted, const xml::Jid& subscriber
);
/// Owner use cases: the policy's `manage`, and the owner affiliation or an administrator.
Checked<Granted> grant_owner(
    const BrokerState& broker, const Context& context, const std::string& name
);

/// Subtopics and their collection are not configured, purged or deleted by themselves.
std::optional<xml::StanzaError> check_own(const Node& node);

/// The refusal at a node that an administrator has switched off, or whose topic is; owners and
/// administrators are refused, too.
std::optional<xml::StanzaError> check_switch(const Node& node, Right operation);

/// The refusal of that operation at a name that no node has.
xml::StanzaError answer_for_absent(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
);

/// Which state a new subscription gets, by the access model (§4.5), and whether the account becomes
/// a member with it; the error of §6.1.3.4 and after. `granted` is for subscribing.
struct Admitted {
    SubscriptionState state = SubscriptionState::Subscribed;
    bool is_new_member = false;
};
Checked<Admitted> admission(const Granted& granted);
/// Adds the affiliation of a member, visible to the owner, where there is room for it.
std::optional<xml::StanzaError> put_member(
    const BrokerState& broker, const Granted& granted, storage::Batch& batch
);
/// Whether the node takes that many further affiliations, of such addresses; else the bound that
/// does not let it.
std::optional<xml::StanzaError> check_affiliations_room(
    const BrokerState& broker, const Node& node, const std::vector<std::string_view>& added
);
/// The rules of XEP-0060 §6.5.1 for reading items; the error names the one that is not met.
std::optional<xml::StanzaError> check_retrieval(const Granted& granted);

/// A change that rests on the node as it is now, and on the actor's affiliation there.
storage::Batch start_batch(const Granted& granted);
/// Adds what the policy rests on, and makes a decision of it.
Decision commit(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    storage::Batch batch,
    Reply reply = {}
);

}   // namespace grid::pubsub
