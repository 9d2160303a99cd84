// pubsub/delivery/event_renderer.cpp: the messages of XEP-0060 §7.1.2, §7.2.2, §8, §12.14. No
// tree is built for an item: its payload was serialized when it was parsed.
#include "pubsub/delivery/event_renderer.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "pubsub/decide/redirect.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/delivery/audience.hpp"
#include "pubsub/delivery/deletions.hpp"
#include "pubsub/delivery/messages.hpp"
#include "pubsub/model/node_tree.hpp"
#include "pubsub/model/rights.hpp"
#include "pubsub/options/node_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

/// `<name node='…'`, open for more attributes.
std::string start_tag(std::string_view name, const Node& node) {
    std::string out("<");
    out.append(name);
    xml::append_single_quoted_attr(out, "node", shown_name(node.name()));
    return out;
}

std::string in_event(std::string_view inner) {
    std::string out("<event xmlns='");
    out.append(xml::ns::pubsub_event.uri()).append("'>").append(inner).append("</event>");
    return out;
}

std::string empty_element(std::string_view name, const Node& node) {
    return in_event(start_tag(name, node) + "/>");
}

void append_retract(std::string& out, std::string_view id) {
    out += "<retract";
    xml::append_single_quoted_attr(out, "id", id);
    out += "/>";
}

const std::string* payload_in(const storage::Committed& committed) {
    for (const storage::Write& operation : committed.batch.operations)
        if (operation.family == storage::Family::Payload && !operation.erase)
            return &operation.value;
    return nullptr;
}

/// True when no subscriber gets items through the collection of the topic's subtopics.
bool brings_no_items(const NodeTree& tree, const Node& topic) {
    const auto collection = topic.subtopics.find("");
    if (collection == topic.subtopics.end()) return true;
    const Node& node = *collection->second;
    return tree.parents(node.uid).empty() &&
           std::ranges::none_of(node.subscriptions, [](const auto& entry) {
               return brings_items(entry.second, 1);
           });
}

}   // namespace

void EventRenderer::send(const Node& node, std::string body, std::shared_ptr<Joint> joint) {
    send_as(AudienceKind::Items, node, std::move(body), {}, {}, true, std::move(joint));
}

/// Of the node itself, not of its items: XEP-0248 §5.3.1.2.
void EventRenderer::send_of_node(
    const Node& node, std::string body, std::vector<xml::Jid> besides
) {
    send_as(AudienceKind::Nodes, node, std::move(body), std::move(besides), {});
}

void EventRenderer::send_as(
    AudienceKind kind,
    const Node& node,
    std::string body,
    std::vector<xml::Jid> besides,
    About about,
    bool has_headers,
    std::shared_ptr<Joint> joint
) {
    Notification notification;
    notification.joint = std::move(joint);
    notification.node = node.uid;
    notification.about = about.node;
    notification.is_for_unaware = about.is_for_unaware;
    notification.kind = kind;
    notification.to = std::move(besides);
    notification.revision = committed_.revision;
    std::string rest = message_open(broker_, node, committed_.revision, index_++);
    if (has_headers) notification.event_at = static_cast<std::uint32_t>(rest.size());
    rest.reserve(rest.size() + body.size() + 10);
    rest.append(body).append("</message>");
    notification.rest = std::make_shared<const std::string>(std::move(rest));
    notifier_.notify(std::move(notification));
}

/// To single addressees: about their own affairs, so never a headline.
void EventRenderer::send_to(
    const Node& of,
    std::vector<xml::Jid> to,
    std::string body,
    std::uint64_t about,
    std::shared_ptr<const Notice> notice
) {
    if (to.empty()) return;
    std::string rest;
    xml::append_single_quoted_attr(rest, "from", address_of(broker_.settings, of.name()));
    xml::append_single_quoted_attr(
        rest, "id", "st-" + broker_.memory.cursors().message(0, committed_.revision, index_++)
    );
    Notification notification;
    notification.to = std::move(to);
    notification.about = about;
    notification.revision = committed_.revision;
    notification.notice = std::move(notice);
    notification.rest = std::make_shared<const std::string>(rest + ">" + body + "</message>");
    notifier_.notify(std::move(notification));
}

