// pubsub/decide/owner.cpp: owners see and change subscriptions and affiliations (XEP-0060 §8.8,
// §8.9).
#include <algorithm>
#include <map>

#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/pages/page.hpp"
#include "pubsub/reply.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// The removals that one batch holds; further ones are done in the background.
constexpr std::size_t removals_max = 20;
constexpr std::size_t operations_max = 110;   // the policy adds its own
/// A change and its record; a subscription and a notice of it.
constexpr std::size_t operations_per_change = 2, operations_per_subscription = 2;

xml::Element affiliation_line(std::string_view jid, Affiliation affiliation) {
    return xml::Element(
        "affiliation",
        {{"jid", std::string(jid)}, {"affiliation", std::string(to_string(affiliation))}}
    );
}

xml::Element list_of(const char* name, const std::string& node) {
    return xml::Element(name, xml::ns::pubsub_owner, {{"node", node}});
}

xml::Element in_pubsub(xml::Element list) {
    return xml::Element("pubsub", xml::ns::pubsub_owner, {}, std::move(list));
}

std::string key_cursor(const SubscriptionKey& key) { return key.jid + ' ' + key.subid; }

/// Nodes may have very many subscribers: found by their keys, without a copy of the list.
FindCursor by_key(const std::vector<const Subscriptions::value_type*>& sorted) {
    return [&sorted](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const std::size_t space = cursor.rfind(' ');   // subids have none, resources may
        if (space == std::string_view::npos) return std::nullopt;
        const SubscriptionKeyView wanted{cursor.substr(0, space), cursor.substr(space + 1)};
        const SubscriptionOrder order;
        const auto at = std::partition_point(sorted.begin(), sorted.end(), [&](const auto* entry) {
            return is_after ? !order(wanted, entry->first) : order(entry->first, wanted);
        });
        return static_cast<std::size_t>(at - sorted.begin());
    };
}

/// §8.8.2.4, §8.9.2.4: lines that were refused are listed as they still are; the others were done.
Decision finish(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    Batch batch,
    xml::Element failed,
    bool is_too_much
) {
    const bool is_whole = failed.child_count() == 0;
    Reply reply;
    if (!is_whole) {
        reply.payload = in_pubsub(std::move(failed));
        reply.error = refuse(
            Errc::NotAcceptable, is_too_much
                                     ? "The entries listed could not be changed; some are too much "
                                       "for one request: ask for them again."
                                     : "The entries listed could not be changed."
        );
    }
    if (batch.operations.empty()) return reply;
    return commit(broker, context, granted, std::move(batch), std::move(reply));
}

/// An account that loses its right loses its subscriptions in the same batch (§8.9.2), as many
/// as fit: of the operations that the request's other changes leave. The record says that they are
/// being removed: background work takes the rest, and those that were in the queue before this
/// change.
void remove_subscriptions(
    const BrokerState& broker,
    Batch& batch,
    const Node& node,
    std::string_view bare,
    std::size_t& spare
) {
    std::size_t removed = 0;
    node.each_subscription_of_account(bare, [&](const auto& entry) {
        if (removed == removals_max || spare < operations_per_subscription) return;
        erase_subscription(broker, batch, node, entry, true);
        ++removed;
        spare -= operations_per_subscription;
    });
}

/// §8.7.4: a subscriber that is let in needs no approval any more.
void approve_pending(
    const BrokerState& broker,
    const Context& context,
    Batch& batch,
    const Node& node,
    const std::string& bare,
    std::size_t& spare
) {
    if (node.pending == 0) return;
    std::size_t approved = 0;
    node.each_subscription_of_account(bare, [&](const auto& entry) {
        const auto& [key, subscription] = entry;
        if (subscription.state != SubscriptionState::Pending || approved == removals_max) return;
        if (spare < operations_per_subscription) return;
        spare -= operations_per_subscription;
        Subscription next = subscription;
        next.state = SubscriptionState::Subscribed;
        put_subscription(broker, context, batch, node, key, std::move(next));
        tell_state(broker, batch, node, key, SubscriptionState::Subscribed);
        ++approved;
    });
}

