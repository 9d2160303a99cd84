// pubsub/subscription_notification.cpp: messages to single addressees about subscriptions: their
// own, or those that wait for them (XEP-0060 §8.6, §8.7, §12.14, §12.19).
#include <utility>

#include "pubsub/notification.hpp"
#include "pubsub/subscription_form.hpp"
#include "pubsub/subscription_notification.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

std::string serialized(const xml::Element& element) {
    std::string out;
    xml::write(out, element, xml::ns::client.uri());
    return out;
}

/// §8.6: the form that an owner fills in.
std::string approval_form(const Node& node, const SubscriptionKey& key) {
    xml::Form form;
    form.type = "form";
    form.title = "PubSub subscriber request";
    form.instructions =
        "To approve this entity's subscription request, submit the form with \"allow\" set; to "
        "deny "
        "it, with \"allow\" not set. To decide later, cancel.";
    form.set_form_type(xml::subscribe_authorization_form);
    form.add("pubsub#subid", "hidden", key.subid);
    form.add("pubsub#node", "text-single", node.name(), "Node ID");
    form.add("pubsub#subscriber_jid", "jid-single", key.jid, "Subscriber Address");
    form.add(
        "pubsub#allow", "boolean", "false", "Allow this JID to subscribe to this pubsub node?"
    );
    return serialized(form.to_element());
}

}   // namespace

std::string subscription_event(
    const Node& node, const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
) {
    xml::Element element = subscription_element(key, state, expire);
    element.set("node", node.name());
    return serialized(xml::Element("event", xml::ns::pubsub_event, {}, std::move(element)));
}

void owe_approval(
    const Broker& broker, const Node& node, const SubscriptionKey& key, storage::Batch& batch
) {
    constexpr std::size_t owners_max = 4;   // asked later; those who are there are asked now
    std::size_t asked = 0;
    for (const auto& [bare, entry] : node.rights().affiliations) {
        if (entry.record.affiliation != Affiliation::Owner) continue;
        if (asked++ == owners_max) return;
        broker.policy.owe(
            batch, xml::Jid::from_canonical(bare),
            "subscription request " + key.jid + " " + node.name(), approval_form(node, key)
        );
    }
}

std::vector<xml::Jid> Announcer::owners(const Node& node) const {
    std::vector<xml::Jid> owners;
    for (const auto& [bare, entry] : node.rights().affiliations)
        if (entry.record.affiliation == Affiliation::Owner)
            owners.push_back(xml::Jid::from_canonical(bare));
    return owners;
}

void Announcer::operator()(const SubscriptionChanged& event) {
    const Node* node =
        broker_.memory.find(event.node == uid_of_this_batch ? committed_.revision : event.node);
    if (!node) return;
    account_changed(*node, bare_of(event.jid));
    const SubscriptionKey key{event.jid, event.subid};
    const auto found = node->subscriptions.find(key);
    const Subscription* present = found == node->subscriptions.end() ? nullptr : &found->second;
    const std::string body =
        subscription_event(*node, key, event.state, present ? present->expire() : 0);
    const auto jid = xml::Jid::from_canonical(event.jid);
    if (event.is_told) send_to({jid}, body);
    const bool is_news =
        event.state == SubscriptionState::Subscribed || event.state == SubscriptionState::None;
    if (node->config().notify_sub && is_news) send_to(owners(*node), body);
    // §6.1.7: it begins with an item that was there before it.
    if (event.state == SubscriptionState::Subscribed && present && present->delivered != 0)
        notifier_.owes(jid, node->uid, present->delivered);
}

void Announcer::operator()(const SubscriptionConfigured& event) {
    if (const Node* node = broker_.memory.find(event.node))
        account_changed(*node, bare_of(event.jid));
}

void Announcer::operator()(const LeaseEnding& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    const SubscriptionKey key{event.jid, event.subid};
    const auto found = node->subscriptions.find(key);
    if (found == node->subscriptions.end()) return;
    send_to(
        {xml::Jid::from_canonical(event.jid)},
        subscription_event(*node, key, found->second.state, found->second.expire())
    );
}

void Announcer::operator()(const ApprovalRequested& event) {
    const Node* node = broker_.memory.find(event.node);
    if (node) send_to(owners(*node), approval_form(*node, {event.jid, event.subid}));
}

void Announcer::operator()(const PendingListed& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    std::size_t sent = 0;
    for (const auto& [key, subscription] : node->subscriptions) {
        if (subscription.state != SubscriptionState::Pending) continue;
        if (sent++ == broker_.settings.page_max) return;
        send_to({xml::Jid::from_canonical(event.to)}, approval_form(*node, key));
    }
}

}   // namespace grid::pubsub