std::shared_ptr<const Notice> EventRenderer::share(Notice notice) const {
    notice.is_own = committed_.ticket != 0;
    return std::make_shared<const Notice>(std::move(notice));
}

/// The recipients of the node are looked up again, and of a collection those of the nodes beneath
/// it; of no others, since any account may have a collection.
void EventRenderer::audience_changed(const Node& node) {
    notifier_.audience_changed(node.uid);
    // Subscriptions with a filter are the topic's, and told of by the subtopics.
    for (const auto& [filter, subtopic] : node.subtopics) notifier_.audience_changed(subtopic->uid);
    if (!node.config().is_collection()) return;
    walk_beneath(broker_.memory.tree(), node.uid, [&](const Relative& relative) {
        notifier_.audience_changed(relative.node->uid);
        return true;
    });
}

void EventRenderer::account_changed(const Node& node, std::string_view bare) {
    notifier_.account_changed(node.uid, bare);
    for (const auto& [filter, subtopic] : node.subtopics)
        notifier_.account_changed(subtopic->uid, bare);
    if (!node.config().is_collection()) return;
    walk_beneath(broker_.memory.tree(), node.uid, [&](const Relative& relative) {
        notifier_.account_changed(relative.node->uid, bare);
        return true;
    });
}

void EventRenderer::operator()(const ItemPublished& event) {
    const Node* node =
        broker_.memory.find(event.node == uid_of_this_batch ? committed_.revision : event.node);
    if (!node || !node->config().deliver_notifications) return;
    const bool has_audience = notifier_.has_audience(node->uid);
    if (!has_audience && event.extracted.empty()) return;
    const std::string* payload = event.payload.empty() ? payload_in(committed_) : &event.payload;
    PublishedItem item{event.has_item, event.id, event.publisher, {}};
    if (payload) item.payload = *payload;
    // §12.20: also to the subscribers of each subtopic that matches, as if it were published there.
    // Matched against the subtopics as they are when this is applied, as with subscriptions.
    const auto subtopics = matching(*node, event.extracted);
    const auto joint = joint_of(*node, subtopics, true);
    if (has_audience) {
        auto notification =
            item_notification(broker_, *node, item, committed_.revision, index_++, std::nullopt);
        notification.joint = joint;
        notifier_.notify(std::move(notification));
    }
    tell_subtopics(*node, subtopics, item, joint);
}

std::vector<const Node*> EventRenderer::matching(const Node& node, const std::string& extracted)
    const {
    if (extracted.empty() || node.subtopics.empty() || !broker_.filter) return {};
    return broker_.filter_indexes.match(*broker_.filter, node, extracted);
}

/// The addresses that the topic, or several of its subtopics, tell the same: of an item, or of its
/// end.
std::shared_ptr<Joint> EventRenderer::joint_of(
    const Node& topic, const std::vector<const Node*>& subtopics, bool is_item
) const {
    if (topic.joint.empty() || subtopics.empty()) return nullptr;
    std::set<std::uint64_t> uids;
    for (const Node* subtopic : subtopics) uids.insert(subtopic->uid);
    std::shared_ptr<Joint> joint;
    for (const std::string& jid : topic.joint) {
        auto copy = joint_copy(topic, jid, [&](std::uint64_t uid) { return uids.contains(uid); });
        if (!copy || (is_item && !copy->has_plain)) continue;   // digests stay apart
        if (!joint) joint = std::make_shared<Joint>();
        joint->copies.emplace(jid, std::move(copy->copy));
    }
    return joint;
}

