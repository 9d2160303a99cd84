// pubsub/delivery/deletions.cpp: see pubsub/delivery/deletions.hpp.
#include "pubsub/delivery/deletions.hpp"

#include <memory>
#include <utility>

#include "pubsub/delivery/messages.hpp"
#include "pubsub/ports/personal.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

bool tells_of_deletion(const Node& node) {
    return node.config().notify_delete && node.config().deliver_notifications;
}

std::string deletion_notice(const Node& node) {
    std::string inside("<event xmlns='");
    inside.append(xml::ns::pubsub_event.uri()).append("'><delete");
    xml::append_single_quoted_attr(inside, "node", shown_name(node.name()));
    return inside + "/></event>";
}

void tell_of_deletions(const BrokerState& broker, const xml::Jid& full, NotificationSink& sink) {
    for (const auto& [uid, count] : broker.memory.subscribed_nodes(full.bare_view())) {
        const Node* node = broker.memory.find(uid);
        if (!node || !node->record.is_deleted || !tells_of_deletion(*node)) continue;
        Notification notification;
        notification.to = {full};
        notification.rest = std::make_shared<const std::string>(
            message_open(broker, *node, node->revision, 0) + deletion_notice(*node) + "</message>"
        );
        sink.notify(std::move(notification));
    }
}

}   // namespace grid::pubsub
