// pubsub/decide/subscription_form.cpp: see pubsub/decide/subscription_form.hpp.
#include "pubsub/decide/subscription_form.hpp"

#include <algorithm>
#include <utility>

#include "pubsub/errors.hpp"
#include "pubsub/model/node.hpp"
#include "pubsub/options/subscription_fields.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

std::string serialized(const xml::Element& element) {
    std::string out;
    xml::write(out, element, xml::ns::client.uri());
    return out;
}

constexpr std::string_view include_body = "pubsub#include_body";

SubscriptionType default_type(const NodeConfig& node) {
    return node.is_collection() ? SubscriptionType::Nodes : SubscriptionType::Items;
}

xml::StanzaError invalid(std::string text) { return refuse(Errc::InvalidOptions, std::move(text)); }

}   // namespace

xml::Form to_form(const SubscriptionOptions& options, const NodeConfig& node, std::string type) {
    SubscriptionOptions shown = options;
    if (shown.type == SubscriptionType::Default) shown.type = default_type(node);
    xml::Form form;
    form.type = std::move(type);
    form.set_form_type(xml::subscribe_options_form);
    for (const SubscriptionField& field : subscription_fields()) {
        // The filter is shown only where the subscription has one: not every node takes filters.
        if (field.var == std::string_view("x-grid#filter") && shown.filter.empty()) continue;
        if (field.var == include_body && !node.has_readable_payloads()) continue;
        xml::FormField& out = form.add(field.var, field.type, "", field.label);
        out.values = field.get(shown);
        if (form.type != "form") continue;
        for (const OptionChoice& choice : field.choices)
            if (choice.is_offered) out.options.push_back({choice.value, choice.label});
    }
    return form;
}

Checked<SubscriptionOptions> fill_in(
    SubscriptionOptions options,
    const xml::Form& form,
    const Settings& settings,
    const NodeConfig& node,
    storage::Millis now
) {
    // Some clients leave FORM_TYPE out; a form with another one is not for the broker.
    if (!form.form_type().empty() && form.form_type() != xml::subscribe_options_form)
        return invalid("FORM_TYPE must be …pubsub#subscribe_options.");
    for (const xml::FormField& submitted : form.fields) {
        if (submitted.var.empty() || submitted.var == "FORM_TYPE") continue;
        const SubscriptionField* field = find_field(subscription_fields(), submitted.var);
        if (!field) return invalid("'" + submitted.var + "' is no subscription option here.");
        if (auto error = check_values(*field, submitted.values)) return *error;
        if (auto error = field->set(options, submitted.values, &settings)) return *error;
        if (field->var == include_body && options.include_body && !node.has_readable_payloads())
            return invalid(
                "pubsub#include_body is for nodes whose payloads have a text: those of the type "
                "http://www.w3.org/2005/Atom."
            );
        if (field->var == std::string_view("pubsub#expire") && options.expire != 0) {
            if (options.expire <= now)
                return invalid("pubsub#expire is past: it is " + xml::to_datetime(now) + ".");
            if (settings.lease_seconds_max > 0) {
                const auto most = static_cast<storage::Millis>(settings.lease_seconds_max) * 1000;
                options.expire = std::min(options.expire, now + most);
            }
        }
    }
    if (node.tempsub) {
        options.is_temporary = true;
        options.expire = 0;
    }
    if (settings.is_lease_required && !options.is_temporary && options.expire == 0)
        return invalid("pubsub#expire must be a date, or `presence`.");
    if (options.type == default_type(node)) options.type = SubscriptionType::Default;
    return options;
}

SubscriptionOptions default_options(const NodeConfig& node) {
    SubscriptionOptions options;
    options.is_temporary = node.tempsub;
    return options;
}

xml::Element subscription_element(
    const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
) {
    xml::Element element("subscription", {{"jid", key.jid}});
    if (!key.subid.empty()) element.set("subid", key.subid);
    element.set("subscription", std::string(to_string(state)));
    if (expire != 0) element.set("expiry", xml::to_datetime(expire));
    return element;
}

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
    form.add("pubsub#node", "text-single", std::string(shown_name(node.name())), "Node ID");
    form.add("pubsub#subscriber_jid", "jid-single", key.jid, "Subscriber Address");
    form.add(
        "pubsub#allow", "boolean", "false", "Allow this JID to subscribe to this pubsub node?"
    );
    return serialized(form.to_element());
}

std::string subscription_event(
    const Node& node, const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
) {
    xml::Element element = subscription_element(key, state, expire);
    element.set("node", std::string(shown_name(node.name())));
    return serialized(xml::Element("event", xml::ns::pubsub_event, {}, std::move(element)));
}

Notice approval_notice(const Node& node, const SubscriptionKey& key) {
    constexpr std::size_t owners_max = 4;   // asked later; those who are there are asked now
    Notice notice{
        "subscription request " + key.jid + " " + node.name(), approval_form(node, key), {}
    };
    for (const auto& [bare, entry] : node.rights().affiliations)
        if (entry.record.affiliation == Affiliation::Owner && notice.accounts.size() < owners_max)
            notice.accounts.push_back(xml::Jid::from_canonical(bare));
    return notice;
}

void owe_approval(
    const BrokerState& broker, const Node& node, const SubscriptionKey& key, storage::Batch& batch
) {
    const Notice notice = approval_notice(node, key);
    for (const xml::Jid& owner : notice.accounts)
        broker.policy.store_notice(batch, owner, notice.subject, notice.inside);
}

}   // namespace grid::pubsub
