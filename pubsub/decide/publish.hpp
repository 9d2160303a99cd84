// pubsub/decide/publish.hpp: the common parts of publishing to an existing node and to one that
// is made for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pubsub/requests/requests.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// Whether the index of items takes one more of that id, of that publisher; else the bound that
/// does not let it. `node`: null for one that the batch makes.
std::optional<xml::StanzaError> check_index_room(
    const BrokerState& broker, const Node* node, std::string_view id, std::string_view publisher
);
/// The matrix of §4.3, and §7.1.3.6.
std::optional<xml::StanzaError> check_shape(const Publish& request, const NodeConfig& config);
std::optional<xml::StanzaError> check_payload(const Publish& request, const NodeConfig& config);
/// Extracts the attributes for the topic's filters and checks its schema: off the core strand, and
/// once.
void ask_about_payload(const BrokerState& broker, const IqRequest& request, Publish& publish);
/// nullopt: the payload fits the schema in force, or the topic has none. Else a refusal, or work
/// that finds out: pubsub/decide/publish.cpp.
std::optional<Decision> check_schema(
    const BrokerState& broker, std::string_view topic, const Publish& request
);
/// That the batch rests on that.
void expect_schema(
    const BrokerState& broker, std::string_view topic, const Publish& request, storage::Batch& batch
);
/// The namespace of the first payload becomes the node's type, if none was configured (RFC 8600 §5:
/// `pubsub#type`).
bool teaches_type(const Publish& request, const NodeConfig& config);
/// §7.1.2: names the item that the publisher did not name.
Reply publish_reply(const std::string& node, const std::string& id);

/// §7.1.4: there is no such node, and publishing makes it.
Decision publish_to_new(const BrokerState& broker, const Context& context, const Publish& request);

}   // namespace grid::pubsub
