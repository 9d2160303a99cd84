// pubsub/options/node_config.hpp: how a node is configured (XEP-0060 §16.4.4), as typed values.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::pubsub {

struct Settings;

// The values are the places of the names in pubsub/options/node_fields.cpp.
enum class NodeType : std::uint8_t { Leaf, Collection };
enum class AccessModel : std::uint8_t { Open, Authorize, Whitelist, Presence, Roster };
enum class PublishModel : std::uint8_t { Publishers, Subscribers, Open };
enum class NodeFull : std::uint8_t { RetractOldest, DiscardOldest, Reject };
enum class ItemReply : std::uint8_t { Publisher, None, Owner };
enum class SendLast : std::uint8_t { Never, OnSub, OnSubAndPresence };
/// Admission to a node with a whitelist: by its owner, through the list alone, or by the policy,
/// whose right to subscribe makes an account a member.
enum class Admission : std::uint8_t { Owner, Policy };
enum class NotificationType : std::uint8_t { Normal, Headline };
/// XEP-0248: who may put nodes into a collection.
enum class AssociationPolicy : std::uint8_t { All, Owners, Whitelist };

/// The meaning of `max` for a number: no limit other than the service's.
inline constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

struct NodeConfig {
    NodeType node_type = NodeType::Leaf;
    std::string title, description, language, type;
    std::vector<std::string> contact;
    AccessModel access_model = AccessModel::Whitelist;
    Admission admission = Admission::Owner;   // of records from before there was a choice
    PublishModel publish_model = PublishModel::Publishers;
    bool deliver_notifications = true, deliver_payloads = true, persist_items = true;
    bool notify_config = false, notify_delete = true, notify_retract = true, notify_sub = false;
    bool subscribe = true;
    bool tempsub = false;   // subscriptions end with the session
    std::vector<std::string> roster_groups_allowed;
    std::uint64_t children_max = no_limit;
    AssociationPolicy children_association_policy = AssociationPolicy::Owners;
    std::vector<std::string> children_association_whitelist;
    std::uint64_t max_items = 1000;
    std::uint64_t item_expire = no_limit;   // seconds
    std::uint64_t max_payload_size = 0;     // bytes
    NodeFull publish_node_full = NodeFull::RetractOldest;
    ItemReply itemreply = ItemReply::Publisher;
    SendLast send_last_published_item = SendLast::Never;
    NotificationType notification_type = NotificationType::Normal;
    bool presence_based_delivery = false;   // only sessions that sent presence are told (§12.1)
    bool purge_offline = false;             // items go with their publisher's last session

    /// Accounts are on the whitelist before they subscribe, or never.
    bool is_closed() const {
        return access_model == AccessModel::Whitelist && admission == Admission::Owner;
    }
    bool is_collection() const { return node_type == NodeType::Collection; }
    /// Whether its payloads have a text that a person may read: only then is pubsub#include_body
    /// offered (XEP-0060 §12.8). Atom's do: their title.
    bool has_readable_payloads() const { return type == "http://www.w3.org/2005/Atom"; }
};

/// Whether the operator and the server let nodes have that access model.
bool is_model_enabled(AccessModel model, const Settings& settings);
/// The configuration that a new node of that name gets.
NodeConfig default_config(const Settings& settings, std::string_view node);

/// `*` stands for any text, `?` for one byte.
bool matches_glob(std::string_view pattern, std::string_view text);

std::string_view to_string(AccessModel model);
std::optional<AccessModel> parse_access_model(std::string_view text);
std::string_view to_string(PublishModel model);
/// A number as it stands in forms: digits, or `max`.
std::string limit_to_string(std::uint64_t value);

}   // namespace grid::pubsub
