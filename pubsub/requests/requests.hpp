// pubsub/requests/requests.hpp: every request that the service knows, parsed, and what decides
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pubsub/model/extracts.hpp"
#include "pubsub/model/state.hpp"
#include "pubsub/pages/item_pages.hpp"
#include "pubsub/pages/visible_nodes.hpp"
#include "pubsub/ports/payload_schemas.hpp"
#include "pubsub/request.hpp"
#include "xml/form.hpp"
#include "xml/rsm.hpp"

namespace grid::pubsub {

// Service discovery: pubsub/decide/discover.cpp, pubsub/decide/discover.cpp,
// pubsub/decide/discover.cpp.
struct DiscoverFeatures {};
struct DiscoverNode {
    std::string node;
};
struct DiscoverNodes {
    std::optional<xml::RsmRequest> page;
    TypeFilter filter;
    std::string account = {};   // the address that is asked; empty: the broker's
};
struct DiscoverItems {
    std::string node;
    std::optional<xml::RsmRequest> page;
    TypeFilter filter;   // of a collection
};

// Entities: pubsub/decide/entity.cpp.
struct MySubscriptions {
    std::optional<std::string> node;
    std::optional<xml::RsmRequest> page;
    std::string account = {};   // as in DiscoverNodes
};
struct MyAffiliations {
    std::optional<std::string> node;
    std::optional<xml::RsmRequest> page;
    std::string account = {};   // as in DiscoverNodes
};

// Subscribers: pubsub/decide/subscribe.cpp, pubsub/decide/retrieve.cpp.
struct Subscribe {
    std::string node;
    xml::Jid jid;
    bool has_options = false;   // §6.3.7: the answer says what came of them
    std::optional<xml::Form> options;
};
struct Unsubscribe {
    std::string node;
    xml::Jid jid;
    std::optional<std::string> subid;
};
/// §6.3: pubsub/decide/options.cpp.
struct GetOptions {
    std::string node;
    xml::Jid jid;
    std::optional<std::string> subid;
};
struct SetOptions {
    GetOptions which;
    xml::Form form;
};
/// §6.4.
struct GetDefaultOptions {
    std::optional<std::string> node;
};
struct RetrieveItems {
    std::string node;
    std::optional<std::string> subid;
    std::vector<std::string> ids;
    std::optional<std::uint64_t> max_items;
    std::optional<xml::RsmRequest> page;
    std::optional<ItemOrder> order;
};

// The archive of a node: pubsub/decide/archive.cpp.
struct QueryArchive {
    std::string node, queryid;
    bool is_flipped = false;
    std::optional<storage::Millis> start, end;
    std::optional<std::string> after_id, before_id;
    std::optional<std::vector<std::string>> ids;
    std::optional<xml::Jid> with;
    std::optional<xml::RsmRequest> page;
};
struct GetArchiveForm {};
struct GetArchiveMetadata {
    std::string node;
};

// Publishers: pubsub/decide/publish.cpp.
struct Publish {
    std::string node;
    bool has_item = false;
    std::optional<std::string> id;
    std::string payload;      // self-contained text, empty for none
    std::string payload_ns;   // of its root
    std::optional<xml::Form> preconditions;
    std::string extracted;   // ContentFilter::extract
    /// The result of checking the payload, made when the request was prepared; the work of a
    /// decision makes it again when another schema is in force by then. Null: no payload to check.
    std::shared_ptr<SchemaCheck> checked;
};
struct Retract {
    std::string node, id;
    bool is_notified = false;
    /// Where the broker filters: what filters ask of the item. The work of a decision reads it.
    std::shared_ptr<FoundExtract> found = std::make_shared<FoundExtract>();
};

// Owners: pubsub/decide/nodes.cpp, pubsub/decide/owner.cpp,
// pubsub/decide/collections/collections.cpp.
struct CreateNode {
    std::optional<std::string> node;
    std::optional<xml::Form> configuration;
    std::string account = {};   // as in DiscoverNodes
};
struct GetConfiguration {
    std::string node;
};
struct Configure {
    std::string node;
    xml::Form form;
};
struct GetDefault {
    bool is_collection = false;
    std::string account = {};   // as in DiscoverNodes
};
struct DeleteNode {
    std::string node, redirect;
};
struct PurgeNode {
    std::string node;
};
struct GetSubscriptions {
    std::string node;
    std::optional<xml::RsmRequest> page;
};
struct GetAffiliations {
    std::string node;
    std::optional<xml::RsmRequest> page;
};
/// One line of a request to modify; unparsed, since mistakes are answered line by line.
struct Modification {
    std::string jid_text;
    xml::Jid jid;   // empty: malformed
    std::string value;
    std::optional<std::string> subid;
};
struct ModifySubscriptions {
    std::string node;
    std::vector<Modification> changes;
};
struct ModifyAffiliations {
    std::string node;
    std::vector<Modification> changes;
};
/// XEP-0248 §7.5, §7.6: pubsub/decide/collections/collections.cpp.
struct Associate {
    struct Change {
        std::string node;
        bool is_added = true;
    };
    std::string collection;
    std::vector<Change> changes;
};
/// An owner's answer to an approval request, §8.6: pubsub/decide/approval.cpp.
struct Approval {
    std::string node, subid;
    xml::Jid subscriber;
    bool is_allowed = false;
};

/// An ad-hoc command, XEP-0050; §8.7: pubsub/decide/approval.cpp.
struct Command {
    std::string node, action, session;
    std::optional<xml::Form> form;
};
inline constexpr std::string_view get_pending_command =
    "http://jabber.org/protocol/pubsub#get-pending";
/// The fixed node under which commands are listed, or a command.
bool is_command_node(std::string_view node);
/// The list of commands, or the empty one under a command.
struct DiscoverCommands {
    std::string node;
};
struct DiscoverCommand {
    std::string node;
};
/// A notification came back, §12.4: pubsub/decide/bounce.cpp.
struct Bounce {
    std::string type, condition;
    std::optional<std::string> node;
    std::string message;   // the message's id
};

using Request = std::variant<
    DiscoverFeatures,
    DiscoverNode,
    DiscoverNodes,
    DiscoverItems,
    MySubscriptions,
    MyAffiliations,
    Subscribe,
    Unsubscribe,
    GetOptions,
    SetOptions,
    GetDefaultOptions,
    RetrieveItems,
    QueryArchive,
    GetArchiveForm,
    GetArchiveMetadata,
    Publish,
    Retract,
    CreateNode,
    GetConfiguration,
    Configure,
    GetDefault,
    DeleteNode,
    PurgeNode,
    GetSubscriptions,
    GetAffiliations,
    ModifySubscriptions,
    ModifyAffiliations,
    Associate,
    Approval,
    Command,
    DiscoverCommands,
    DiscoverCommand,
    Bounce>;

// All pure: what they say rests on the broker's memory, the request and the context alone.
Decision decide(const BrokerState&, const Context&, const DiscoverFeatures&);
Decision decide(const BrokerState&, const Context&, const DiscoverNode&);
Decision decide(const BrokerState&, const Context&, const DiscoverNodes&);
Decision decide(const BrokerState&, const Context&, const DiscoverItems&);
Decision decide(const BrokerState&, const Context&, const MySubscriptions&);
Decision decide(const BrokerState&, const Context&, const MyAffiliations&);
Decision decide(const BrokerState&, const Context&, const Subscribe&);
Decision decide(const BrokerState&, const Context&, const Unsubscribe&);
Decision decide(const BrokerState&, const Context&, const GetOptions&);
Decision decide(const BrokerState&, const Context&, const SetOptions&);
Decision decide(const BrokerState&, const Context&, const GetDefaultOptions&);
Decision decide(const BrokerState&, const Context&, const RetrieveItems&);
Decision decide(const BrokerState&, const Context&, const QueryArchive&);
Decision decide(const BrokerState&, const Context&, const GetArchiveForm&);
Decision decide(const BrokerState&, const Context&, const GetArchiveMetadata&);
Decision decide(const BrokerState&, const Context&, const Publish&);
Decision decide(const BrokerState&, const Context&, const Retract&);
Decision decide(const BrokerState&, const Context&, const CreateNode&);
Decision decide(const BrokerState&, const Context&, const GetConfiguration&);
Decision decide(const BrokerState&, const Context&, const Configure&);
Decision decide(const BrokerState&, const Context&, const GetDefault&);
Decision decide(const BrokerState&, const Context&, const DeleteNode&);
Decision decide(const BrokerState&, const Context&, const PurgeNode&);
Decision decide(const BrokerState&, const Context&, const GetSubscriptions&);
Decision decide(const BrokerState&, const Context&, const GetAffiliations&);
Decision decide(const BrokerState&, const Context&, const ModifySubscriptions&);
Decision decide(const BrokerState&, const Context&, const ModifyAffiliations&);
Decision decide(const BrokerState&, const Context&, const Associate&);
Decision decide(const BrokerState&, const Context&, const Approval&);
Decision decide(const BrokerState&, const Context&, const Command&);
Decision decide(const BrokerState&, const Context&, const DiscoverCommands&);
Decision decide(const BrokerState&, const Context&, const DiscoverCommand&);
Decision decide(const BrokerState&, const Context&, const Bounce&);

/// By the service itself (pubsub#purge_offline). pubsub/decide/nodes.cpp.
storage::Batch purge_node(const BrokerState&, const Node& node);

/// See Broker::switch_node: pubsub/decide/nodes.cpp.
std::optional<storage::Batch> switch_node(
    const BrokerState&, std::string_view name, bool is_enabled
);

}   // namespace grid::pubsub
