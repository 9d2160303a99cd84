// pubsub/delivery/audience.cpp: see pubsub/delivery/audience.hpp. A node may have 100,000
// subscribers, nearly all with one subscription and no options: nothing is made for those but
// their place in the list.
#include "pubsub/delivery/audience.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "pubsub/decide/grant.hpp"
#include "pubsub/delivery/personal.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

using At = Subscriptions::const_iterator;

/// A leaf's own subscribers get its items unless they asked for new nodes only. Events of a node
/// itself are for all of its own subscribers.
bool matches(const Node& node, const Subscriptions::value_type& entry, AudienceKind kind) {
    const auto& [key, subscription] = entry;
    if (!node.delivers_to(key.jid, subscription)) return false;
    return kind == AudienceKind::Items ? subscription.wants_items()
                                       : options_of(subscription.options).deliver;
}

/// The `<headers/>` (XEP-0131) of one copy. Without a header there is no element, either.
class HeadersText {
public:
    void add(const char* name, std::string_view value) {
        if (text_.empty())
            text_.append("<headers xmlns='").append(xml::ns::shim.uri()).append("'>");
        text_.append("<header name='").append(name).append("'>");
        xml::append_escaped_text(text_, value);
        text_ += "</header>";
    }
    std::string take() {
        if (!text_.empty()) text_ += "</headers>";
        return std::move(text_);
    }

private:
    std::string text_;
};

/// The subscriptions that bring one JID the same event, and their options taken together.
struct SubscriberMerge {
    std::size_t count = 0;
    std::uint8_t shows = 0;
    bool has_body = false;    // §12.6: one wants it, then all have one
    bool has_plain = false;   // one wants each item by itself, and so the JID gets them
    std::uint32_t digest_ms = digest_ms_max;

    void add(const SubscriptionOptions& options) {
        ++count;
        shows = static_cast<std::uint8_t>(shows | options.shows);
        has_body = has_body || options.include_body;
        has_plain = has_plain || !options.digest;
        if (options.digest) digest_ms = std::min(digest_ms, options.digest_frequency);
    }
    Subscriber subscriber(const std::string& jid) const {
        return {
            xml::Jid::from_canonical(jid), {has_body, {}, {}}, shows, has_plain ? 0 : digest_ms
        };
    }
};

/// §7.1.2.4: which of its subscriptions brought it about, by subid.
std::string subid_headers(const Node& node, At at, At end, AudienceKind kind) {
    HeadersText headers;
    for (; at != end; ++at)
        if (matches(node, *at, kind)) headers.add("SubID", at->first.subid);
    return headers.take();
}

/// Merges the subscriptions of one JID, [at, end), into one recipient; nullopt if none of them
/// delivers.
std::optional<Subscriber> subscriber_of(const Node& node, At at, At end, AudienceKind kind) {
    SubscriberMerge merge;
    for (At each = at; each != end; ++each)
        if (matches(node, *each, kind)) merge.add(options_of(each->second.options));
    if (merge.count == 0) return std::nullopt;
    Subscriber subscriber = merge.subscriber(at->first.jid);
    // §12.18: what happens to the node itself is the same for every subscription.
    if (merge.count > 1 && kind == AudienceKind::Items)
        subscriber.copy.headers = subid_headers(node, at, end, kind);
    return subscriber;
}

/// One JID, and what brings it here.
struct Through {
    std::vector<const Node*> collections;
    SubscriberMerge merge;
};
using ThroughByJid = std::map<std::string, Through, std::less<>>;

bool brings(const Subscription& subscription, std::uint64_t distance, AudienceKind kind) {
    if (kind == AudienceKind::Items) return brings_items(subscription, distance);
    const SubscriptionOptions& options = options_of(subscription.options);
    return options.deliver && options.type != SubscriptionType::Items && options.depth >= distance;
}

void note(
    ThroughByJid& found,
    const Node& above,
    const Subscriptions::value_type& entry,
    AudienceKind kind
) {
    Through& through = found[entry.first.jid];
    if (through.collections.empty() || through.collections.back() != &above)
        through.collections.push_back(&above);
    through.merge.add(options_of(entry.second.options));
    if (kind == AudienceKind::Items) return;
    through.merge.has_body = false;   // bodies and digests are of items
    through.merge.has_plain = true;
}

