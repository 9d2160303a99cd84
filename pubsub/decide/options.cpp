// pubsub/decide/options.cpp: subscription options, read and changed (XEP-0060 §6.3, §6.4).
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

struct Chosen {
    Granted granted;
    const Subscriptions::value_type* subscription = nullptr;
};

/// The errors of §6.3.4, which are the same for reading and changing.
Checked<Chosen> choose(
    const BrokerState& broker, const Context& context, const GetOptions& request
) {
    // One's own options need no right; but a node that may not be discovered stays hidden.
    auto granted = find_node(broker, context, Right::Subscribe, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    const bool is_own = request.jid.bare_view() == granted->bare;
    const auto [first, last] = node.subscriptions_of(request.jid.str());
    if ((first == last || !is_own) && !may_discover(broker, context.actor, node))
        return refuse(Errc::ItemNotFound, "There is no node '" + request.node + "'.");
    if (!is_own && !granted->is_owner())   // §6.3.4.1
        return refuse(Errc::Forbidden, "You may configure your own subscriptions only.");
    const auto found =
        find_subscription(node, request.jid.str(), request.subid, Errc::NotSubscribedOptions);
    if (!found) return found.error();
    return Chosen{std::move(*granted), *found};
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const GetOptions& request) {
    const auto chosen = choose(broker, context, request);
    if (!chosen) return chosen.error();
    const auto& [key, subscription] = *chosen->subscription;
    const xml::Form form =
        to_form(options_of(subscription.options), chosen->granted.node->config(), "form");
    xml::Element options(
        "options", xml::ns::pubsub,
        {{"node", request.node}, {"jid", key.jid}, {"subid", key.subid}}, form.to_element()
    );
    return Reply(xml::Element("pubsub", xml::ns::pubsub, {}, std::move(options)));
}

Decision decide(const BrokerState& broker, const Context& context, const SetOptions& request) {
    auto chosen = choose(broker, context, request.which);
    if (!chosen) return chosen.error();
    if (request.form.type == "cancel") return Reply{};
    if (request.which.jid.bare_view() != chosen->granted.bare)
        if (auto error = check_on_behalf(broker, context, chosen->granted, request.which.jid))
            return *error;
    const Node& node = *chosen->granted.node;
    const auto& [key, present] = *chosen->subscription;
    auto options = fill_in(
        options_of(present.options), request.form, broker.settings, node.config(), context.now
    );
    if (!options) return options.error();
    if (auto error = check_depth(node, {key.jid, key.subid}, *options)) return *error;
    const auto filter = canonical_filter(broker, node, *options);
    if (!filter) return filter.error();
    // A temporary one is written even so: it is wanted again (pubsub/maintenance/endings.hpp).
    if (*options == options_of(present.options) && !options->is_temporary) return Reply{};
    Subscription next = present;
    set_options(next, *options, broker.settings, context.now);
    Batch batch;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    if (*filter && options->filter != options_of(present.options).filter) {
        const auto use = use_subtopic(broker, context, node, **filter, batch);
        if (!use) return use.error();
    }
    put_subscription(broker, context, batch, node, key, std::move(next));
    batch.event += encode(SubscriptionConfigured{node.uid, key.jid, key.subid});
    return commit(broker, context, chosen->granted, std::move(batch));
}

Decision decide(
    const BrokerState& broker, const Context& context, const GetDefaultOptions& request
) {
    NodeConfig config;   // of a leaf, where no node is named
    xml::Element answer("default", xml::ns::pubsub);
    if (request.node) {
        const auto granted = grant(broker, context, Right::Discover, *request.node);
        if (!granted) return granted.error();
        config = granted->node->config();
        answer.set("node", *request.node);
    }
    answer.add(to_form(default_options(config), config, "result").to_element());
    return Reply(xml::Element("pubsub", xml::ns::pubsub, {}, std::move(answer)));
}

}   // namespace grid::pubsub