void put_affiliation(
    const BrokerState& broker,
    const Context& context,
    Batch& batch,
    const Node& node,
    const std::string& bare,
    Affiliation affiliation,
    std::size_t& spare
) {
    std::string key = affiliation_key(node.uid, bare);
    batch.expect(Family::Control, key, node.affiliation_revision(bare));
    const bool is_cleaning = !may_keep_subscriptions(broker.contacts, node, bare, affiliation);
    if (is_cleaning) remove_subscriptions(broker, batch, node, bare, spare);
    if (is_listed(affiliation)) approve_pending(broker, context, batch, node, bare, spare);
    if (affiliation == Affiliation::None && !is_cleaning)
        batch.erase(Family::Control, std::move(key));
    else
        batch.put(
            Family::Control, std::move(key), encode(AffiliationRecord{affiliation, is_cleaning})
        );
    batch.event += encode(AffiliationChanged{node.uid, bare, affiliation});
}

/// The owners who would be left if all these changes were made.
std::size_t owners_left(const Node& node, const std::vector<Modification>& changes) {
    std::size_t owners = node.owners();
    for (const Modification& change : changes) {
        const auto wanted = parse_affiliation(change.value);
        if (!wanted || change.jid.empty()) continue;
        const bool is_owner = node.affiliation(change.jid.str()) == Affiliation::Owner;
        if (is_owner && *wanted != Affiliation::Owner) --owners;
        if (!is_owner && *wanted == Affiliation::Owner) ++owners;
    }
    return owners;
}

/// §8.8.2.4: the entry that was not changed, as it is.
xml::Element unchanged(const Node& node, const Modification& change) {
    const SubscriptionKey shown{change.jid_text, change.subid.value_or("")};
    const auto [first, last] = node.subscriptions_of(change.jid.str());
    auto at = first;
    if (change.subid)
        while (at != last && at->first.subid != *change.subid) ++at;
    if (at == last) return subscription_element(shown, SubscriptionState::None, 0);
    return subscription_element(shown, at->second.state, at->second.expire());
}

/// New subscriptions of one request: all, and by the account that they are for.
struct AddedBy {
    std::size_t all = 0;
    std::map<std::string, std::size_t> of;
};

/// True: done or nothing to do. False: this entry cannot be changed so.
bool modify_subscription(
    const BrokerState& broker,
    const Context& context,
    const Node& node,
    const Modification& change,
    Batch& batch,
    AddedBy& added
) {
    const auto wanted = parse_subscription_state(change.value);
    if (!wanted || change.jid.empty()) return false;
    const std::string& jid = change.jid.str();
    const auto [first, last] = node.subscriptions_of(jid);
    auto found = first;
    if (change.subid)
        found = node.subscriptions.find(SubscriptionKeyView{jid, *change.subid});
    else if (first != last && std::next(first) != last)
        return false;   // several: say which
    const bool exists = found != node.subscriptions.end() && found->first.jid == jid;
    if (*wanted == SubscriptionState::None) {
        if (!exists) return !change.subid;
        erase_subscription(broker, batch, node, *found, true);
        return true;
    }
    if (exists && found->second.state == *wanted) return true;
    if (*wanted != SubscriptionState::Subscribed || (change.subid && !exists)) return false;
    if (is_shut_out(node.affiliation(change.jid.bare_view()))) return false;
    if (!is_contact_or_listed(broker.contacts, node, change.jid.bare_view())) return false;
    if (!broker.policy.may_receive(change.jid, node.governing_name(), node.rights().config().type))
        return false;
    if (!exists) {
        const std::string bare(change.jid.bare_view());
        if (check_subscription_room(broker, node, change.jid, batch, {added.all, added.of[bare]}))
            return false;
        ++added.all;
        ++added.of[bare];
    }
    const SubscriptionKey key =
        exists ? found->first : SubscriptionKey{jid, first_subid(node.uid, jid)};
    Subscription next = present_or_new(node, key);
    next.state = *wanted;
    put_subscription(broker, context, batch, node, key, std::move(next));
    // The affiliation must still let it in when this commits.
    batch.expect(
        Family::Control, affiliation_key(node.rights().uid, change.jid.bare_view()),
        node.affiliation_revision(change.jid.bare_view())
    );
    tell_state(broker, batch, node, key, *wanted);
    return true;
}

