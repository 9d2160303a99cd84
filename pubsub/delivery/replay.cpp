// pubsub/delivery/replay.cpp: see pubsub/delivery/replay.hpp.
#include "pubsub/delivery/replay.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/delivery/audience.hpp"
#include "pubsub/delivery/copies.hpp"
#include "pubsub/delivery/messages.hpp"
#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/node_tree.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;
using storage::Revision;

namespace {

constexpr std::size_t positions_per_batch = 100;
constexpr Revision nothing_owed = ~Revision{0};

/// A node with items that may be undelivered: from which revisions on, to which address.
struct Source {
    const Node* told = nullptr;   // the node as which the items are sent to the subscriber
    // The node whose index has them: the same, or the topic (pubsub/decide/subtopics.hpp).
    const Node* node = nullptr;
    std::shared_ptr<const PayloadTest> test;
    Revision bare = nothing_owed, full = nothing_owed;
    std::size_t rank = 0;   // the next item

    Revision from() const { return std::min(bare, full); }
    bool is_at_end() const { return rank >= node->items.size(); }
    Revision next() const { return node->items.at(rank).revision; }
};

/// The revision from which on that node's items are replayed, given its delivery position and the
/// start of its subscriptions. Headlines go to online subscribers only (§12.7); but where replay
/// begins earlier, with the last item, it does so with a headline, too.
Revision begun(
    const Node& node,
    const std::string& jid,
    Revision after,
    Revision subscribed,
    const EarlierStarts& earlier
) {
    const NotificationType type = node.rights().config().notification_type;
    const Revision usual =
        type == NotificationType::Headline ? nothing_owed : std::max(after, subscribed);
    const auto start = earlier.find(start_key(node.uid, jid.find('/') == std::string::npos));
    return start == earlier.end() ? usual : std::min(usual, start->second);
}

/// The revision from which on this very address gets the node's items: by its subscriptions, or by
/// those to the topic that have the filter of this subtopic.
Revision start_for(
    const BrokerState& broker,
    const Node& node,
    const std::string& jid,
    Revision after,
    const EarlierStarts& earlier
) {
    Revision start = nothing_owed;
    const auto [first, last] = node.subscriptions_of(jid);
    for (auto at = first; at != last; ++at)
        if (at->second.wants_items() && node.delivers_to(jid, at->second))
            start = std::min(start, owed_from(at->second));
    if (node.topic && node.is_subtopic()) {
        const auto [from, to] = node.topic->subscriptions_of(jid);
        for (auto at = from; at != to; ++at)
            if (at->second.wants_filtered() && node.topic->delivers_to(jid, at->second) &&
                at->second.options->filter == node.record.filter)
                start = std::min(start, owed_from(at->second));
    }
    if (start == nothing_owed) return start;
    start = begun(node, jid, after, start, earlier);
    if (start == nothing_owed) return start;
    const Items& items = items_node_of(broker, node).items;
    const ItemView newest = items.at(items.size() - 1);
    if (newest.revision <= start) return nothing_owed;   // the usual case
    const auto receiver = xml::Jid::from_canonical(jid);
    const auto& type = node.rights().config().type;
    if (!broker.policy.may_receive(receiver, node.governing_name(), type)) return nothing_owed;
    if (!is_contact_or_listed(broker.contacts, node, receiver.bare_view())) return nothing_owed;
    return start;
}

/// Whether that very address has a subscription to the node that brings all of its items.
bool has_own(const Node& node, const std::string& jid) {
    const auto [first, last] = node.subscriptions_of(jid);
    return std::any_of(first, last, [&](const auto& entry) {
        return entry.second.wants_items() && node.delivers_to(jid, entry.second);
    });
}

/// Nodes whose items may be undelivered to an account: those it subscribed to, and the subtopics of
/// its filters.
std::set<const Node*> nodes_of(const BrokerState& broker, std::string_view bare) {
    std::set<const Node*> nodes;
    for (const auto& [uid, count] : broker.memory.subscribed_nodes(bare)) {
        const Node* node = broker.memory.find(uid);
        if (!node || node->record.is_deleted || node->is_orphan()) continue;
        nodes.insert(node);
        if (node->filtered.empty()) continue;
        node->each_subscription_of_account(bare, [&](const auto& entry) {
            if (!entry.second.wants_filtered()) return;
            const auto found = node->subtopics.find(entry.second.options->filter);
            if (found != node->subtopics.end()) nodes.insert(found->second);
        });
    }
    return nodes;
}

/// A subscription to a collection that brings the items of leaves beneath it.
struct FromAbove {
    Revision start = 0;
    std::uint64_t collection = 0;
    const Subscription* subscription = nullptr;
};

void collect(
    const BrokerState& broker,
    std::vector<FromAbove>& into,
    const Node& collection,
    const std::string& jid
) {
    if (!is_contact_or_listed(broker.contacts, collection, bare_of(jid))) return;
    const auto [first, last] = collection.subscriptions_of(jid);
    for (auto at = first; at != last; ++at)
        if (brings_items(at->second, 1) && collection.delivers_to(jid, at->second))
            into.push_back({owed_from(at->second), collection.uid, &at->second});
}

/// Where the leaves beneath all these begin. An account may follow thousands of collections that
/// hold the same leaves: the earliest come first, and the others pass only where they reach deeper.
void add_beneath(
    const BrokerState& broker,
    std::vector<FromAbove> all,
    const std::string& jid,
    Revision after,
    const EarlierStarts& earlier,
    Revision Source::* address,
    std::map<std::uint64_t, Source>& found
) {
    if (all.empty()) return;
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.start < b.start;
    });
    const auto receiver = xml::Jid::from_canonical(jid);
    std::unordered_map<std::uint64_t, std::uint64_t> reached;   // levels that are left beneath it
    const auto take_leaf = [&](const Node& leaf, Revision from) {
        if (leaf.items.size() == 0 || !leaf.config().deliver_notifications) return;
        const Revision start = begun(leaf, jid, after, from, earlier);
        if (start == nothing_owed) return;
        if (leaf.items.at(leaf.items.size() - 1).revision <= start) return;
        if (!admits_subscriber(broker, leaf, bare_of(jid))) return;
        const auto& type = leaf.rights().config().type;
        if (!broker.policy.may_receive(receiver, leaf.governing_name(), type)) return;
        Source& source = found[leaf.uid];
        source.told = source.node = &leaf;
        source.*address = std::min(source.*address, start);
    };
    for (const FromAbove& above : all) {
        const std::uint64_t depth = options_of(above.subscription->options).depth;
        walk_beneath(broker.memory.tree(), above.collection, [&](const Relative& relative) {
            if (!brings_items(*above.subscription, relative.distance)) return false;
            const std::uint64_t left =
                depth == every_depth ? every_depth : depth - relative.distance;
            const auto [known, is_new] = reached.try_emplace(relative.node->uid, left);
            if (!is_new && known->second >= left) return false;
            known->second = left;
            if (is_new) take_leaf(*relative.node, above.start);
            return true;
        });
    }
}

