// pubsub/delivery/event_renderer_subscriptions.cpp: messages to single addressees about
// subscriptions: their own, or those that wait for them (XEP-0060 §8.6, §8.7, §12.14, §12.19).
#include <utility>

#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/delivery/event_renderer.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

std::vector<xml::Jid> EventRenderer::owners(const Node& node) const {
    std::vector<xml::Jid> owners;
    for (const auto& [bare, entry] : node.rights().affiliations)
        if (entry.record.affiliation == Affiliation::Owner)
            owners.push_back(xml::Jid::from_canonical(bare));
    return owners;
}

void EventRenderer::operator()(const SubscriptionChanged& event) {
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
    if (event.is_told)
        send_to(*node, {jid}, body, 0, share({subscription_subject(*node), body, {jid.bare()}}));
    const bool is_news =
        event.state == SubscriptionState::Subscribed || event.state == SubscriptionState::None;
    if (node->config().notify_sub && is_news) send_to(*node, owners(*node), body);
    // §6.1.7: it begins with an item that was there before it.
    if (event.state == SubscriptionState::Subscribed && present && present->delivered != 0)
        notifier_.replay_from(jid, node->uid, present->delivered);
}

void EventRenderer::operator()(const SubscriptionConfigured& event) {
    if (const Node* node = broker_.memory.find(event.node))
        account_changed(*node, bare_of(event.jid));
}

void EventRenderer::operator()(const LeaseEnding& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    const SubscriptionKey key{event.jid, event.subid};
    const auto found = node->subscriptions.find(key);
    if (found == node->subscriptions.end()) return;
    send_to(
        *node, {xml::Jid::from_canonical(event.jid)},
        subscription_event(*node, key, found->second.state, found->second.expire())
    );
}

void EventRenderer::operator()(const ApprovalRequested& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    Notice notice = approval_notice(*node, {event.jid, event.subid});
    std::string form = notice.inside;
    send_to(*node, owners(*node), std::move(form), 0, share(std::move(notice)));
}

void EventRenderer::operator()(const PendingListed& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    std::size_t sent = 0;
    for (const auto& [key, subscription] : node->subscriptions) {
        if (subscription.state != SubscriptionState::Pending) continue;
        if (sent++ == broker_.settings.page_max) return;
        send_to(*node, {xml::Jid::from_canonical(event.to)}, approval_form(*node, key));
    }
}

}   // namespace grid::pubsub
