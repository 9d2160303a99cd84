// pubsub/maintenance/endings.hpp: subscriptions that end by themselves: leases, temporary ones,
// those that bounce (XEP-0060 §12.4, §12.5, §12.19).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pubsub/model/events.hpp"
#include "pubsub/model/state.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// Counts by address and node, for a day. Soft state: a start forgets it, and so does a flood.
class Bounces {
public:
    /// True when that is `bounces_max` of them; the count begins anew then.
    bool count(const Bounced& bounced, storage::Millis now, std::uint32_t bounces_max);

private:
    struct Count {
        std::uint32_t bounces = 0;
        storage::Millis since = 0;
    };
    std::unordered_map<std::string, Count> counts_;
};

// Subscriptions that end by themselves: leases (XEP-0060 §12.19), temporary ones (§12.5), those
// whose notifications keep coming back (§12.4).

/// Soft state, and no more than a list of proposals: each expects a record as it was when the end
/// was noticed. A subscriber that renews its subscription meanwhile writes that record, and so
/// keeps it.
class Leases {
public:
    /// Of a cluster: whether sessions' ends are noticed here. True at first.
    void lead(bool is_leading);
    /// Temporary subscriptions whose sessions are not there are to end, and items of nodes with
    /// pubsub#purge_offline whose publisher is not: `due` looks for them, some nodes at a time.
    void look_for_orphans();
    /// After the scan at a start: the sessions that these hang on are gone.
    void started(const Memory& memory);
    /// Ends the temporary subscriptions of that full JID; of the bare JID too, if it was the last.
    /// With the last session, the nodes that pubsub#purge_offline is for are purged, too.
    void session_ended(const Memory& memory, const xml::Jid& full, bool is_last_of_account);
    /// The contact's subscriptions to nodes of that owner whose access model does not let it in any
    /// more are to end: `due` looks for them, some at a time. False: the owner has no nodes.
    bool contact_changed(const BrokerState& broker, const xml::Jid& owner, const xml::Jid& contact);
    /// The same of all subscriptions to a node whose configuration or owners are others now.
    void admission_changed(const Node& node);
    /// Ends the subscriptions of a session's addresses at one node, or at all (0).
    void end_all(const Memory& memory, const xml::Jid& full, std::uint64_t node);

    /// The batches that are due: reminders and ends of leases, and noticed ends of sessions.
    /// Bounded. Of leases and ends of sessions only while this member leads.
    std::vector<storage::Batch> due(
        const BrokerState& broker, storage::Millis now, std::size_t batches_max
    );

private:
    struct Ending {
        std::uint64_t node = 0;
        SubscriptionKey key;
        storage::Revision revision = 0;   // of the record that is to go
        bool is_for_contact = false;      // the access model does not let it in any more
        bool is_orphan = false;           // its session was not there
    };

    /// An owner's roster says something else of a contact.
    struct ContactChange {
        std::string owner, contact;   // bare JIDs
        std::uint64_t last = 0;       // of the contact's nodes, that was looked at
    };

    /// A node whose subscribers owners' rosters are asked about.
    struct NodeChange {
        std::uint64_t node = 0;
        SubscriptionKey last;   // that was looked at
    };

    /// The ending came with something that is not so any more.
    static bool is_called_off(const BrokerState& broker, const Node& node, const Ending& ending);
    void look_for_orphans(const BrokerState& broker);
    bool look_for_orphans(const BrokerState& broker, const Node& node, std::size_t& left);
    void end(const Node& node, const Subscriptions::value_type& entry);
    void look_for_offline(const BrokerState& broker);
    void look_at_contacts(const BrokerState& broker);
    void look_at_nodes(const BrokerState& broker);
    bool look_at_node(const BrokerState& broker, NodeChange& change, std::size_t& left);
    void look_at_contact(const BrokerState& broker, const Node& node, const ContactChange& change);
    void purge_offline(
        const BrokerState& broker, std::vector<storage::Batch>& batches, std::size_t batches_max
    );

    std::deque<Ending> endings_;
    std::deque<ContactChange> contacts_;
    /// Owner and contact of those in `contacts_` that were not begun: one that changes again is in
    /// the queue already.
    std::set<std::pair<std::string, std::string>> contacts_waiting_;
    std::deque<NodeChange> nodes_;
    std::set<std::uint64_t> nodes_waiting_;   // likewise
    /// Accounts whose last session ended, and the last of their nodes that was looked at.
    std::deque<std::pair<std::string, std::uint64_t>> offline_;
    bool is_started_ = false, is_leading_ = true;
    bool is_to_look_ = false;                 // for orphans, from the beginning
    std::vector<std::uint64_t> to_look_at_;   // nodes, the next one last
    SubscriptionKey looked_at_;               // the last subscription of that one
};

}   // namespace grid::pubsub
