// pubsub/collection_audience.cpp: see pubsub/collection_audience.hpp.
#include "pubsub/collection_audience.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "pubsub/access.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

/// One JID, and what brings it here.
struct Through {
    std::vector<const Node*> collections;
    std::uint8_t shows = 0;
    bool has_body = false, has_plain = false;
    std::uint32_t digest_ms = digest_ms_max;
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
    const SubscriptionOptions& options = options_of(entry.second.options);
    Through& through = found[entry.first.jid];
    if (through.collections.empty() || through.collections.back() != &above)
        through.collections.push_back(&above);
    through.shows = static_cast<std::uint8_t>(through.shows | options.shows);
    const bool is_item = kind == AudienceKind::Items;   // bodies and digests are of items
    through.has_body = through.has_body || (is_item && options.include_body);
    through.has_plain = through.has_plain || !is_item || !options.digest;
    through.digest_ms = std::min(through.digest_ms, options.digest_frequency);
}

Subscriber to_subscriber(const std::string& jid, const Through& through) {
    std::string headers("<headers xmlns='");
    headers.append(xml::ns::shim.uri()).append("'>");
    for (const Node* collection : through.collections) {
        headers += "<header name='Collection'>";
        xml::append_escaped_text(headers, collection->name());
        headers += "</header>";
    }
    return {
        xml::Jid::from_canonical(jid),
        {through.has_body, headers + "</headers>", {}},
        through.shows,
        through.has_plain ? 0 : through.digest_ms
    };
}

/// §10.1 of XEP-0248 leaves it to the collection alone; here the leaf has its say, too.
bool may_pass(const Broker& broker, const Node& node, AudienceKind kind, const xml::Jid& jid) {
    // A subtopic is known to those only who filter for it, or publish to its topic.
    if (!is_for_account(broker, node, jid.bare_view()) &&
        !broker.policy.is_administrator_account(jid))
        return false;
    if (kind == AudienceKind::Items) return lets_in(broker, node, jid.bare_view());
    return !is_shut_out(node.affiliation(jid.bare_view()));
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
    const Broker& broker, const Node& node, AudienceKind kind, const Whose& whose
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

}   // namespace

bool brings_items(const Subscription& subscription, std::uint64_t distance) {
    if (!subscription.options) return false;   // XEP-0248: of a collection, nodes by default
    const SubscriptionOptions& options = *subscription.options;
    const bool is_wanted =
        options.type == SubscriptionType::Items || options.type == SubscriptionType::All;
    return options.deliver && is_wanted && options.depth >= distance;
}

void add_through_collections(
    const Broker& broker,
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
    const Broker& broker, const Node& node, const xml::Jid& jid
) {
    const auto found = find_through(broker, node, AudienceKind::Items, {jid.str()});
    if (found.empty()) return std::nullopt;
    return to_subscriber(found.begin()->first, found.begin()->second);
}

}   // namespace grid::pubsub
