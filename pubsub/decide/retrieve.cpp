// pubsub/decide/retrieve.cpp: items by id, the newest, or page by page (XEP-0060 §6.5).
#include <algorithm>
#include <iterator>
#include <set>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/pages/item_pages.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using Answer = std::variant<xml::StanzaError, Reply>;

/// One item of the answer.
struct Wanted {
    ItemAt at;
    std::string publisher;
    bool has_payload = false;
};

/// The answer to a retrieval, but for the payloads.
struct Wish {
    std::string node;
    std::vector<Wanted> items;
    bool is_publisher_shown = false;
    std::optional<xml::Element> set;
    std::shared_ptr<const PayloadTest> test;   // null: all of them
};

/// nullopt: the item is not among the requested ones any more, or the filter does not let it
/// through.
Checked<std::optional<xml::Element>> build_item(
    const Wish& wish,
    const Wanted& item,
    const storage::Snapshot* snapshot,
    const PayloadFaults& faults
) {
    using Built = std::optional<xml::Element>;
    using State = StoredItem::State;
    StoredItem stored;
    if (item.has_payload) stored = read_item(*snapshot, item.at, faults);
    if (stored.state == State::Gone) return Built();
    if (stored.state == State::Failed) return store_failed();
    if (stored.state == State::Lost) return unreadable(item.at.id);
    const bool is_replaced = stored.state == State::Replaced;
    const std::string& publisher = is_replaced ? stored.publisher : item.publisher;
    xml::Element element("item", {{"id", item.at.id}});
    if (wish.is_publisher_shown && !publisher.empty()) element.set("publisher", publisher);
    if (stored.payload.empty()) {
        if (wish.test) return Built();
        return Built(std::move(element));
    }
    auto payload = read_payload(item.at, stored.payload, faults);
    if (!payload) return unreadable(item.at.id);
    if (wish.test && !wish.test->matches(*payload)) return Built();
    element.add(std::move(*payload));
    return Built(std::move(element));
}

/// With payloads it runs on the reader pool; without, there is no snapshot.
Answer build_items_reply(
    const Wish& wish, const storage::Snapshot* snapshot, const PayloadFaults& faults
) {
    xml::Element items("items", xml::ns::pubsub, {{"node", wish.node}});
    for (const Wanted& item : wish.items) {
        auto element = build_item(wish, item, snapshot, faults);
        if (!element) return element.error();
        if (*element) items.add(std::move(**element));
    }
    xml::Element pubsub("pubsub", xml::ns::pubsub, {}, std::move(items));
    if (wish.set) pubsub.add(*wish.set);
    return Reply(std::move(pubsub));
}

/// §6.5.9.1, §6.5.9.2: of the address that asks, or of its account.
std::optional<xml::StanzaError> check_subid(
    const Context& context, const Granted& granted, const RetrieveItems& request
) {
    if (!request.subid) {
        const xml::Jid& jid = context.actor.jid;
        for (const std::string_view own : {jid.bare_view(), std::string_view(jid.str())}) {
            const auto [first, last] = granted.node->subscriptions_of(own);
            if (first != last && std::next(first) != last)
                return refuse(Errc::SubidRequired, "Say by which subscription: subid='…'.");
        }
        return std::nullopt;
    }
    bool is_known = false;
    granted.node->each_subscription_of_account(granted.bare, [&](const auto& entry) {
        is_known = is_known || entry.first.subid == *request.subid;
    });
    if (is_known) return std::nullopt;
    return refuse(Errc::InvalidSubid, "You have no subscription of that subid.");
}

/// Ranks of the items asked for by id, each once, in their order.
Checked<std::vector<std::size_t>> by_id(
    const BrokerState& broker, const Node& node, const RetrieveItems& request, std::size_t first
) {
    std::set<std::size_t> ranks;
    std::size_t bytes = 0;
    for (const std::string& id : request.ids) {
        const auto rank = node.items.rank_of(id);
        if (!rank || *rank < first || !ranks.insert(*rank).second) continue;
        bytes += node.items.at(*rank).payload_bytes;
    }
    if (ranks.size() > broker.settings.page_max ||
        (ranks.size() > 1 && bytes > broker.settings.page_bytes_max))
        return refuse(Errc::PolicyViolation, "That is too much for one answer: ask for fewer.");
    return std::vector<std::size_t>(ranks.begin(), ranks.end());
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const RetrieveItems& request) {
    auto granted = grant(broker, context, Right::Retrieve, request.node);
    if (!granted) return granted.error();
    // Where the broker filters, a subtopic's items are those of its topic that match: pages and
    // max_items count before the filter is asked, which is where the payloads are read.
    const Node& node = items_node_of(broker, *granted->node);
    std::shared_ptr<const PayloadTest> test;
    if (&node != granted->node)
        test = broker.filter->test(node.name(), granted->node->record.filter);
    if (auto error = check_retrieval(*granted)) return *error;
    if (auto error = check_subid(context, *granted, request)) return *error;
    // XEP-0248 §6.2.3: through a graph of any size there is no page of bounded cost.
    if (node.config().is_collection())
        return unsupported("retrieve-items", "Retrieve items from the leaves of this collection.");
    if (!node.config().persist_items)   // §6.5.9.4
        return unsupported("persistent-items", "This node keeps no items.");

    const Shown shown{
        node.first_visible(broker.settings, context.now),
        node.first_retained(broker.settings, context.now)
    };
    std::vector<std::size_t> ranks;
    std::optional<xml::Element> set;
    if (!request.ids.empty()) {
        auto found = by_id(broker, node, request, shown.first);
        if (!found) return found.error();
        ranks = std::move(*found);
    } else if (request.order) {
        auto page =
            page_in_order(broker, node, shown, *request.order, request.page, request.max_items);
        if (!page) return page.error();
        ranks = std::move(page->ranks);
        set = std::move(page->set);
    } else {
        Shown list = shown;
        // §6.5.7 beside §6.5.4: pages of the newest ones.
        const std::uint64_t most = request.max_items.value_or(no_limit);
        if (request.page && node.items.size() - list.first > most)
            list.first = node.items.size() - static_cast<std::size_t>(most);
        auto page = page_of_items(broker, node, list, request.page, request.max_items, true);
        if (!page) return page.error();
        for (std::size_t i = page->from; i < page->to; ++i) ranks.push_back(list.first + i);
        set = set_of_items(broker, node, list.first, *page);
    }

    Wish wish{request.node, {}, node.config().itemreply == ItemReply::Publisher, set, test};
    bool has_payloads = false;
    for (std::size_t rank : ranks) {
        const ItemView item = node.items.at(rank);
        const bool has_payload = item.payload_bytes > 0;
        if (test && !has_payload) continue;
        has_payloads = has_payloads || has_payload;
        wish.items.push_back(
            {{node.uid, node.epoch(), std::string(item.id), item.revision},
             wish.is_publisher_shown ? broker.memory.publisher(item) : "",
             has_payload}
        );
    }
    if (!has_payloads) {
        auto answer = build_items_reply(wish, nullptr, broker.faults);
        return std::get<Reply>(std::move(answer));   // there is nothing that could be unreadable
    }
    return Decision::Query{[wish = std::move(wish), &faults = broker.faults](const auto& snapshot) {
        return build_items_reply(wish, &snapshot, faults);
    }};
}

}   // namespace grid::pubsub
