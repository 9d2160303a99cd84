// pubsub/filtered_audience.cpp: see pubsub/filtered_audience.hpp.
#include "pubsub/filtered_audience.hpp"

#include <algorithm>
#include <limits>

#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

using Keys = std::set<SubscriptionKey, SubscriptionOrder>;

/// Merges the subscriptions of one JID, [at, end), into one recipient; nullopt if none of them
/// delivers.
std::optional<Subscriber> filtered_subscriber(
    const Node& topic, Keys::const_iterator at, Keys::const_iterator end
) {
    constexpr auto no_digest = std::numeric_limits<std::uint32_t>::max();
    std::string headers("<headers xmlns='");
    headers.append(xml::ns::shim.uri()).append("'>");
    std::optional<Subscriber> subscriber;
    std::uint32_t digest_ms = no_digest;
    bool has_plain = false;
    for (; at != end; ++at) {
        const auto found = topic.subscriptions.find(*at);
        if (found == topic.subscriptions.end() || !found->second.wants_filtered()) continue;
        if (!topic.delivers_to(at->jid, found->second)) continue;
        const SubscriptionOptions& options = options_of(found->second.options);
        if (!subscriber)
            subscriber = Subscriber{xml::Jid::from_canonical(at->jid), {false, {}, {}}, 0, 0};
        subscriber->shows = static_cast<std::uint8_t>(subscriber->shows | options.shows);
        subscriber->flavour.has_body = subscriber->flavour.has_body || options.include_body;
        has_plain = has_plain || !options.digest;
        if (options.digest) digest_ms = std::min(digest_ms, options.digest_frequency);
        headers += "<header name='SubID'>";
        xml::append_escaped_text(headers, at->subid);
        headers += "</header>";
    }
    if (!subscriber) return subscriber;
    subscriber->flavour.headers = headers + "</headers>";
    subscriber->flavour.node = topic.name();
    if (!has_plain) subscriber->digest_ms = digest_ms;
    return subscriber;
}

bool may_receive(const Broker& broker, const Node& topic, const xml::Jid& jid) {
    return broker.policy.may_receive(jid, topic.name(), topic.config().type);
}

const Keys* keys_of(const Node& subtopic) {
    if (!subtopic.topic || !subtopic.is_subtopic()) return nullptr;
    const auto found = subtopic.topic->filtered.find(subtopic.record.filter);
    return found == subtopic.topic->filtered.end() ? nullptr : &found->second;
}

}   // namespace

void add_filtered(
    const Broker& broker,
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

std::optional<JointFlavour> joint_flavour(
    const Node& topic,
    const std::string& jid,
    const std::function<bool(std::uint64_t subtopic)>& passes
) {
    if (!topic.joint.contains(jid)) return std::nullopt;
    std::string headers("<headers xmlns='");
    headers.append(xml::ns::shim.uri()).append("'>");
    JointFlavour joint;
    std::size_t count = 0;
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
        ++count;
        joint.flavour.has_body = joint.flavour.has_body || options.include_body;
        joint.has_plain = joint.has_plain || !options.digest;
        headers += "<header name='SubID'>";
        xml::append_escaped_text(headers, key.subid);
        headers += "</header>";
    }
    if (count < 2) return std::nullopt;
    joint.flavour.headers = headers + "</headers>";
    joint.flavour.node = topic.name();
    return joint;
}

std::optional<Subscriber> find_filtered(
    const Broker& broker, const Node& subtopic, const xml::Jid& jid
) {
    const Keys* keys = keys_of(subtopic);
    if (!keys || !may_receive(broker, *subtopic.topic, jid)) return std::nullopt;
    const auto first = keys->lower_bound(SubscriptionKeyView{jid.str(), {}});
    auto last = first;
    while (last != keys->end() && last->jid == jid.str()) ++last;
    return filtered_subscriber(*subtopic.topic, first, last);
}

}   // namespace grid::pubsub
