// pubsub/delivery/copies.cpp: see pubsub/delivery/copies.hpp.
#include "pubsub/delivery/copies.hpp"

#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

constexpr std::string_view message_end = "</message>";

std::string wrap(
    std::string_view open, std::string_view event, const std::string& body, const CopyOptions& copy
) {
    std::string out;
    out.reserve(
        open.size() + event.size() + body.size() + copy.headers.size() + copy.node.size() + 64
    );
    out.append(open);
    if (copy.has_body && !body.empty()) {
        out += "<body>";
        xml::append_escaped_text(out, body);
        out += "</body>";
    }
    if (copy.node.empty()) return out.append(event).append(copy.headers).append(message_end);
    // The first `node` in an event is the node's own; in a quoted value there is no quote.
    constexpr std::string_view node = " node='";
    const std::size_t from = event.find(node) + node.size();
    out.append(event.substr(0, from));
    xml::append_escaped_attr(out, copy.node);
    return out.append(event.substr(event.find('\'', from)))
        .append(copy.headers)
        .append(message_end);
}

std::string_view open_of(const Notification& notification) {
    return std::string_view(*notification.rest).substr(0, notification.event_at);
}

}   // namespace

xml::Bytes render_copy(const Notification& notification, const CopyOptions& copy) {
    if (copy.is_plain() || notification.event_at == 0) return notification.rest;
    const std::string_view rest = *notification.rest;
    const std::string_view event = rest.substr(
        notification.event_at, rest.size() - notification.event_at - message_end.size()
    );
    return std::make_shared<const std::string>(
        wrap(open_of(notification), event, notification.body, copy)
    );
}

xml::Bytes digest_of(const std::vector<Notification>& notifications, const CopyOptions& copy) {
    const Notification& last = notifications.back();
    const std::string_view rest = *last.rest;
    std::string event(rest.substr(last.event_at, last.item_at - last.event_at));
    for (const Notification& one : notifications)
        event.append(*one.rest, one.item_at, one.item_end - one.item_at);
    event.append(rest.substr(last.item_end, rest.size() - last.item_end - message_end.size()));
    return std::make_shared<const std::string>(wrap(open_of(last), event, last.body, copy));
}

}   // namespace grid::pubsub
