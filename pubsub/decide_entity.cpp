// pubsub/decide_entity.cpp: an entity asks for its own subscriptions and affiliations (XEP-0060
// §5.6, §5.7).
#include <algorithm>

#include "pubsub/access.hpp"
#include "pubsub/page.hpp"
#include "pubsub/subscription_form.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// A line of the list, and where it stands in the order.
struct Line {
    std::string cursor;
    xml::Element element;
};

Decision list_reply(
    const Broker& broker,
    const char* name,
    const std::optional<std::string>& node,
    const std::optional<xml::RsmRequest>& request,
    std::vector<Line> lines
) {
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
        return a.cursor < b.cursor;
    });
    std::vector<std::string> cursors;
    for (const Line& line : lines) cursors.push_back(line.cursor);
    auto page = find_page(request, lines.size(), broker.settings.page_max, by_text(cursors));
    if (!page) return page.error();
    xml::Element list(name, xml::ns::pubsub);
    if (node) list.set("node", *node);
    for (std::size_t i = page->from; i < page->to; ++i) list.add(std::move(lines[i].element));
    xml::Element pubsub("pubsub", xml::ns::pubsub, {}, std::move(list));
    add_set(pubsub, *page, [&](std::size_t rank) { return cursors[rank]; });
    return Reply(std::move(pubsub));
}

/// Whether the list is to show that node: live, and the one asked for if one was.
const Node* listed(
    const Broker& broker, std::uint64_t uid, const std::optional<std::string>& wanted
) {
    const Node* node = broker.memory.find(uid);
    if (!node || node->record.is_deleted || (wanted && node->name() != *wanted)) return nullptr;
    return node;
}

}   // namespace

Decision decide(const Broker& broker, const Context& context, const MySubscriptions& request) {
    const std::string bare(context.actor.jid.bare_view());
    std::vector<Line> lines;
    for (const auto& [uid, count] : broker.memory.subscribed_nodes(bare)) {
        const Node* node = listed(broker, uid, request.node);
        if (!node) continue;
        node->each_subscription_of_account(bare, [&](const auto& entry) {
            const auto& [key, subscription] = entry;
            xml::Element line =
                subscription_element(key, subscription.state, subscription.expire());
            line.set("node", node->name());   // §5.6: also where one node was asked for
            lines.push_back({node->name() + '\n' + key.jid + '\n' + key.subid, std::move(line)});
        });
    }
    return list_reply(broker, "subscriptions", request.node, request.page, std::move(lines));
}

Decision decide(const Broker& broker, const Context& context, const MyAffiliations& request) {
    const std::string bare(context.actor.jid.bare_view());
    std::vector<Line> lines;
    for (std::uint64_t uid : broker.memory.affiliated_nodes(bare)) {
        const Node* node = listed(broker, uid, request.node);
        if (!node || node->affiliation(bare) == Affiliation::None) continue;
        const std::string affiliation(to_string(node->affiliation(bare)));
        lines.push_back(
            {node->name(),
             xml::Element("affiliation", {{"node", node->name()}, {"affiliation", affiliation}})}
        );
    }
    return list_reply(broker, "affiliations", request.node, request.page, std::move(lines));
}

}   // namespace grid::pubsub