std::vector<Source> sources(
    const BrokerState& broker, const xml::Jid& full, Position after, const EarlierStarts& earlier
) {
    struct Address {
        std::string jid;
        Revision after;
        Revision Source::* start;
        std::vector<FromAbove> above;
    };
    std::vector<Address> addresses{{std::string(full.bare_view()), after.bare, &Source::bare, {}}};
    if (!full.is_bare()) addresses.push_back({full.str(), after.full, &Source::full, {}});
    std::map<std::uint64_t, Source> found;
    for (const Node* node : nodes_of(broker, full.bare_view())) {
        const Node& shelf = items_node_of(broker, *node);
        for (auto& [jid, told, start, above] : addresses) {
            if (node->config().is_collection()) {
                collect(broker, above, *node, jid);
            } else if (shelf.items.size() != 0 && node->config().deliver_notifications) {
                const Revision from = start_for(broker, *node, jid, told, earlier);
                if (from == nothing_owed) continue;
                Source& source = found[node->uid];
                source.told = node;
                source.node = &shelf;
                source.*start = std::min(source.*start, from);
            }
        }
    }
    for (auto& [jid, told, start, above] : addresses)
        add_beneath(broker, std::move(above), jid, told, earlier, start, found);
    std::vector<Source> all;
    for (auto& [uid, source] : found) {
        source.rank = source.node->items.rank_after(source.from());
        if (source.is_at_end()) continue;
        if (source.told != source.node)
            source.test = broker.filter->test(source.node->name(), source.told->record.filter);
        all.push_back(source);
    }
    return all;
}

OwedItem to_owed(const Source& source, const ItemView& item) {
    OwedItem owed;
    owed.node = source.told->uid;
    owed.test = source.test;
    owed.id = item.id;
    owed.revision = item.revision;
    owed.is_for_bare = item.revision > source.bare;
    owed.is_for_full = item.revision > source.full;
    owed.shelf = source.node->uid;
    owed.epoch = source.node->epoch();
    owed.has_payload = item.payload_bytes > 0;
    return owed;
}

}   // namespace