Subscriber to_subscriber(const std::string& jid, const Through& through) {
    HeadersText headers;
    for (const Node* collection : through.collections)
        headers.add("Collection", collection->name());
    Subscriber subscriber = through.merge.subscriber(jid);
    subscriber.copy.headers = headers.take();
    return subscriber;
}

/// Whether the account would be let in if it subscribed, at once or by an owner's approval.
bool may_be_admitted(const BrokerState& broker, const Node& node, std::string_view bare) {
    const Affiliation affiliation = node.affiliation(bare);
    if (is_shut_out(affiliation)) return false;
    if (!is_contact_or_listed(broker.contacts, node, bare)) return false;
    return !node.rights().config().is_closed() || is_listed(affiliation) ||
           node.has_subscribed(bare);
}

/// §10.1 of XEP-0248 leaves it to the collection alone; here the leaf has its say, too.
bool may_pass(const BrokerState& broker, const Node& node, AudienceKind kind, const xml::Jid& jid) {
    // A subtopic is known to those only who filter for it, or publish to its topic.
    if (!is_for_account(broker, node, jid.bare_view()) &&
        !broker.policy.is_administrator_account(jid))
        return false;
    if (kind == AudienceKind::Items) return admits_subscriber(broker, node, jid.bare_view());
    return may_be_admitted(broker, node, jid.bare_view());
}

/// The subscriptions to look at: all (empty), those of an account, or those of one address.
struct Whose {
    std::string_view jid;
    bool is_account = false;

    bool is_it(std::string_view subscriber) const {
        return jid.empty() || (is_account ? bare_of(subscriber) : subscriber) == jid;
    }
};

ThroughByJid find_through(
    const BrokerState& broker, const Node& node, AudienceKind kind, const Whose& whose
) {
    ThroughByJid found;
    for (const auto& [above, distance] : broker.memory.tree().ancestors(node.uid)) {
        auto at = whose.jid.empty()
                      ? above->subscriptions.begin()
                      : above->subscriptions.lower_bound(SubscriptionKeyView{whose.jid, {}});
        for (; at != above->subscriptions.end() && at->first.jid.starts_with(whose.jid); ++at) {
            const auto& [key, subscription] = *at;
            if (!whose.is_it(key.jid)) {
                if (whose.is_account) continue;
                break;
            }
            if (!above->delivers_to(key.jid, subscription)) continue;
            if (!brings(subscription, distance, kind)) continue;
            const auto jid = xml::Jid::from_canonical(key.jid);
            if (!is_contact_or_listed(broker.contacts, *above, jid.bare_view())) continue;
            if (!may_pass(broker, node, kind, jid)) continue;
            if (!broker.policy.may_receive(
                    jid, above->governing_name(), above->rights().config().type
                ))
                continue;
            note(found, *above, *at, kind);
        }
    }
    return found;
}

using Keys = std::set<SubscriptionKey, SubscriptionOrder>;

/// Merges the subscriptions of one JID, [at, end), into one recipient; nullopt if none of them
/// delivers.
std::optional<Subscriber> filtered_subscriber(
    const Node& topic, Keys::const_iterator at, Keys::const_iterator end
) {
    if (at == end) return std::nullopt;
    const std::string& jid = at->jid;
    HeadersText headers;
    SubscriberMerge merge;
    for (; at != end; ++at) {
        const auto found = topic.subscriptions.find(*at);
        if (found == topic.subscriptions.end() || !found->second.wants_filtered()) continue;
        if (!topic.delivers_to(at->jid, found->second)) continue;
        merge.add(options_of(found->second.options));
        headers.add("SubID", at->subid);
    }
    if (merge.count == 0) return std::nullopt;
    Subscriber subscriber = merge.subscriber(jid);
    subscriber.copy.headers = headers.take();
    subscriber.copy.node = topic.name();
    return subscriber;
}

bool may_receive(const BrokerState& broker, const Node& topic, const xml::Jid& jid) {
    return broker.policy.may_receive(jid, topic.name(), topic.config().type) &&
           is_contact_or_listed(broker.contacts, topic, jid.bare_view());
}

/// Whether a subscription to that topic brings the address items, all or those of a filter.
bool gets_items(const Node& topic, const std::string& jid) {
    const auto [first, last] = topic.subscriptions_of(jid);
    return std::any_of(first, last, [&](const auto& entry) {
        const Subscription& subscription = entry.second;
        return (subscription.wants_items() || subscription.wants_filtered()) &&
               topic.delivers_to(jid, subscription);
    });
}

