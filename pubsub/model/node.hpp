// pubsub/model/node.hpp: a node as memory holds it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "pubsub/model/affiliation.hpp"
#include "pubsub/model/items.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/model/subscription.hpp"
#include "pubsub/options/node_config.hpp"
#include "pubsub/ports/ports.hpp"
#include "pubsub/settings.hpp"
#include "storage/decision.hpp"

namespace grid::pubsub {

struct AffiliationEntry {
    AffiliationRecord record;
    storage::Revision revision = 0;
};

struct Node {
    std::uint64_t uid = 0;
    NodeRecord record;
    storage::Revision revision = 0;   // of the node's record; 0: not seen yet (scan)
    storage::Revision guard = 0;      // of the guard record; 0: there is none
    std::map<std::string, AffiliationEntry, std::less<>> affiliations;   // by bare JID
    std::size_t affiliation_weight = 0;            // as bounds count them (pubsub/model/memory.hpp)
    std::set<std::string, std::less<>> cleaning;   // accounts whose subscriptions are being removed
    Subscriptions subscriptions;
    std::size_t pending = 0;   // of them, those that wait for an owner
    Items items;
    /// Items up to this revision are out of sight for good: they do not come back when there is
    /// room again (pubsub/model/retention.hpp). 0: none were noted.
    storage::Revision hidden_up_to = 0;
    /// Retention has erased items up to this revision: who knows the node only up to an earlier
    /// place has missed something. 0: none.
    storage::Revision lost_up_to = 0;
    std::size_t hidden_noted = 0;   // under which Memory::by_hidden has it

    /// A subtopic has the rights of its topic, and so has the collection of them: null for others
    /// and for what is deleted.
    Node* topic = nullptr;
    /// JIDs that have several subscriptions here, at least one of them with a filter: an item that
    /// more than one of these brings is told once.
    std::set<std::string, std::less<>> joint;
    /// Of a topic, by canonical filter; the collection under the empty text.
    std::map<std::string, Node*, std::less<>> subtopics;
    std::uint64_t subtopics_version = 0;   // of that map
    /// Subscriptions with a filter (§12.20), by its text: they are told what the subtopic gets.
    std::map<std::string, std::set<SubscriptionKey, SubscriptionOrder>, std::less<>> filtered;

    bool is_subtopic() const { return !record.filter.empty(); }
    /// True for a subtopic whose topic is gone: no account sees it any more.
    bool is_orphan() const { return topic && (topic->revision == 0 || topic->record.is_deleted); }
    /// The node whose affiliations and access model count here, and in whose name the policy is
    /// asked: the topic of a subtopic, else this one.
    const Node& rights() const { return topic ? *topic : *this; }
    std::string_view governing_name() const;
    /// Of the items. A subtopic's are in that of its topic, so that one record ends both.
    std::uint64_t epoch() const {
        return topic && is_subtopic() ? topic->record.epoch : record.epoch;
    }
    /// True when this subtopic has recipients.
    bool is_in_use() const;

    const std::string& name() const { return record.name; }
    const NodeConfig& config() const { return record.config; }
    Affiliation affiliation(std::string_view bare) const;
    /// Revision of that account's affiliation record, 0 when there is none: an absence counts too.
    storage::Revision affiliation_revision(std::string_view bare) const;
    std::size_t owners() const;
    std::size_t subscribed() const;
    /// Subscriptions of that very JID.
    std::pair<Subscriptions::const_iterator, Subscriptions::const_iterator> subscriptions_of(
        std::string_view jid
    ) const;
    /// Calls `visit` for each subscription of the account, by bare or full JID.
    template <class Visit>
    void each_subscription_of_account(std::string_view bare, Visit visit) const {
        auto at = subscriptions.lower_bound(SubscriptionKeyView{bare, {}});
        for (; at != subscriptions.end() && at->first.jid.starts_with(bare); ++at) {
            const std::string& jid = at->first.jid;
            // "a@b" is followed by "a@b/x", but also by "a@b.example" and "a@b-c".
            if (jid.size() == bare.size() || jid[bare.size()] == '/') visit(*at);
        }
    }
    bool has_subscribed(std::string_view bare) const;
    /// Delivers to that subscriber as far as the node is concerned: subscribed, not shut out.
    bool delivers_to(std::string_view jid, const Subscription& subscription) const;

    std::size_t max_items(const Settings& settings) const;
    /// How many items, the oldest ones, are out of sight because of max_items.
    std::size_t hidden(const Settings& settings) const;
    /// Revision of the newest of them, 0 when there is none.
    storage::Revision newest_hidden(const Settings& settings) const;
    /// How many items item_expire is through with.
    std::size_t expired(storage::Millis now) const;
    /// Rank of the oldest item that is still shown: beyond max_items and expired ones are hidden at
    /// once. The same for everybody who computes it from the same records.
    std::size_t first_visible(const Settings& settings, storage::Millis now) const;
    std::size_t shown(const Settings& settings, storage::Millis now) const {
        return items.size() - first_visible(settings, now);
    }
    /// Rank of the oldest item that is kept, shown or hidden. Items before it are erased in the
    /// background: they are expired, or hidden and beyond what Retention allows.
    std::size_t first_retained(const Settings& settings, storage::Millis now) const;
    /// Whether subscribers hear of items that go out of sight without being retracted (§7.1.2.5).
    bool notifies_evictions() const;
};

/// Whether imposing that access model may end subscriptions.
bool narrows(AccessModel model);
/// Whether this access model lets somebody of that affiliation stay subscribed when it is imposed.
bool may_stay(AccessModel model, Affiliation affiliation);
std::string_view bare_of(std::string_view jid);

inline constexpr std::string_view collection_suffix = "#subtopics";
/// `T` of `T/<16 hex digits>` and of `T#subtopics`; empty for names of another form.
std::string_view topic_in(std::string_view name);

}   // namespace grid::pubsub
