// pubsub/decide/archive.cpp: the archive of a node: what it keeps, shown or hidden, by time and
// id (XEP-0313, XEP-0442). The right to retrieve items is the right to query it.
#include "pubsub/decide/archive.hpp"

#include <algorithm>

#include "pubsub/decide/grant.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/pages/item_pages.hpp"
#include "pubsub/reply.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using xml::Element;

namespace {

using Answer = std::variant<xml::StanzaError, Reply>;

const xml::Ns forward_ns{"urn:xmpp:forward:0"};
const xml::Ns validate_ns{"http://jabber.org/protocol/xdata-validate"};

/// The node, if the actor may read its items (XEP-0060 §6.5).
Checked<Granted> readable(
    const BrokerState& broker, const Context& context, const std::string& name
) {
    auto granted = grant(broker, context, Right::Retrieve, name);
    if (!granted) return granted;
    if (auto error = check_retrieval(*granted)) return *error;
    if (granted->node->config().is_collection())
        return unsupported("retrieve-items", "Query the leaves of this collection.");
    if (!has_archive(*granted->node))
        return unsupported("persistent-items", "This node keeps no items.");
    return granted;
}

/// One message of the answer.
struct Archived {
    std::string cursor, publisher;
    ItemAt at;
    storage::Millis time = 0;
    bool has_payload = false;
};

/// The parts that all messages of an answer have in common.
struct Frame {
    std::string service, node, queryid, type;
    Element fin;
};

/// XEP-0442 §3: as subscribers were told of it, one item in each. nullopt: the item was retracted
/// or replaced meanwhile.
Checked<std::optional<Element>> to_message(
    const Frame& frame,
    const Archived& item,
    const storage::Snapshot* snapshot,
    const PayloadFaults& faults
) {
    using State = StoredItem::State;
    Element element("item", xml::ns::pubsub_event, {{"id", item.at.id}});
    if (!item.publisher.empty()) element.set("publisher", item.publisher);
    if (item.has_payload) {
        const StoredItem stored = read_item(*snapshot, item.at, faults);
        if (stored.state == State::Gone || stored.state == State::Replaced)
            return std::optional<Element>();
        if (stored.state == State::Failed) return store_failed();
        if (stored.state == State::Lost) return unreadable(item.at.id);
        auto payload = read_payload(item.at, stored.payload, faults);
        if (!payload) return unreadable(item.at.id);
        element.add(std::move(*payload));
    }
    Element message(
        "message", xml::ns::client, {{"from", frame.service}, {"type", frame.type}},
        Element(
            "event", xml::ns::pubsub_event, {},
            Element("items", xml::ns::pubsub_event, {{"node", frame.node}}, std::move(element))
        )
    );
    return std::optional(archive_result(item.cursor, frame.queryid, item.time, std::move(message)));
}

/// With payloads it runs on the reader pool; without, there is no snapshot.
Answer build_archive_reply(
    const Frame& frame,
    const std::vector<Archived>& items,
    const storage::Snapshot* snapshot,
    const PayloadFaults& faults
) {
    Reply reply(frame.fin);
    for (const Archived& item : items) {
        auto message = to_message(frame, item, snapshot, faults);
        if (!message) return message.error();
        if (*message) reply.messages.push_back(std::move(**message));
    }
    return reply;
}

Element field(const char* var, const char* type) {
    return Element("field", xml::ns::data, {{"var", var}, {"type", type}});
}

Element metadata_entry(
    const BrokerState& broker, const char* name, const Node& node, std::size_t rank
) {
    const ItemView item = node.items.at(rank);
    return Element(
        name, archive_ns,
        {{"id", item_cursor(broker, node, item.revision)},
         {"timestamp", xml::to_datetime(item.time)}}
    );
}

/// More items than these are not looked at one by one, so that no other request waits for that.
constexpr std::size_t looked_at_max = 100'000;

xml::StanzaError no_such_id(const std::string& id) {
    return refuse(Errc::ItemNotFound, "'" + id + "' is not, or no longer, in this archive.");
}

/// §4.1.3: each of them must be there.
Checked<std::vector<std::size_t>> by_ids(
    const BrokerState& broker,
    const Node& node,
    std::size_t first,
    const std::vector<std::string>& ids
) {
    std::vector<std::size_t> ranks;
    for (const std::string& id : ids) {
        const auto place = place_of(broker, node, first, id);
        if (!place) return place.error();
        const std::size_t behind = node.items.rank_after(*place);
        if (behind <= first || node.items.at(behind - 1).revision != *place) return no_such_id(id);
        ranks.push_back(behind - 1);
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    return ranks;
}

/// §4.1.1: the publisher, for those who would be told of it; else nothing matches.
Checked<std::vector<std::size_t>> by_publisher(
    const BrokerState& broker, const Node& node, const ArchiveMatch& match, const xml::Jid& with
) {
    std::vector<std::size_t> ranks;
    if (node.config().itemreply != ItemReply::Publisher || !with.is_bare()) return ranks;
    if (match.size() > looked_at_max)
        return refuse(Errc::PolicyViolation, "'with' takes a narrower 'start' and 'end' here.");
    for (std::size_t i = 0; i < match.size(); ++i)
        if (broker.memory.publisher(node.items.at(match.rank(i))) == with.str())
            ranks.push_back(match.rank(i));
    return ranks;
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const QueryArchive& request) {
    auto granted = readable(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    const std::size_t first = node.first_retained(broker.settings, context.now);
    auto match = match_archive(broker, node, first, request);
    if (!match) return match.error();
    auto page = page_of_archive(broker, node, first, *match, request.page);
    if (!page) return page.error();

    std::vector<Archived> items;
    bool has_payloads = false;
    const NodeConfig& config = node.config();
    for (std::size_t i = page->from; i < page->to; ++i) {
        const ItemView item = node.items.at(match->rank(i));
        Archived archived;
        archived.cursor = item_cursor(broker, node, item.revision);
        archived.at = {node.uid, node.epoch(), std::string(item.id), item.revision};
        archived.time = item.time;
        if (config.itemreply == ItemReply::Publisher)
            archived.publisher = broker.memory.publisher(item);
        archived.has_payload = config.deliver_payloads && item.payload_bytes > 0;
        has_payloads = has_payloads || archived.has_payload;
        items.push_back(std::move(archived));
    }
    if (request.is_flipped) std::reverse(items.begin(), items.end());   // §5.2.4
    const bool is_headline = config.notification_type == NotificationType::Headline;
    Frame frame{
        broker.settings.service.str(), node.name(), request.queryid,
        is_headline ? "headline" : "normal",
        archive_fin(
            *page,
            [&](std::size_t index) {
                return item_cursor(broker, node, node.items.at(match->rank(index)).revision);
            }
        )
    };
    if (!has_payloads) {
        auto answer = build_archive_reply(frame, items, nullptr, broker.faults);
        return std::get<Reply>(std::move(answer));   // there is nothing that could be unreadable
    }
    return Decision::Query{[frame = std::move(frame), items = std::move(items),
                            &faults = broker.faults](const storage::Snapshot& snapshot) {
        return build_archive_reply(frame, items, &snapshot, faults);
    }};
}

Decision decide(const BrokerState&, const Context&, const GetArchiveForm&) {
    return archive_form();
}

/// `ids` is open: the form lists none.
Reply archive_form() {
    Element form("x", xml::ns::data, {{"type", "form"}});
    Element type = field("FORM_TYPE", "hidden");
    type.add(Element::with_text("value", archive_ns.uri()));
    form.add(std::move(type));
    form.add(field("with", "jid-single"));
    for (const char* var : {"start", "end", "before-id", "after-id"})
        form.add(field(var, "text-single"));
    Element ids = field("ids", "list-multi");
    ids.add(
        Element("validate", validate_ns, {{"datatype", "xs:string"}}, Element("open", validate_ns))
    );
    form.add(std::move(ids));
    return Reply(Element("query", archive_ns, {}, std::move(form)));
}

Element archive_fin(const Page& page, const std::function<std::string(std::size_t)>& cursor) {
    Element fin("fin", archive_ns);
    if (!page.is_cut) fin.set("complete", "true");   // XEP-0313 §4.3
    xml::RsmReply set;
    set.count = page.total;
    if (page.from < page.to) {
        set.first = cursor(page.from);
        set.last = cursor(page.to - 1);
        set.first_index = page.from;
    }
    fin.add(set.to_element());
    return fin;
}

Element archive_result(
    std::string_view id, std::string_view queryid, storage::Millis time, Element message
) {
    Element delay("delay", xml::ns::delay, {{"stamp", xml::to_datetime(time)}});
    Element result(
        "result", archive_ns, {{"id", std::string(id)}},
        Element("forwarded", forward_ns, {}, std::move(delay), std::move(message))
    );
    if (!queryid.empty()) result.set("queryid", std::string(queryid));
    return Element("message", xml::ns::client, {}, std::move(result));
}

/// §6.
Decision decide(
    const BrokerState& broker, const Context& context, const GetArchiveMetadata& request
) {
    auto granted = readable(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    const std::size_t first = node.first_retained(broker.settings, context.now);
    Element metadata("metadata", archive_ns, {{"node", request.node}});
    if (first < node.items.size()) {
        metadata.add(metadata_entry(broker, "start", node, first));
        metadata.add(metadata_entry(broker, "end", node, node.items.size() - 1));
    }
    return Reply(std::move(metadata));
}

// Which items an archive query means, and which page of them.

Checked<ArchiveMatch> match_archive(
    const BrokerState& broker, const Node& node, std::size_t first, const QueryArchive& query
) {
    const Items& items = node.items;
    ArchiveMatch match{first, items.size(), {}, false};
    if (query.start) match.from = std::max(match.from, items.rank_at_time(*query.start));
    if (query.end) match.to = std::min(match.to, items.rank_at_time(*query.end + 1));
    if (query.after_id) {
        const auto place = place_of(broker, node, first, *query.after_id);
        if (!place) return place.error();
        match.from = std::max(match.from, items.rank_after(*place));
    }
    if (query.before_id) {
        const auto place = place_of(broker, node, first, *query.before_id);
        if (!place) return place.error();
        match.to = std::min(match.to, items.rank_after(*place - 1));
    }
    match.to = std::max(match.from, match.to);
    if (query.ids) {
        auto ranks = by_ids(broker, node, first, *query.ids);
        if (!ranks) return ranks.error();
        for (std::size_t rank : *ranks)
            if (rank >= match.from && rank < match.to) match.ranks.push_back(rank);
        match.is_single = true;
    }
    if (query.with) {
        auto ranks = by_publisher(broker, node, match, *query.with);
        if (!ranks) return ranks.error();
        match.ranks = std::move(*ranks);
        match.is_single = true;
    }
    return match;
}

Checked<Page> page_of_archive(
    const BrokerState& broker,
    const Node& node,
    std::size_t first,
    const ArchiveMatch& match,
    const std::optional<xml::RsmRequest>& request
) {
    // §5.2.2: "If the UID … is not present in the archive".
    if (auto error = check_cursors(broker, node, first, request)) return *error;
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto place = place_of(broker, node, first, cursor);
        if (!place) return std::nullopt;
        const std::size_t rank = node.items.rank_after(is_after ? *place : *place - 1);
        if (!match.is_single) return std::clamp(rank, match.from, match.to) - match.from;
        const auto at = std::lower_bound(match.ranks.begin(), match.ranks.end(), rank);
        return static_cast<std::size_t>(at - match.ranks.begin());
    };
    auto page = find_page(request, match.size(), broker.settings.page_max, find);
    if (!page) return page;
    const bool is_tail = request && request->before;
    limit_page_bytes(*page, broker.settings.page_bytes_max, is_tail, [&](std::size_t index) {
        return node.items.at(match.rank(index)).payload_bytes;
    });
    return page;
}

}   // namespace grid::pubsub