/// §12.1: a session that sent no presence is not told.
void heed_presence(const Node& node, std::vector<Subscriber>& audience) {
    if (!node.rights().config().presence_based_delivery) return;
    for (Subscriber& subscriber : audience)
        subscriber.shows = static_cast<std::uint8_t>(subscriber.shows & ~Show::Unannounced);
}

/// The policy, and where the access model rests on rosters, an owner's too: a subscription that
/// they do not allow any more is on its way out.
bool may_be_told(const BrokerState& broker, const Node& node, const xml::Jid& jid) {
    return may_receive_events(broker, node, jid) &&
           is_contact_or_listed(broker.contacts, node, jid.bare_view());
}

const Keys* keys_of(const Node& subtopic) {
    if (!subtopic.topic || !subtopic.is_subtopic()) return nullptr;
    const auto found = subtopic.topic->filtered.find(subtopic.record.filter);
    return found == subtopic.topic->filtered.end() ? nullptr : &found->second;
}

}   // namespace

std::vector<Subscriber> audience_of(
    const BrokerState& broker, const Node& node, AudienceKind kind
) {
    std::vector<Subscriber> audience;
    const At end = node.subscriptions.end();
    for (At at = node.subscriptions.begin(); at != end;) {
        At next = at;
        do ++next;
        while (next != end && next->first.jid == at->first.jid);
        auto subscriber = subscriber_of(node, at, next, kind);
        if (subscriber && may_be_told(broker, node, subscriber->jid))
            audience.push_back(std::move(*subscriber));
        at = next;
    }
    add_through_collections(broker, node, kind, audience);
    if (kind == AudienceKind::Items) add_filtered(broker, node, audience);
    add_interested(broker, node, audience);
    heed_presence(node, audience);
    return audience;
}

std::vector<Subscriber> audience_of_account(
    const BrokerState& broker, const Node& node, AudienceKind kind, std::string_view bare
) {
    std::vector<Subscriber> audience;
    const At end = node.subscriptions.end();
    At at = node.subscriptions.lower_bound(SubscriptionKeyView{bare, {}});
    while (at != end && at->first.jid.starts_with(bare)) {
        At next = at;
        do ++next;
        while (next != end && next->first.jid == at->first.jid);
        if (bare_of(at->first.jid) == bare) {
            auto subscriber = subscriber_of(node, at, next, kind);
            if (subscriber && may_be_told(broker, node, subscriber->jid))
                audience.push_back(std::move(*subscriber));
        }
        at = next;
    }
    add_through_collections(broker, node, kind, audience, bare);
    if (kind == AudienceKind::Items) add_filtered(broker, node, audience, bare);
    add_interested(broker, node, audience, bare);
    heed_presence(node, audience);
    return audience;
}

bool is_told(const BrokerState& broker, const xml::Jid& subscriber, std::uint64_t node) {
    const Node* found = broker.memory.find(node);
    if (!found) return false;
    if (find_subscriber(broker, *found, subscriber)) return true;
    // An item that passed a filter comes, though the filter was changed since.
    const Node* topic = found->is_subtopic() ? found->topic : nullptr;
    return topic && may_receive(broker, *topic, subscriber) && gets_items(*topic, subscriber.str());
}

bool may_receive_events_here(
    const BrokerState& broker, const Principal& session, std::uint64_t node
) {
    if (!broker.policy.asks_sessions()) return true;
    const Node* found = broker.memory.find(node);
    if (!found) return false;
    // Of a subtopic the policy is asked in its topic's name, as everywhere.
    const std::string_view name = found->governing_name();
    const std::string& type = found->rights().config().type;
    if (broker.policy.may_receive_here(session, name, type)) return true;
    return is_publisher_collection(*found, session.jid.bare_view()) &&
           broker.policy.allows(session, Right::Publish, name, type);
}

std::optional<Subscriber> find_subscriber(
    const BrokerState& broker, const Node& node, const xml::Jid& jid
) {
    if (!broker.policy.may_receive(jid, node.governing_name(), node.rights().config().type))
        return std::nullopt;
    if (!is_contact_or_listed(broker.contacts, node, jid.bare_view())) return std::nullopt;
    const auto [first, last] = node.subscriptions_of(jid.str());
    if (auto own = subscriber_of(node, first, last, AudienceKind::Items)) return own;
    if (auto filtered = find_filtered(broker, node, jid)) return filtered;
    return find_through_collections(broker, node, jid);
}

