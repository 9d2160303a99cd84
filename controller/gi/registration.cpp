// controller/gi/registration.cpp: jabber:iq:register at the controller: ask, register,
// unregister.
#include "controller/gi/registration.hpp"

#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

constexpr const char* form_name = "jabber:iq:register";

/// XEP-0077 §3.1: what can be said, or that there is nothing to do and in which state the account
/// is.
pubsub::Decision ask(const State& state, const pubsub::Context& context) {
    xml::Element query("query", xml::ns::in_band_registration);
    xml::Form form;
    if (const Account* account = state.account_of(context.actor)) {
        query.add(xml::Element("registered"));
        form.type = "result";
        form.set_form_type(form_name);
        form.add("x-grid#state", "text-single", std::string(to_string(account->state)));
        xml::FormField groups{"x-grid#group", "text-multi", {}, {}, {}};
        groups.values = account->groups;
        if (!groups.values.empty()) form.fields.push_back(std::move(groups));
        if (!account->description.empty())
            form.add("x-grid#description", "text-single", account->description);
        const std::string& device =
            account->device_type.empty() ? account->claimed_device : account->device_type;
        if (!device.empty()) form.add("x-grid#deviceType", "text-single", device);
    } else {
        query.add(xml::Element::with_text(
            "instructions", "Your certificate is your credential: there is no password."
        ));
        form.type = "form";
        form.title = "Registration with the grid";
        form.set_form_type(form_name);
        form.fields.push_back({"x-grid#group", "list-multi", "Groups you wish to be in", {}, {}});
        form.fields.push_back({"x-grid#description", "text-single", "What you are", {}, {}});
        form.fields.push_back(
            {"x-grid#deviceType", "text-single", "Your kind of device, for the policy", {}, {}}
        );
    }
    query.add(form.to_element());
    return pubsub::Reply(std::move(query));
}

/// The certificate that the asking session showed; null: none.
const Identity* identity_of(const State& state, const pubsub::Context& context) {
    const Identity* identity = state.sessions.identity(context.actor.session);
    const bool is_own =
        identity != nullptr && identity->account.bare_view() == context.actor.jid.bare_view();
    return is_own ? identity : nullptr;
}

pubsub::Decision decision_of(Outcome<AccountChange> change) {
    if (!change) return to_stanza_error(change.error());
    if (!change->is_change()) return pubsub::Reply{};
    return pubsub::Decision::Change{std::move(change->batch), pubsub::Reply{}};
}

/// XEP-0077 §3.2.
pubsub::Decision unregister(const State& state, const pubsub::Context& context) {
    const Identity* identity = identity_of(state, context);
    if (identity == nullptr || state.account_of(context.actor) == nullptr)
        return to_stanza_error({Errc::Unregistered, "there is no registration", {}});
    return decision_of(state.machine().unregister_client(*identity, context));
}

Outcome<RegistrationRequest> wishes_in(const xml::Element& query) {
    const xml::Element* x = query.child("x", xml::ns::data);
    if (x == nullptr) return RegistrationRequest{};
    const auto form = xml::Form::parse(*x);
    if (!form) return Failure{Errc::MalformedRequest, form.error().text, {}};
    const auto text = [&](const char* name) {
        const xml::FormField* field = form->field(name);
        return field != nullptr ? std::string(field->value()) : std::string{};
    };
    if (const std::string type = text("FORM_TYPE"); !type.empty() && type != form_name)
        return Failure{
            Errc::MalformedRequest, "the FORM_TYPE is jabber:iq:register, not '" + type + "'", {}
        };
    const xml::FormField* groups = form->field("x-grid#group");
    return make_wishes(
        groups != nullptr ? groups->values : std::vector<std::string>{}, text("x-grid#description"),
        text("x-grid#deviceType")
    );
}

}   // namespace

Outcome<RegistrationRequest> make_wishes(
    std::vector<std::string> groups, std::string description, std::string device_type
) {
    auto names = make_groups(std::move(groups));
    if (!names || description.size() > description_bytes_max ||
        device_type.size() > device_type_bytes_max)
        return Failure{
            Errc::MalformedRequest,
            std::string(
                "at most 64 groups, a description of at most 1024 bytes, a deviceType of at "
                "most 128; "
            ) + group_name_rule,
            {}
        };
    return RegistrationRequest{std::move(*names), std::move(description), std::move(device_type)};
}

Outcome<AccountChange> register_actor(
    const State& state, const pubsub::Context& context, const RegistrationRequest& wishes
) {
    const Identity* identity = identity_of(state, context);
    if (identity == nullptr)
        return Failure{
            Errc::NoCertificate, "only a session that logged in with a certificate can register", {}
        };
    return state.machine().register_client(*identity, wishes, context);
}

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_registration(
    const State& state, const pubsub::IqRequest& iq
) {
    if (!iq.payload->is("query", xml::ns::in_band_registration)) return std::nullopt;
    pubsub::PreparedRequest prepared;
    if (iq.type == xml::IqType::Get) {
        prepared.decide = [&state](const pubsub::Context& context) { return ask(state, context); };
        return prepared;
    }
    if (iq.payload->child("remove") != nullptr) {
        // §3.2, table 2: it stands alone.
        if (iq.payload->child_count() != 1)
            return to_stanza_error({Errc::MalformedRequest, "<remove/> stands alone", {}});
        prepared.decide = [&state](const pubsub::Context& context) {
            return unregister(state, context);
        };
        return prepared;
    }
    // XEP-0004 §3.1: a form that was given up submits nothing.
    const xml::Element* form = iq.payload->child("x", xml::ns::data);
    if (form != nullptr && form->attr_or("type", "") == "cancel") {
        prepared.decide = [](const pubsub::Context&) { return pubsub::Decision(pubsub::Reply{}); };
        return prepared;
    }
    auto wishes = wishes_in(*iq.payload);
    if (!wishes) return to_stanza_error(wishes.error());
    prepared.decide = [&state, wishes = std::move(*wishes)](const pubsub::Context& context) {
        return decision_of(register_actor(state, context, wishes));
    };
    return prepared;
}

}   // namespace grid::controller::gi
