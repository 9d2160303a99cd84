// pubsub/settings.hpp: the broker's configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

/// How many items a node keeps beyond those that it shows, for replay and for the archive. Shown
/// items count, but are never erased for these bounds.
struct Retention {
    std::size_t items_max = 100'000;                 // of a node
    std::uint32_t days = 7;                          // since they were published
    std::uint64_t bytes_max = 256UL * 1024 * 1024;   // payloads of a node
    std::size_t total_items_max = 2'000'000;         // of all nodes
};

/// Nodes of accounts, each at its account's own address (XEP-0163).
struct Personal {
    bool is_on = true;   // pubsub.personal.enabled
    std::size_t nodes_per_account_max = 100;
    std::size_t items_per_node_max = 1'000;   // the meaning of `max`
    std::size_t item_bytes_max = 128 * 1024;
    std::size_t bytes_per_account_max = 4UL * 1024 * 1024;   // payloads
};

/// The operator's configuration ([pubsub] in gridd.toml). Immutable while the broker lives.
struct Settings {
    xml::Jid service;          // canonical address, `pubsub.D`
    bool allow_open = false;   // pubsub.access_open
    std::string default_access_model = "whitelist";
    /// New nodes send their last item to new subscribers and at each login (§6.1.7, §12.2).
    bool last_published = false;
    std::size_t nodes_max = 100'000;
    std::size_t nodes_per_account_max = 10'000;   // that it made, and that are there
    std::size_t node_name_bytes_max = 1023;
    std::size_t item_id_bytes_max = 256;   // of new items
    /// Of the index of items in memory (Memory::index_bytes): of one publisher, and of all.
    std::uint64_t item_index_bytes_per_account_max = 256UL * 1024 * 1024;
    std::uint64_t item_index_bytes_max = 1024UL * 1024 * 1024;
    /// Of a node, of the nodes that one account made, and of all.
    std::size_t affiliations_per_node_max = 200'000;
    std::size_t affiliations_per_account_max = 250'000;
    std::size_t affiliations_max = 1'000'000;
    std::size_t subtopics_share_percent = 25;   // of a topic's subtopics: for one account
    std::size_t max_items_max = 1'000'000;      // the meaning of `max`
    std::size_t max_items_default = 1'000;
    std::size_t payload_bytes_max = 256 * 1024;
    std::size_t subscriptions_per_node_max = 200'000;
    std::size_t subscriptions_per_account_max = 10'000;
    /// Of one JID at one node (§6.1.6): each of them is named in every notification.
    std::size_t subscriptions_per_jid_max = 20;
    /// The effect of subscribing once more: true, a subscription with the same options is the
    /// existing one; false, another is made (§6.1.6).
    bool is_subscribing_again_same = true;
    /// Only subscriptions that end by themselves are taken (§12.19).
    bool is_lease_required = false;
    std::uint32_t lease_seconds_max = 0;   // the longest lease (§12.19); 0: any
    /// How long before its end the subscriber is reminded; 0: never.
    std::uint32_t lease_reminder_seconds = 3600;
    /// Errors that came back from a subscriber in a day, after which its subscriptions end (§12.4).
    std::uint32_t bounces_max = 20;
    std::size_t page_max = 1'000;
    /// Default `pubsub#type` by NodeID glob, first match wins.
    std::vector<std::pair<std::string, std::string>> types;
    bool strict_type = false;   // refuse creation without a type
    Retention archive;
    std::size_t page_bytes_max = 1024 * 1024;   // payloads in one answer (at least one item)
    /// COMPAT(xmpp-grid-broker 2018): publish, retract and purge are taken as iq of type get too.
    bool write_by_get = false;
    /// Further `pubsub#…` features to advertise, for clients that insist on them.
    std::vector<std::string> advertise;
    /// COMPAT(xmpp-grid-broker 2018): `<set/>` is there in empty lists too, asked for or not.
    bool empty_set = false;
    /// Publishing to a node that does not exist makes it (§7.1.4), where the policy lets it.
    bool auto_create = false;
    /// Presence and rosters are there to ask: the broker finds out itself (Contacts).
    bool has_contacts = false;
    std::size_t children_max = 20'000;   // of one collection: what `max` means
    /// How long a subtopic without subscribers stays.
    storage::Millis subtopic_grace_ms = 60'000;
    Personal personal;
    /// These are the settings of nodes of accounts (personal_settings).
    bool is_personal = false;
    /// Random bytes for Cursors, where the store has none yet.
    std::string cursor_seed;

    storage::Millis reminder() const { return storage::Millis{lease_reminder_seconds} * 1000; }
};

/// The same with defaults and bounds of nodes of accounts (XEP-0163 §3).
Settings personal_settings(Settings settings);

}   // namespace grid::pubsub