void EventRenderer::tell_subtopics(
    const Node& node,
    const std::vector<const Node*>& subtopics,
    const PublishedItem& item,
    const std::shared_ptr<Joint>& joint
) {
    const auto made_for = [&](const Node& of) {
        auto made =
            item_notification(broker_, of, item, committed_.revision, index_++, std::nullopt);
        made.joint = joint;
        return made;
    };
    const bool is_quiet = !subtopics.empty() && brings_no_items(broker_.memory.tree(), node);
    std::optional<Notification> of_topic;
    for (const Node* subtopic : subtopics) {
        if (!notifier_.has_audience(subtopic->uid)) continue;
        const bool has_others = !subtopic->subscriptions.empty() ||
                                broker_.memory.tree().parents(subtopic->uid).size() > 1;
        if (has_others || !is_quiet) {
            notifier_.notify(made_for(*subtopic));
            continue;
        }
        // Subscriptions to the topic with a filter name the topic: one text for all of them.
        if (!of_topic) of_topic = made_for(node);
        Notification copy = *of_topic;
        copy.node = subtopic->uid;
        notifier_.notify(std::move(copy));
    }
}

void EventRenderer::operator()(const ItemsRetracted& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node || !event.is_notified || !node->config().deliver_notifications) return;
    // Items that only went out of sight are not worth that, told to the filters of a topic at each
    // publish.
    std::map<std::uint64_t, std::string> filtered;
    if (is_filtered_by_broker(broker_, *node) && event.hidden_up_to == 0)
        filtered = retracted_of(*node, event);
    // One text for an address holds for one item: of several each source may have had others.
    std::shared_ptr<Joint> joint;
    if (event.ids.size() == 1) {
        std::vector<const Node*> subtopics;
        for (const auto& [uid, retracts] : filtered) subtopics.push_back(broker_.memory.find(uid));
        joint = joint_of(*node, subtopics, false);
    }
    if (notifier_.has_audience(node->uid)) {
        std::string ids;
        for (const std::string& id : event.ids) append_retract(ids, id);
        send(*node, in_event(start_tag("items", *node) + ">" + ids + "</items>"), joint);
    }
    for (const auto& [uid, retracts] : filtered) {
        if (!notifier_.has_audience(uid)) continue;
        const Node& subtopic = *broker_.memory.find(uid);
        send(subtopic, in_event(start_tag("items", subtopic) + ">" + retracts + "</items>"), joint);
    }
}

/// By subtopic: those that had the items, or all where it is not known any more what filters asked
/// of an item: then a subscriber that never had it learns its id.
std::map<std::uint64_t, std::string> EventRenderer::retracted_of(
    const Node& node, const ItemsRetracted& event
) const {
    std::map<std::uint64_t, std::string> retracts;
    for (std::size_t i = 0; i < event.ids.size(); ++i) {
        const auto* extracted =
            i < event.extracted.size() && event.extracted[i] ? &*event.extracted[i] : nullptr;
        if (extracted)
            for (const Node* subtopic : matching(node, *extracted))
                append_retract(retracts[subtopic->uid], event.ids[i]);
        else
            for (const auto& [filter, subtopic] : node.subtopics)
                if (subtopic->is_subtopic()) append_retract(retracts[subtopic->uid], event.ids[i]);
    }
    return retracts;
}

void EventRenderer::operator()(const NodePurged& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node || !node->config().notify_retract || !node->config().deliver_notifications) return;
    std::vector<const Node*> filtered;
    if (is_filtered_by_broker(broker_, *node))
        for (const auto& [filter, subtopic] : node->subtopics)
            if (subtopic->is_subtopic()) filtered.push_back(subtopic);
    const auto joint = joint_of(*node, filtered, false);
    // §12.18: the same for every subscription, so none is named.
    // Through a collection it names that (XEP-0248 §5.3.1).
    const bool has_headers = !broker_.memory.tree().parents(node->uid).empty();
    send_as(AudienceKind::Items, *node, empty_element("purge", *node), {}, {}, has_headers, joint);
    for (const Node* subtopic : filtered) send(*subtopic, empty_element("purge", *subtopic), joint);
}

