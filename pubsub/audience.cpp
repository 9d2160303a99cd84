// pubsub/audience.cpp: see pubsub/audience.hpp. A node may have 100,000 subscribers, nearly all
// with one subscription and no options: nothing is made for those but their place in the list.
#include "pubsub/audience.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "pubsub/access.hpp"
#include "pubsub/collection_audience.hpp"
#include "pubsub/filtered_audience.hpp"
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

/// §7.1.2.4: which of its subscriptions brought it about, by subid.
std::string subid_headers(const Node& node, At at, At end, AudienceKind kind) {
    std::string headers("<headers xmlns='");
    headers.append(xml::ns::shim.uri()).append("'>");
    for (; at != end; ++at) {
        if (!matches(node, *at, kind)) continue;
        headers += "<header name='SubID'>";
        xml::append_escaped_text(headers, at->first.subid);
        headers += "</header>";
    }
    return headers + "</headers>";
}

/// Merges the subscriptions of one JID, [at, end), into one recipient; nullopt if none of them
/// delivers.
std::optional<Subscriber> subscriber_of(const Node& node, At at, At end, AudienceKind kind) {
    constexpr auto no_digest = std::numeric_limits<std::uint32_t>::max();
    std::size_t count = 0;
    std::uint8_t shows = 0;
    std::uint32_t digest_ms = no_digest;
    bool has_body = false, has_plain = false;
    for (At each = at; each != end; ++each) {
        if (!matches(node, *each, kind)) continue;
        ++count;
        const SubscriptionOptions& options = options_of(each->second.options);
        shows = static_cast<std::uint8_t>(shows | options.shows);
        has_body = has_body || options.include_body;   // §12.6: then all have one
        if (options.digest)
            digest_ms = std::min(digest_ms, options.digest_frequency);
        else
            has_plain = true;   // one of them wants each item by itself, and so it gets them
    }
    if (count == 0) return std::nullopt;
    Subscriber subscriber{xml::Jid::from_canonical(at->first.jid), {has_body, {}, {}}, shows, 0};
    // §12.18: what happens to the node itself is the same for every subscription.
    if (count > 1 && kind == AudienceKind::Items)
        subscriber.flavour.headers = subid_headers(node, at, end, kind);
    if (!has_plain) subscriber.digest_ms = digest_ms;
    return subscriber;
}

}   // namespace

std::vector<Subscriber> audience_of(const Broker& broker, const Node& node, AudienceKind kind) {
    std::vector<Subscriber> audience;
    const At end = node.subscriptions.end();
    for (At at = node.subscriptions.begin(); at != end;) {
        At next = at;
        do ++next;
        while (next != end && next->first.jid == at->first.jid);
        auto subscriber = subscriber_of(node, at, next, kind);
        if (subscriber && may_hear(broker, node, subscriber->jid))
            audience.push_back(std::move(*subscriber));
        at = next;
    }
    add_through_collections(broker, node, kind, audience);
    if (kind == AudienceKind::Items) add_filtered(broker, node, audience);
    return audience;
}

std::vector<Subscriber> audience_of_account(
    const Broker& broker, const Node& node, AudienceKind kind, std::string_view bare
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
            if (subscriber && may_hear(broker, node, subscriber->jid))
                audience.push_back(std::move(*subscriber));
        }
        at = next;
    }
    add_through_collections(broker, node, kind, audience, bare);
    if (kind == AudienceKind::Items) add_filtered(broker, node, audience, bare);
    return audience;
}

bool is_told(const Broker& broker, const xml::Jid& subscriber, std::uint64_t node) {
    const Node* found = broker.memory.find(node);
    return found && find_subscriber(broker, *found, subscriber).has_value();
}

bool may_hear_here(const Broker& broker, const Principal& session, std::uint64_t node) {
    if (!broker.policy.asks_sessions()) return true;
    const Node* found = broker.memory.find(node);
    if (!found) return false;
    // Of a subtopic the policy is asked in its topic's name, as everywhere.
    const std::string_view name = found->governing_name();
    const std::string& type = found->rights().config().type;
    if (broker.policy.may_receive_here(session, name, type)) return true;
    return is_for_publisher(*found, session.jid.bare_view()) &&
           broker.policy.allows(session, Operation::Publish, name, type);
}

std::optional<Subscriber> find_subscriber(
    const Broker& broker, const Node& node, const xml::Jid& jid
) {
    if (!broker.policy.may_receive(jid, node.governing_name(), node.rights().config().type))
        return std::nullopt;
    const auto [first, last] = node.subscriptions_of(jid.str());
    if (auto own = subscriber_of(node, first, last, AudienceKind::Items)) return own;
    if (auto filtered = find_filtered(broker, node, jid)) return filtered;
    return find_through_collections(broker, node, jid);
}

}   // namespace grid::pubsub
