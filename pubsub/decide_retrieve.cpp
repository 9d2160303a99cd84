// pubsub/decide_retrieve.cpp: items by id, the newest, or page by page (XEP-0060 §6.5).
#include <algorithm>
#include <iterator>
#include <set>

#include "pubsub/access.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/item_pages.hpp"
#include "pubsub/stored_payload.hpp"
#include "pubsub/subtopic.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// One item of the answer; `payload` says which of the values read belongs to it.
struct Wanted {
    std::string id, publisher;
    bool has_payload = false;
};

using Values = std::vector<std::optional<storage::Snapshot::Value>>;

/// Runs on the reader pool. An item whose payload is gone was retracted meanwhile: it is left out.
Reply build_reply(
    const std::string& node,
    const std::vector<Wanted>& wanted,
    const Values& values,
    const std::optional<xml::Element>& set,
    const PayloadTest* test = nullptr
) {
    xml::Element items("items", xml::ns::pubsub, {{"node", node}});
    std::size_t next = 0;
    for (const Wanted& item : wanted) {
        xml::Element element("item", {{"id", item.id}});
        if (!item.publisher.empty()) element.set("publisher", item.publisher);
        if (item.has_payload) {
            const auto& value = values.at(next++);
            if (!value || (test && !test->matches(value->value))) continue;
            auto payload = parse_payload(value->value);
            if (!payload) continue;
            element.add(std::move(*payload));
        }
        items.add(std::move(element));
    }
    xml::Element pubsub("pubsub", xml::ns::pubsub, {}, std::move(items));
    if (set) pubsub.add(*set);
    return pubsub;
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
    const Broker& broker, const Node& node, const RetrieveItems& request, std::size_t first
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

Decision decide(const Broker& broker, const Context& context, const RetrieveItems& request) {
    auto granted = grant(broker, context, Operation::Retrieve, request.node);
    if (!granted) return granted.error();
    // Where the broker filters, a subtopic's items are those of its topic that match: pages and
    // max_items count before the filter is asked, which is where the payloads are read.
    const Node& node = shelf_of(broker, *granted->node);
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

    const std::size_t first = node.first_shown(broker.settings, context.now);
    std::vector<std::size_t> ranks;
    std::optional<xml::Element> set;
    if (!request.ids.empty()) {
        auto found = by_id(broker, node, request, first);
        if (!found) return found.error();
        ranks = std::move(*found);
    } else if (request.order) {
        auto page =
            page_in_order(broker, node, first, *request.order, request.page, request.max_items);
        if (!page) return page.error();
        ranks = std::move(page->ranks);
        set = std::move(page->set);
    } else {
        auto page = page_of_items(broker, node, first, request.page, request.max_items, true);
        if (!page) return page.error();
        for (std::size_t i = page->from; i < page->to; ++i) ranks.push_back(first + i);
        set = set_of_items(node, first, *page);
    }

    std::vector<Wanted> wanted;
    Decision::Read read;
    const bool is_publisher_shown = node.config().itemreply == ItemReply::Publisher;
    for (std::size_t rank : ranks) {
        const ItemView item = node.items.at(rank);
        const bool has_payload = item.payload_bytes > 0;
        wanted.push_back(
            {std::string(item.id), is_publisher_shown ? broker.memory.publisher(item) : "",
             has_payload}
        );
        if (has_payload)
            read.keys.push_back(
                {storage::Family::Payload, payload_key(node.uid, node.epoch(), item.revision)}
            );
    }
    if (test) std::erase_if(wanted, [](const Wanted& item) { return !item.has_payload; });
    if (read.keys.empty()) return build_reply(request.node, wanted, {}, set);
    read.finish = [name = request.node, wanted = std::move(wanted), set, test](Values values) {
        return std::variant<xml::StanzaError, Reply>(
            build_reply(name, wanted, values, set, test.get())
        );
    };
    return read;
}

}   // namespace grid::pubsub
