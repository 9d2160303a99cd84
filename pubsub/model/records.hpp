// pubsub/model/records.hpp: keys and values of everything that the broker stores
// (storage/README.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/model/affiliation.hpp"
#include "pubsub/model/subscription.hpp"
#include "pubsub/options/node_config.hpp"
#include "storage/batch.hpp"
#include "storage/store.hpp"
#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// Without limits of count: they were checked when it was published, under the settings of that
/// day, and serializing moves declarations from around the payload onto it. nullopt when the text
/// is not one element, although it was when it was published.
std::optional<xml::Element> parse_payload(const std::string& text);

/// Payloads that the store should have and that cannot be read: each is counted, and told of to
/// those who operate the server. Any thread.
class PayloadFaults {
public:
    using Report =
        std::function<void(std::uint64_t node, const std::string& item, const std::string& reason)>;

    /// Before anything else.
    void report_to(Report report) { report_ = std::move(report); }
    void note(std::uint64_t node, const std::string& item, const std::string& reason) const {
        ++count_;
        if (report_) report_(node, item, reason);
    }
    std::uint64_t count() const { return count_; }

private:
    Report report_;
    mutable std::atomic<std::uint64_t> count_{0};
};

/// Where an item stood when a request was decided; a snapshot may be newer.
struct ItemAt {
    std::uint64_t node = 0, epoch = 0;
    std::string id;
    storage::Revision revision = 0;
};

/// An item's payload as a snapshot has it.
struct StoredItem {
    enum class State {
        There,
        Replaced,   // another publication of that id: `publisher` and `payload` are the new ones
        Gone,       // retracted, purged or deleted
        Lost,       // the index has it, the payload is not there: told of to PayloadFaults
        Failed,     // the store could not be read, for this reason
    };
    State state = State::There;
    std::string payload;
    std::string publisher;   // of Replaced
    boost::system::error_code failure = {};
};

StoredItem read_item(
    const storage::Snapshot& snapshot, const ItemAt& item, const PayloadFaults& faults
);
/// The payload as an element; a text that is none is told of to PayloadFaults.
std::optional<xml::Element> read_payload(
    const ItemAt& item, const std::string& payload, const PayloadFaults& faults
);
/// The answer to who asked for an item that is there and cannot be had: never an absence.
xml::StanzaError unreadable(const std::string& item);
xml::StanzaError store_failed();

/// A node's uid is the revision of the batch that created it: never reused, and without contention
/// for a counter. Records of the same batch are put with the uid left open (put_at_revision).
inline constexpr std::uint64_t uid_of_this_batch = 0;
inline constexpr std::int32_t uid_at = 1;   // in every key that has a uid, but payload keys

std::string name_key(std::string_view name);
std::string node_key(std::uint64_t uid);
std::string affiliation_key(std::uint64_t uid, std::string_view bare);
std::string subscription_key(std::uint64_t uid, std::string_view jid, std::string_view subid);
std::string guard_key(std::uint64_t uid);
/// Guards of rules over all nodes: `graph` for the collection graph, `nodes` for their number.
std::string meta_key(std::string_view name);
inline constexpr std::string_view graph_guard = "graph", nodes_guard = "nodes";
/// XEP-0248: the child is in the collection. Either may be the node of this batch.
std::string edge_key(std::uint64_t parent, std::uint64_t child);
inline constexpr std::int32_t edge_child_at = 9;
/// A deleted account of which affiliations and subscriptions are left.
std::string leaver_key(std::string_view bare);
std::string item_key(std::uint64_t uid, std::uint64_t epoch, std::string_view id);
std::string position_key(std::string_view jid);
std::string trash_key(std::uint64_t uid, std::uint64_t epoch);
std::string hidden_key(std::uint64_t uid);
std::string lost_key(std::uint64_t uid);
std::string cursor_key_key();
/// Family::Payload, which has no tag. With revision 0 for put_at_revision(…, payload_revision_at).
std::string payload_key(std::uint64_t uid, std::uint64_t epoch, storage::Revision revision);
inline constexpr std::int32_t payload_revision_at = 16, payload_uid_at = 0;

/// A key taken apart, as far as its tag has the parts.
struct ParsedKey {
    char tag = 0;
    std::uint64_t uid = 0, epoch = 0;
    std::uint64_t child = 0;   // of an edge
    std::string_view name;     // node name, bare JID, subscriber JID, item id or name of a guard
    std::string_view subid;
};
std::optional<ParsedKey> parse_key(std::string_view key);

struct NameRecord {
    std::string moved_to;   // not empty: no node of that name, but one that took its place
    std::string maker;      // of the node that had the name; empty in records of the first version
};
struct NodeRecord {
    std::string name, creator;
    std::uint64_t epoch = 1;   // of the items; a purge raises it
    storage::Millis created = 0;
    bool is_deleted = false;        // the node's records are being erased
    bool is_type_learned = false;   // pubsub#type is the namespace of the first payload
    bool is_narrowed =
        false;   // subscriptions that the access model no longer allows are being removed
    bool is_switched_off = false;   // pubsub/decide/nodes.cpp
    /// Not 0: a subtopic of that topic, or the collection of its subtopics
    /// (pubsub/decide/subtopics.hpp).
    std::uint64_t topic = 0;
    std::string filter;   // of a subtopic, in canonical form
    NodeConfig config;
};
struct AffiliationRecord {
    Affiliation affiliation = Affiliation::None;
    bool is_cleaning = false;   // the account's subscriptions are being removed
};
struct PositionRecord {
    storage::Revision told = 0;
};
struct HiddenRecord {
    storage::Revision up_to = 0;
};
struct LostRecord {
    storage::Revision up_to = 0;
};
struct CursorKeyRecord {
    std::string key;
};
struct ItemRecord {
    std::string_view publisher;
    std::uint32_t payload_bytes = 0;
    storage::Revision created = 0;   // of the first item of that id (XEP-0413); 0: this is it
};

std::string encode(const NameRecord& record);
std::string encode(const NodeRecord& record);
std::string encode(const AffiliationRecord& record);
std::string encode(const Subscription& record);
std::string encode(const PositionRecord& record);
std::string encode(const ItemRecord& record);
std::string encode(const HiddenRecord& record);
std::string encode(const LostRecord& record);
std::string encode(const CursorKeyRecord& record);
NameRecord decode_name(std::string_view value);
NodeRecord decode_node(std::string_view value);
AffiliationRecord decode_affiliation(std::string_view value);
Subscription decode_subscription(std::string_view value);
PositionRecord decode_position(std::string_view value);
ItemRecord decode_item(std::string_view value);
HiddenRecord decode_hidden(std::string_view value);
LostRecord decode_lost(std::string_view value);
CursorKeyRecord decode_cursor_key(std::string_view value);

}   // namespace grid::pubsub