/// An owner lets a subscriber in, or shows it out: one record for each subscriber.
void tell_of(const Context& context, const Modification& change) {
    const bool is_end = parse_subscription_state(change.value) == SubscriptionState::None;
    tell_instead(
        context, {Right::Manage,
                  is_end ? "owner-unsubscribe" : "owner-subscribe",
                  std::string(change.jid.bare_view()),
                  {},
                  {}}
    );
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const GetAffiliations& request) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    std::vector<std::string> accounts;
    for (const auto& [bare, entry] : granted->node->rights().affiliations)
        if (entry.record.affiliation != Affiliation::None) accounts.push_back(bare);
    auto page =
        find_page(request.page, accounts.size(), broker.settings.page_max, by_text(accounts));
    if (!page) return page.error();
    xml::Element list = list_of("affiliations", request.node);
    for (std::size_t i = page->from; i < page->to; ++i)
        list.add(affiliation_line(accounts[i], granted->node->affiliation(accounts[i])));
    xml::Element pubsub = in_pubsub(std::move(list));
    add_set(pubsub, *page, [&](std::size_t rank) { return accounts[rank]; });
    return Reply(std::move(pubsub));
}

Decision decide(
    const BrokerState& broker, const Context& context, const ModifyAffiliations& request
) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    if (auto error = check_own(node)) return *error;
    Batch batch = start_batch(*granted);
    std::vector<std::string_view> added;
    for (const Modification& change : request.changes)
        if (change.value != "none" && !change.jid.empty()) added.push_back(change.jid.str());
    if (auto error = check_affiliations_room(broker, node, added)) return *error;
    const bool leaves_owner = owners_left(node, request.changes) > 0;
    bool touches_owners = false, is_too_much = false;
    std::size_t spare =
        operations_max - std::min(operations_max, operations_per_change * request.changes.size());
    xml::Element failed = list_of("affiliations", request.node);
    for (const Modification& change : request.changes) {
        const auto wanted = parse_affiliation(change.value);
        const Affiliation now =
            change.jid.empty() ? Affiliation::None : node.affiliation(change.jid.str());
        const bool is_demotion = now == Affiliation::Owner && wanted != Affiliation::Owner;
        const bool fits = batch.operations.size() + records_of(context) < operations_max;
        if (!wanted || change.jid.empty() || (is_demotion && !leaves_owner) || !fits) {
            is_too_much = is_too_much || !fits;
            failed.add(affiliation_line(change.jid_text, now));
            continue;
        }
        if (*wanted == now) continue;
        touches_owners = touches_owners || is_demotion || *wanted == Affiliation::Owner;
        tell_instead(
            context, {Right::Manage,
                      "affiliation-set",
                      change.jid.str(),
                      std::string(to_string(now)) + " becomes " + std::string(to_string(*wanted)),
                      {}}
        );
        put_affiliation(broker, context, batch, node, change.jid.str(), *wanted, spare);
    }
    if (touches_owners) {   // the rule over many records: a node has an owner
        batch.expect(Family::Control, guard_key(node.uid), node.guard);
        batch.put(Family::Control, guard_key(node.uid), "");
    }
    return finish(broker, context, *granted, std::move(batch), std::move(failed), is_too_much);
}

Decision decide(
    const BrokerState& broker, const Context& context, const GetSubscriptions& request
) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    std::vector<const Subscriptions::value_type*> all;
    for (const auto& entry : granted->node->subscriptions)
        if (entry.second.state != SubscriptionState::Pending) all.push_back(&entry);   // §8.8.1.2
    auto page = find_page(request.page, all.size(), broker.settings.page_max, by_key(all));
    if (!page) return page.error();
    xml::Element list = list_of("subscriptions", request.node);
    for (std::size_t i = page->from; i < page->to; ++i)
        list.add(subscription_element(all[i]->first, all[i]->second.state, all[i]->second.expire())
        );
    xml::Element pubsub = in_pubsub(std::move(list));
    add_set(pubsub, *page, [&](std::size_t rank) { return key_cursor(all[rank]->first); });
    return Reply(std::move(pubsub));
}

Decision decide(
    const BrokerState& broker, const Context& context, const ModifySubscriptions& request
) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    Batch batch = start_batch(*granted);
    xml::Element failed = list_of("subscriptions", request.node);
    AddedBy added;
    bool is_too_much = false;
    for (const Modification& change : request.changes) {
        const bool fits = batch.operations.size() + records_of(context) < operations_max;
        const std::size_t before = batch.operations.size();
        if (fits && modify_subscription(broker, context, node, change, batch, added)) {
            if (batch.operations.size() > before) tell_of(context, change);
            continue;
        }
        is_too_much = is_too_much || !fits;
        failed.add(unchanged(node, change));
    }
    return finish(broker, context, *granted, std::move(batch), std::move(failed), is_too_much);
}

}   // namespace grid::pubsub
