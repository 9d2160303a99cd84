// pubsub/delivery/event_renderer.hpp: events to the messages that tell of them, each serialized
// once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/model/state.hpp"
#include "storage/store.hpp"

namespace grid::pubsub {

struct PublishedItem;

/// Another node that a text names, and who gets it: see Notification::about.
struct About {
    std::uint64_t node = 0;
    bool is_for_unaware = false;
};

/// Renders the notifications of one committed batch, after all of it was applied. Messages to
/// single addressees are in pubsub/delivery/event_renderer_subscriptions.cpp.
class EventRenderer {
public:
    EventRenderer(
        const BrokerState& broker, const storage::Committed& committed, NotificationSink& notifier
    )
        : broker_(broker), committed_(committed), notifier_(notifier) {}

    void operator()(const ItemPublished& event);
    void operator()(const ItemsRetracted& event);
    void operator()(const NodePurged& event);
    void operator()(const NodeDeleted& event);
    void operator()(const NodeConfigured& event);
    void operator()(const SubscriptionChanged& event);
    void operator()(const ApprovalRequested& event);
    void operator()(const AffiliationChanged& event);
    void operator()(const NodeCreated& event);
    void operator()(const Associated& event);
    void operator()(const SubscriptionConfigured& event);
    void operator()(const LeaseEnding& event);
    void operator()(const PendingListed& event);
    void operator()(const Bounced&) {}           // only counted
    void operator()(const SubtopicChanged&) {}   // the controller tells of it

private:
    void tell_deleted(const Node& node, const std::string& redirect, std::vector<xml::Jid> waiting);
    std::vector<const Node*> matching(const Node& node, const std::string& extracted) const;
    std::shared_ptr<Joint> joint_of(
        const Node& topic, const std::vector<const Node*>& subtopics, bool is_item
    ) const;
    void tell_subtopics(
        const Node& node,
        const std::vector<const Node*>& subtopics,
        const PublishedItem& item,
        const std::shared_ptr<Joint>& joint
    );
    std::map<std::uint64_t, std::string> retracted_of(const Node& node, const ItemsRetracted& event)
        const;
    void send(const Node& node, std::string body, std::shared_ptr<Joint> joint = nullptr);
    void send_of_node(const Node& node, std::string body, std::vector<xml::Jid> besides = {});
    void send_as(
        AudienceKind kind,
        const Node& node,
        std::string body,
        std::vector<xml::Jid> besides,
        About about = {},
        bool has_headers = true,
        std::shared_ptr<Joint> joint = nullptr
    );
    /// `of`: the node that it is about.
    void send_to(
        const Node& of,
        std::vector<xml::Jid> to,
        std::string body,
        std::uint64_t about = 0,
        std::shared_ptr<const Notice> notice = nullptr
    );
    /// The notice belongs to the batch.
    std::shared_ptr<const Notice> share(Notice notice) const;
    std::vector<xml::Jid> owners(const Node& node) const;
    /// The node's subscribers changed, and with a collection's those of all beneath it.
    void audience_changed(const Node& node);
    /// The same of one account alone.
    void account_changed(const Node& node, std::string_view bare);

    const BrokerState& broker_;
    const storage::Committed& committed_;
    NotificationSink& notifier_;
    unsigned index_ = 0;
};

}   // namespace grid::pubsub
