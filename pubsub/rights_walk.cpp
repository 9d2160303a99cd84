// pubsub/rights_walk.cpp: see pubsub/rights_walk.hpp.
#include "pubsub/rights_walk.hpp"

namespace grid::pubsub {

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

HolderPage holders_after(const Broker& broker, const HolderCursor& after, std::size_t max) {
    Walk walk(after, max);
    const auto& nodes = broker.memory.by_name();
    for (auto at = nodes.lower_bound(after.node); at != nodes.end(); ++at)
        if (!walk.add(*at->second, at->first == after.node ? &after : nullptr)) break;
    return walk.take();
}

}   // namespace grid::pubsub