/// Subscribers that must not hear of the node at the other end hear of the end alone.
void EventRenderer::tell_deleted(
    const Node& node, const std::string& redirect, std::vector<xml::Jid> waiting
) {
    std::string inner = start_tag("delete", node);
    const std::string plain = in_event(inner + "/>");
    if (redirect.empty()) return send_of_node(node, plain, std::move(waiting));
    inner += "><redirect";
    xml::append_single_quoted_attr(inner, "uri", redirect);
    inner = in_event(inner + "/></delete>");
    const Node* target = redirected_to(broker_, redirect);
    if (!target) return send_of_node(node, std::move(inner), std::move(waiting));
    send_as(AudienceKind::Nodes, node, std::move(inner), waiting, {target->uid, false});
    send_as(AudienceKind::Nodes, node, plain, std::move(waiting), {target->uid, true});
}

void EventRenderer::operator()(const NodeDeleted& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    if (tells_of_deletion(*node)) {
        std::vector<xml::Jid> waiting;   // §8.4.2: also those whose subscription is pending
        for (const auto& [key, subscription] : node->subscriptions)
            if (subscription.state == SubscriptionState::Pending)
                waiting.push_back(xml::Jid::from_canonical(key.jid));
        tell_deleted(*node, event.redirect, std::move(waiting));
    }
    notifier_.node_removed(node->uid);
    // The node's children have lost the recipients who subscribed to them through it.
    if (node->config().is_collection()) audience_changed(*node);
}

void EventRenderer::operator()(const NodeConfigured& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    audience_changed(*node);
    const NodeConfig& config = node->config();
    if (!event.is_notified || !config.notify_config || !config.deliver_notifications) return;
    if (!config.deliver_payloads) return send_of_node(*node, empty_element("configuration", *node));
    const xml::Form form = to_form(config, broker_.settings_of(node->name()), "result");
    std::string inner = start_tag("configuration", *node) + ">";
    xml::write(inner, form.to_element(), xml::ns::pubsub_event.uri());
    send_of_node(*node, in_event(inner + "</configuration>"));
}

/// §8.9.4: in the subscriber's own words, what it is to the node now.
void EventRenderer::operator()(const AffiliationChanged& event) {
    const Node* node = broker_.memory.find(event.node);
    if (!node) return;
    // A roster that counted may count no more, or one more counts: for all.
    if (rests_on_contacts(*node))
        audience_changed(*node);
    else
        account_changed(*node, event.jid);
    std::string body("<pubsub xmlns='");
    body.append(xml::ns::pubsub.uri()).append("'>").append(start_tag("affiliations", *node));
    body += "><affiliation";
    xml::append_single_quoted_attr(body, "jid", event.jid);
    xml::append_single_quoted_attr(body, "affiliation", to_string(event.affiliation));
    body += "/></affiliations></pubsub>";
    // The policy may hide the node from the account; one that is there knows it already.
    const bool is_known = node->has_subscribed(event.jid);
    send_to(
        *node, {xml::Jid::from_canonical(event.jid)}, std::move(body), is_known ? 0 : node->uid
    );
}

void EventRenderer::operator()(const NodeCreated& event) {
    const Node* node = broker_.memory.find(event.node == 0 ? committed_.revision : event.node);
    // No subscriber waits for it.
    if (!node || broker_.memory.tree().parents(node->uid).empty()) return;
    audience_changed(*node);
    if (node->config().deliver_notifications) send_of_node(*node, empty_element("create", *node));
}

void EventRenderer::operator()(const Associated& event) {
    const auto end = [&](std::uint64_t uid) {
        return broker_.memory.find(uid == uid_of_this_batch ? committed_.revision : uid);
    };
    const Node* collection = end(event.collection);
    const Node* child = end(event.child);
    if (child) audience_changed(*child);
    if (!collection || !child || !collection->config().deliver_notifications) return;
    std::string inner = start_tag("collection", *collection) + ">";
    inner += start_tag(event.is_added ? "associate" : "dissociate", *child) + "/></collection>";
    send_as(AudienceKind::Nodes, *collection, in_event(inner), {}, {child->uid, false});
}

}   // namespace grid::pubsub
