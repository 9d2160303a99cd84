// pubsub/delivery/messages.cpp: see pubsub/delivery/messages.hpp.
#include "pubsub/delivery/messages.hpp"

#include <utility>

#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

void append_item(std::string& out, const NodeConfig& config, const PublishedItem& item) {
    out += "<item";
    if (!item.id.empty()) xml::append_single_quoted_attr(out, "id", item.id);
    const bool is_named = config.itemreply == ItemReply::Publisher;
    if (is_named && !item.publisher.empty())
        xml::append_single_quoted_attr(out, "publisher", item.publisher);
    if (config.deliver_payloads && !item.payload.empty())
        out.append(">").append(item.payload).append("</item>");
    else
        out += "/>";
}

void append_delay(
    std::string& out, const BrokerState& broker, const Node& node, storage::Millis time
) {
    out += "<delay xmlns='urn:xmpp:delay'";
    xml::append_single_quoted_attr(out, "from", address_of(broker.settings, node.name()));
    xml::append_single_quoted_attr(out, "stamp", xml::to_datetime(time));
    out += "/>";
}

/// §12.8: what a client that knows nothing of pubsub shows: the title of an Atom entry.
std::string body_of(const Node& node, const PublishedItem& item) {
    if (!node.rights().config().has_readable_payloads() || item.payload.empty()) return {};
    const auto payload = parse_payload(std::string(item.payload));
    const xml::Element* title = payload ? payload->child("title", payload->ns()) : nullptr;
    return title ? title->text() : std::string();
}

}   // namespace

std::string message_open(
    const BrokerState& broker, const Node& node, storage::Revision revision, unsigned index
) {
    const std::string id =
        std::string(event_id) + broker.memory.cursors().message(node.uid, revision, index);
    std::string out;
    xml::append_single_quoted_attr(out, "from", address_of(broker.settings, node.name()));
    xml::append_single_quoted_attr(out, "id", id);
    const bool is_headline = node.config().notification_type == NotificationType::Headline;
    xml::append_single_quoted_attr(out, "type", is_headline ? "headline" : "normal");
    return out + ">";
}

Notification item_notification(
    const BrokerState& broker,
    const Node& node,
    const PublishedItem& item,
    storage::Revision revision,
    unsigned index,
    std::optional<storage::Millis> delayed
) {
    const auto here = [](const std::string& text) {
        return static_cast<std::uint32_t>(text.size());
    };
    Notification out;
    out.node = node.uid;
    out.revision = revision;
    // Sessions that an account's events are for have no subscription by which they would be
    // replayed.
    out.is_owed = node.config().persist_items && item.has_item && !is_personal(node.name());
    std::string rest = message_open(broker, node, revision, index);
    rest.reserve(rest.size() + item.payload.size() + 512);
    out.event_at = here(rest);
    rest.append("<event xmlns='").append(xml::ns::pubsub_event.uri()).append("'><items");
    xml::append_single_quoted_attr(rest, "node", shown_name(node.name()));
    if (item.has_item) {
        rest += '>';
        out.item_at = here(rest);
        append_item(rest, node.config(), item);
        out.item_end = here(rest);
        rest += "</items></event>";
    } else {
        rest += "/></event>";   // §4.3: transient, notification only
    }
    if (delayed) append_delay(rest, broker, node, *delayed);
    rest += "</message>";
    out.rest = std::make_shared<const std::string>(std::move(rest));
    out.body = body_of(node, item);
    return out;
}

}   // namespace grid::pubsub
