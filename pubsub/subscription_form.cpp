// pubsub/subscription_form.cpp: see pubsub/subscription_form.hpp.
#include "pubsub/subscription_form.hpp"

#include <algorithm>
#include <utility>

#include "pubsub/errors.hpp"
#include "pubsub/subscription_fields.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

constexpr std::string_view include_body = "pubsub#include_body";

SubscriptionType default_type(const NodeConfig& node) {
    return node.is_collection() ? SubscriptionType::Nodes : SubscriptionType::Items;
}

xml::StanzaError invalid(std::string text) { return refuse(Errc::InvalidOptions, std::move(text)); }

const OptionField* find_field(std::string_view var) {
    for (const OptionField& field : option_fields())
        if (field.var == var) return &field;
    return nullptr;
}

}   // namespace

xml::Form to_form(const SubscriptionOptions& options, const NodeConfig& node, std::string type) {
    SubscriptionOptions shown = options;
    if (shown.type == SubscriptionType::Default) shown.type = default_type(node);
    xml::Form form;
    form.type = std::move(type);
    form.set_form_type(xml::subscribe_options_form);
    for (const OptionField& field : option_fields()) {
        // The filter is shown only where the subscription has one: not every node takes filters.
        if (field.var == std::string_view("x-grid#filter") && shown.filter.empty()) continue;
        if (field.var == include_body && !node.has_readable_payloads()) continue;
        xml::FormField& out = form.add(field.var, field.type, "", field.label);
        out.values = field.get(shown);
        if (form.type != "form") continue;
        for (const OptionChoice& choice : field.choices)
            out.options.push_back({choice.value, choice.label});
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
        const OptionField* field = find_field(submitted.var);
        if (!field) return invalid("'" + submitted.var + "' is no subscription option here.");
        if (const auto wanted = field->set(options, submitted.values))
            return invalid(submitted.var + " must be " + *wanted + ".");
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

}   // namespace grid::pubsub