// See pubsub/delivery/audience.hpp.

bool brings_items(const Subscription& subscription, std::uint64_t distance) {
    if (!subscription.options) return false;   // XEP-0248: of a collection, nodes by default
    const SubscriptionOptions& options = *subscription.options;
    const bool is_wanted =
        options.type == SubscriptionType::Items || options.type == SubscriptionType::All;
    return options.deliver && is_wanted && options.depth >= distance;
}

void add_through_collections(
    const BrokerState& broker,
    const Node& node,
    AudienceKind kind,
    std::vector<Subscriber>& audience,
    std::string_view account
) {
    const auto found = find_through(broker, node, kind, {account, true});
    if (found.empty()) return;
    const std::size_t own = audience.size();
    for (const auto& [jid, through] : found) {
        const auto end = audience.begin() + static_cast<std::ptrdiff_t>(own);
        const auto at =
            std::lower_bound(audience.begin(), end, jid, [](const Subscriber& one, const auto& to) {
                return one.jid.str() < to;
            });
        if (at != end && at->jid.str() == jid) continue;   // has its own subscription
        Subscriber subscriber = to_subscriber(jid, through);
        if (broker.policy.may_receive(
                subscriber.jid, node.governing_name(), node.rights().config().type
            ))
            audience.push_back(std::move(subscriber));
    }
}

std::optional<Subscriber> find_through_collections(
    const BrokerState& broker, const Node& node, const xml::Jid& jid
) {
    const auto found = find_through(broker, node, AudienceKind::Items, {jid.str()});
    if (found.empty()) return std::nullopt;
    return to_subscriber(found.begin()->first, found.begin()->second);
}

// See pubsub/delivery/audience.hpp.

void add_filtered(
    const BrokerState& broker,
    const Node& subtopic,
    std::vector<Subscriber>& audience,
    std::string_view account
) {
    const Keys* keys = keys_of(subtopic);
    if (!keys) return;
    auto at = account.empty() ? keys->begin() : keys->lower_bound(SubscriptionKeyView{account, {}});
    while (at != keys->end() && at->jid.starts_with(account)) {
        auto next = at;
        do ++next;
        while (next != keys->end() && next->jid == at->jid);
        if (!account.empty() && bare_of(at->jid) != account) {
            at = next;
            continue;
        }
        auto subscriber = filtered_subscriber(*subtopic.topic, at, next);
        if (subscriber && may_receive(broker, *subtopic.topic, subscriber->jid))
            audience.push_back(std::move(*subscriber));
        at = next;
    }
}

std::optional<JointCopy> joint_copy(
    const Node& topic,
    const std::string& jid,
    const std::function<bool(std::uint64_t subtopic)>& passes
) {
    if (!topic.joint.contains(jid)) return std::nullopt;
    HeadersText headers;
    SubscriberMerge merge;
    const auto [first, last] = topic.subscriptions_of(jid);
    for (auto at = first; at != last; ++at) {
        const auto& [key, subscription] = *at;
        if (!topic.delivers_to(jid, subscription)) continue;
        const SubscriptionOptions& options = options_of(subscription.options);
        if (subscription.wants_filtered()) {
            const auto subtopic = topic.subtopics.find(options.filter);
            if (subtopic == topic.subtopics.end() || !passes(subtopic->second->uid)) continue;
        } else if (!subscription.wants_items()) {
            continue;
        }
        merge.add(options);
        headers.add("SubID", key.subid);
    }
    if (merge.count < 2) return std::nullopt;
    return JointCopy{{merge.has_body, headers.take(), topic.name()}, merge.has_plain};
}

std::optional<Subscriber> find_filtered(
    const BrokerState& broker, const Node& subtopic, const xml::Jid& jid
) {
    const Keys* keys = keys_of(subtopic);
    if (!keys || !may_receive(broker, *subtopic.topic, jid)) return std::nullopt;
    const auto first = keys->lower_bound(SubscriptionKeyView{jid.str(), {}});
    auto last = first;
    while (last != keys->end() && last->jid == jid.str()) ++last;
    return filtered_subscriber(*subtopic.topic, first, last);
}

}   // namespace grid::pubsub
