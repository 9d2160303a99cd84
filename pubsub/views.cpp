// pubsub/views.cpp: see pubsub/views.hpp.
#include "pubsub/views.hpp"

#include "pubsub/pages/item_pages.hpp"

namespace grid::pubsub {

NodeView view_of(const BrokerState& broker, const Node& node) {
    NodeView view;
    view.uid = node.uid;
    view.name = node.name();
    view.title = node.config().title;
    view.type = node.config().type;
    view.access_model = to_string(node.config().access_model);
    view.publish_model = to_string(node.config().publish_model);
    view.items = node.items.size() - node.hidden(broker.settings);
    view.subscriptions = node.subscriptions.size();
    for (const auto& [bare, entry] : node.affiliations)
        if (is_publishing(entry.record.affiliation)) ++view.publishers;
    view.created = node.record.created;
    view.creator = node.record.creator;
    view.topic = node.governing_name() == node.name() ? "" : node.governing_name();
    view.filter = node.record.filter;
    view.is_collection = node.config().is_collection();
    view.is_enabled = !node.rights().record.is_switched_off;
    return view;
}

std::vector<SubtopicView> views_of_subtopics(const BrokerState& broker, std::string_view topic) {
    std::vector<SubtopicView> views;
    const Node* node = broker.memory.find(topic);
    if (!node) return views;
    for (const auto& [filter, subtopic] : node->subtopics) {
        if (filter.empty()) continue;
        const auto filtered = node->filtered.find(filter);
        const std::size_t others = filtered == node->filtered.end() ? 0 : filtered->second.size();
        views.push_back({subtopic->name(), filter, subtopic->subscriptions.size() + others});
    }
    return views;
}

/// A cursor is the place of the last item that was shown, which may be gone meanwhile.
std::optional<ShownItems> newest_items_of(
    const BrokerState& broker, std::string_view name, std::string_view after, std::size_t max
) {
    ShownItems page;
    const Node* node = broker.memory.find(name);
    if (!node) return page;
    std::size_t rank = node->items.size();
    if (!after.empty()) {
        const auto place = broker.memory.cursors().find_place(node->uid, after);
        if (!place) return std::nullopt;
        rank = *place == 0 ? 0 : node->items.rank_after(*place - 1);
    }
    const std::size_t oldest = node->hidden(broker.settings);
    for (; rank > oldest && page.items.size() < max; --rank) {
        const ItemView item = node->items.at(rank - 1);
        page.items.push_back(
            {std::string(item.id), broker.memory.publisher(item), item.payload_bytes, item.time}
        );
        if (page.items.size() == max && rank - 1 > oldest)
            page.next = item_cursor(broker, *node, item.revision);
    }
    return page;
}

// See pubsub/views.hpp.

namespace {

class Walk {
public:
    Walk(const HolderCursor& after, std::size_t max) : max_(max) { page_.last = after; }

    /// From behind the cursor when it stands in this node; false when the page is full.
    bool add(const Node& node, const HolderCursor* behind) {
        const bool is_among_publishers =
            behind != nullptr && behind->kind == Holder::Kind::Publisher;
        if (behind == nullptr) {
            if (!look()) return false;
            page_.last = {node.name(), {}, {}, Holder::Kind::Subscriber};
        }
        auto entry = node.subscriptions.begin();
        if (is_among_publishers)
            entry = node.subscriptions.end();
        else if (behind != nullptr)
            entry = node.subscriptions.upper_bound(SubscriptionKey{behind->jid, behind->subid});
        for (; entry != node.subscriptions.end(); ++entry)
            if (!add(node, Holder::Kind::Subscriber, entry->first.jid, entry->first.subid))
                return false;
        auto next = is_among_publishers ? node.affiliations.upper_bound(behind->jid)
                                        : node.affiliations.begin();
        for (; next != node.affiliations.end(); ++next) {
            if (is_publishing(next->second.record.affiliation)) {
                if (!add(node, Holder::Kind::Publisher, next->first, {})) return false;
            } else {
                if (!look()) return false;
                page_.last = {node.name(), next->first, {}, Holder::Kind::Publisher};
            }
        }
        return true;
    }
    HolderPage take() { return std::move(page_); }

private:
    bool look() {
        if (looked_at_ == max_) page_.is_end = false;
        return looked_at_++ < max_;
    }
    bool add(
        const Node& node, Holder::Kind kind, const std::string& jid, const std::string& subid
    ) {
        if (!look()) return false;
        const std::string governing(node.governing_name());
        page_.holders.push_back(
            {kind, governing, node.rights().config().type, jid, subid, node.name()}
        );
        page_.last = {node.name(), jid, subid, kind};
        return true;
    }

    std::size_t max_, looked_at_ = 0;
    HolderPage page_;
};

}   // namespace

HolderPage holders_after(const BrokerState& broker, const HolderCursor& after, std::size_t max) {
    Walk walk(after, max);
    const auto& nodes = broker.memory.by_name();
    // Nodes of accounts are under no rule about topics.
    const std::string_view from = std::max<std::string_view>(after.node, first_name_of_broker);
    for (auto at = nodes.lower_bound(from); at != nodes.end(); ++at)
        if (!walk.add(*at->second, at->first == after.node ? &after : nullptr)) break;
    return walk.take();
}

}   // namespace grid::pubsub