Owed find_owed(
    const BrokerState& broker,
    const xml::Jid& full,
    Position after,
    const EarlierStarts& earlier,
    std::size_t items_max,
    std::size_t bytes_max
) {
    // Of all nodes in the order of commit: what one publisher said in two of them stays in order.
    const auto later = [](const Source* a, const Source* b) { return a->next() > b->next(); };
    std::vector<Source> all = sources(broker, full, after, earlier);
    std::priority_queue<Source*, std::vector<Source*>, decltype(later)> queue(later);
    for (Source& source : all) queue.push(&source);
    Owed owed;
    std::size_t bytes = 0;
    while (!queue.empty()) {
        Source* source = queue.top();
        const ItemView item = source->node->items.at(source->rank);
        bytes += item.payload_bytes;
        // One item comes whole, by all of its sources: positions do not tell these apart.
        const bool is_next = owed.items.empty() || owed.items.back().revision != item.revision;
        if (is_next && !owed.items.empty() &&
            (owed.items.size() >= items_max || bytes > bytes_max)) {
            owed.is_all = false;
            break;
        }
        owed.items.push_back(to_owed(*source, item));
        queue.pop();
        ++source->rank;
        if (!source->is_at_end()) queue.push(source);
    }
    return owed;
}

std::optional<Notification> owed_message(
    const BrokerState& broker,
    const OwedItem& item,
    const xml::Jid& subscriber,
    std::string_view payload
) {
    const Node* node = broker.memory.find(item.node);
    if (!node || node->record.is_deleted) return std::nullopt;
    // The item was retracted, purged, or published again since it was looked up: the newer one is
    // replayed, too.
    const auto now = items_node_of(broker, *node).items.find(item.id);
    if (!now || now->revision != item.revision) return std::nullopt;
    const auto receiver = find_subscriber(broker, *node, subscriber);
    if (!receiver) return std::nullopt;
    const PublishedItem published{true, item.id, broker.memory.publisher(*now), payload};
    auto message = item_notification(broker, *node, published, item.revision, 0, now->time);
    message.rest = render_copy(message, receiver->copy);
    return message;
}

std::vector<Notification> owed_messages(
    const BrokerState& broker,
    const std::vector<const OwedItem*>& sources,
    const xml::Jid& subscriber,
    std::string_view payload
) {
    std::vector<Notification> messages;
    const auto add = [&](std::optional<Notification> message) {
        if (message) messages.push_back(std::move(*message));
    };
    if (sources.empty()) return messages;
    const OwedItem& item = *sources.front();
    const Node* topic = sources.size() > 1 ? broker.memory.find(item.shelf) : nullptr;
    const auto passed = [&](std::uint64_t subtopic) {
        return std::ranges::any_of(sources, [&](const OwedItem* source) {
            return source->node == subtopic;
        });
    };
    std::optional<JointCopy> joint;
    if (topic && !topic->record.is_deleted) joint = joint_copy(*topic, subscriber.str(), passed);
    if (joint)
        if (auto message = owed_message(broker, item, subscriber, payload)) {
            const auto now = topic->items.find(item.id);
            const PublishedItem published{true, item.id, broker.memory.publisher(*now), payload};
            *message = item_notification(broker, *topic, published, item.revision, 0, now->time);
            message->rest = render_copy(*message, joint->copy);
            add(std::move(message));
        }
    for (const OwedItem* source : sources) {
        const Node* told = joint ? broker.memory.find(source->node) : nullptr;
        // Items of the subtopic itself are another node's.
        const bool is_joined =
            told && (told == topic || (told->topic == topic && !has_own(*told, subscriber.str())));
        if (!is_joined) add(owed_message(broker, *source, subscriber, payload));
    }
    return messages;
}

std::vector<PresenceStart> starts_at_presence(const BrokerState& broker, const xml::Jid& full) {
    std::vector<PresenceStart> starts;
    for (const Node* node : nodes_of(broker, full.bare_view())) {
        const NodeConfig& config = node->config();
        if (config.send_last_published_item != SendLast::OnSubAndPresence || config.is_collection())
            continue;
        if (!config.persist_items || !config.deliver_notifications) continue;
        const Items& items = node->items;
        if (items.size() == node->hidden(broker.settings)) continue;
        const Revision after = items.at(items.size() - 1).revision - 1;
        if (has_own(*node, std::string(full.bare_view())))
            starts.push_back({node->uid, true, after});
        if (!full.is_bare() && has_own(*node, full.str()))
            starts.push_back({node->uid, false, after});
    }
    return starts;
}

std::vector<Batch> position_batches(
    const BrokerState& broker, const std::vector<std::pair<std::string, Revision>>& positions
) {
    std::vector<Batch> batches;
    for (const auto& [jid, revision] : positions) {
        const auto known = broker.memory.positions().find(jid);
        if (known != broker.memory.positions().end() && known->second.told >= revision) continue;
        if (broker.memory.subscribed_nodes(bare_of(jid)).empty()) continue;
        if (batches.empty() || batches.back().operations.size() == positions_per_batch)
            batches.emplace_back();
        batches.back().put(Family::Control, position_key(jid), encode(PositionRecord{revision}));
    }
    return batches;
}

}   // namespace grid::pubsub
