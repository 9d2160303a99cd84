// pubsub/access.hpp: may this actor do that here? The policy first, then the node's own rules.
#pragma once

#include <string>
#include <string_view>

#include "pubsub/broker.hpp"
#include "pubsub/request.hpp"

namespace grid::pubsub {

template <class T>
using Checked = Result<T, xml::StanzaError>;

/// A request that the policy lets pass, and who it comes from.
struct Granted {
    const Node* node = nullptr;   // null for a creation
    Operation operation = Operation::Discover;
    Verdict verdict;
    std::string name;   // of the node
    std::string bare;   // of the actor
    bool is_administrator = false;
    Affiliation affiliation = Affiliation::None;

    bool is_owner() const { return is_administrator || affiliation == Affiliation::Owner; }
};

/// Finds the node and asks the policy. A node that the actor may neither use nor discover is
/// answered like one that does not exist.
Checked<Granted> grant(
    const Broker& broker, const Context& context, Operation operation, const std::string& name
);
/// The same without asking the policy: for what an entity may always do with its own subscription.
Checked<Granted> find_node(
    const Broker& broker, const Context& context, Operation operation, const std::string& name
);
/// For a node that is to be made.
Checked<Granted> grant_creation(
    const Broker& broker, const Context& context, const std::string& name, std::string_view type
);
/// Owner use cases: the policy's `manage`, and the owner affiliation or an administrator.
Checked<Granted> grant_owner(const Broker& broker, const Context& context, const std::string& name);

bool may_discover(const Broker& broker, const Principal& actor, const Node& node);
bool is_trusted(const Broker& broker, const Principal& actor);

/// The rules of XEP-0060 §6.5.1 for reading items; the error says what is missing.
std::optional<xml::StanzaError> check_retrieval(const Granted& granted);

/// A change that rests on the node as it is now, and on the actor's affiliation there.
storage::Batch start_batch(const Granted& granted);
/// Adds what the policy rests on, and makes a decision of it.
Decision commit(
    const Broker& broker,
    const Context& context,
    const Granted& granted,
    storage::Batch batch,
    Reply reply = {}
);

}   // namespace grid::pubsub
