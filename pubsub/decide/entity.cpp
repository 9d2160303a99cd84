// pubsub/decide/entity.cpp: an entity asks for its own subscriptions and affiliations (XEP-0060
// §5.6, §5.7).
#include <algorithm>
#include <functional>
#include <tuple>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/pages/page.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// Lines are made for the page that is shown only: an account may have ten thousand.
struct List {
    const char* name;
    const std::optional<std::string>& node;
    const std::optional<xml::RsmRequest>& request;
    std::size_t size = 0;
    FindCursor find;
    std::function<xml::Element(std::size_t rank)> line;
    std::function<std::string(std::size_t rank)> cursor;
};

Decision list_reply(const BrokerState& broker, const List& lines) {
    auto page = find_page(lines.request, lines.size, broker.settings.page_max, lines.find);
    if (!page) return page.error();
    xml::Element list(lines.name, xml::ns::pubsub);
    if (lines.node) list.set("node", *lines.node);
    for (std::size_t rank = page->from; rank < page->to; ++rank) list.add(lines.line(rank));
    xml::Element pubsub("pubsub", xml::ns::pubsub, {}, std::move(list));
    add_set(pubsub, *page, lines.cursor);
    return Reply(std::move(pubsub));
}

/// A subscription, in the order of node, JID and subid.
struct Mine {
    const Node* node = nullptr;
    const Subscriptions::value_type* entry = nullptr;
};
using MinePlace = std::tuple<std::string_view, std::string_view, std::string_view>;

MinePlace place_among_mine(const Mine& mine) {
    return {mine.node->name(), mine.entry->first.jid, mine.entry->first.subid};
}

std::string cursor_of(const Mine& mine) {
    return mine.node->name() + '\n' + mine.entry->first.jid + '\n' + mine.entry->first.subid;
}

/// From the end: a NodeID may hold anything, JIDs and subids hold no line feed.
std::optional<MinePlace> parse_cursor(std::string_view cursor) {
    const std::size_t second = cursor.rfind('\n');
    if (second == std::string_view::npos || second == 0) return std::nullopt;
    const std::size_t first = cursor.rfind('\n', second - 1);
    if (first == std::string_view::npos) return std::nullopt;
    return MinePlace{
        cursor.substr(0, first), cursor.substr(first + 1, second - first - 1),
        cursor.substr(second + 1)
    };
}

/// Whether the list is to show that node: live, at the address that was asked (`account`: that of
/// an account), and the one asked for if one was.
const Node* listed(
    const BrokerState& broker,
    std::uint64_t uid,
    std::string_view account,
    const std::optional<std::string>& wanted
) {
    const Node* node = broker.memory.find(uid);
    if (!node || owner_in(node->name()) != account || node->record.is_deleted ||
        (wanted && node->name() != *wanted))
        return nullptr;
    return node;
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const MySubscriptions& request) {
    const std::string bare(context.actor.jid.bare_view());
    std::vector<Mine> all;
    for (const auto& [uid, count] : broker.memory.subscribed_nodes(bare)) {
        const Node* node = listed(broker, uid, request.account, request.node);
        if (!node) continue;
        node->each_subscription_of_account(bare, [&](const auto& entry) {
            all.push_back({node, &entry});
        });
    }
    std::sort(all.begin(), all.end(), [](const Mine& a, const Mine& b) {
        return place_among_mine(a) < place_among_mine(b);
    });
    List list{"subscriptions", request.node, request.page, all.size(), {}, {}, {}};
    list.find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto wanted = parse_cursor(cursor);
        if (!wanted) return std::nullopt;
        const auto at = std::partition_point(all.begin(), all.end(), [&](const Mine& mine) {
            return is_after ? place_among_mine(mine) <= *wanted : place_among_mine(mine) < *wanted;
        });
        return static_cast<std::size_t>(at - all.begin());
    };
    list.line = [&](std::size_t rank) {
        const auto& [key, subscription] = *all[rank].entry;
        auto line = subscription_element(key, subscription.state, subscription.expire());
        line.set("node", all[rank].node->name());   // §5.6: also where one node was asked for
        return line;
    };
    list.cursor = [&](std::size_t rank) { return cursor_of(all[rank]); };
    return list_reply(broker, list);
}

Decision decide(const BrokerState& broker, const Context& context, const MyAffiliations& request) {
    const std::string bare(context.actor.jid.bare_view());
    std::vector<const Node*> all;
    for (std::uint64_t uid : broker.memory.affiliated_nodes(bare)) {
        const Node* node = listed(broker, uid, request.account, request.node);
        if (node && node->affiliation(bare) != Affiliation::None) all.push_back(node);
    }
    std::sort(all.begin(), all.end(), [](const Node* a, const Node* b) {
        return a->name() < b->name();
    });
    List list{"affiliations", request.node, request.page, all.size(), {}, {}, {}};
    list.find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto at = std::partition_point(all.begin(), all.end(), [&](const Node* node) {
            return is_after ? node->name() <= cursor : node->name() < cursor;
        });
        return static_cast<std::size_t>(at - all.begin());
    };
    list.line = [&](std::size_t rank) {
        const std::string affiliation(to_string(all[rank]->affiliation(bare)));
        return xml::Element(
            "affiliation", {{"node", all[rank]->name()}, {"affiliation", affiliation}}
        );
    };
    list.cursor = [&](std::size_t rank) { return all[rank]->name(); };
    return list_reply(broker, list);
}

}   // namespace grid::pubsub
