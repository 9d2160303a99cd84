// controller/gi/registration.cpp: jabber:iq:register at the controller: ask, register,
// unregister.
#include "controller/gi/registration.hpp"

#include "controller/text/text.hpp"
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
        if (account->has_password()) {
            query.add(xml::Element::with_text("username", context.actor.jid.local()));
            query.add(xml::Element("password"));
        }
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

/// Work that takes a while, then the decision that takes its result.
class WithCredentials {
public:
    WithCredentials(std::string password, std::uint32_t iterations)
        : password_(std::move(password)), iterations_(iterations) {}

    template <class Decide>
    pubsub::Decision decide(const pubsub::Context& context, Decide decide) const {
        if (*made_) return decide(**made_);
        return pubsub::Decision::Work{[password = password_, seed = context.fresh_id,
                                       iterations = iterations_, made = made_] {
            *made = make_credentials(password, seed, iterations);
        }};
    }

private:
    std::string password_;
    std::uint32_t iterations_;
    std::shared_ptr<std::optional<Credentials>> made_ =
        std::make_shared<std::optional<Credentials>>();
};

/// XEP-0077 §3.3: of the account that asks, which has one already. Its streams end, this one too.
std::optional<Failure> refuse_password(
    const State& state, const pubsub::Context& context, const std::string& username
) {
    const Account* account = state.account_of(context.actor);
    if (account == nullptr) return Failure{Errc::Unregistered, "there is no registration", {}};
    if (!username.empty() && username != context.actor.jid.local())
        return Failure{Errc::MalformedRequest, "an account changes its own password only", {}};
    if (!account->has_password())
        return Failure{
            Errc::PasswordsOff, "this account has no password: an administrator may give it one", {}
        };
    return std::nullopt;
}

Result<pubsub::PreparedRequest, xml::StanzaError> prepare_password_change(
    const State& state, const xml::Element& query
) {
    if (!state.configured.passwords)
        return to_stanza_error({Errc::PasswordsOff, "there are no passwords on this grid", {}});
    auto password = prepare_password(query.child("password")->text());
    if (!password) return to_stanza_error({Errc::CredentialsUnfit, password_rule, {}});
    const xml::Element* name = query.child("username");
    pubsub::PreparedRequest prepared;
    prepared.decide = [&state, username = name ? trimmed(name->text()) : std::string(),
                       with = WithCredentials(
                           std::move(*password), state.configured.password_iterations
                       )](const pubsub::Context& context) -> pubsub::Decision {
        if (auto failure = refuse_password(state, context, username))
            return to_stanza_error(*failure);
        return with.decide(context, [&](const Credentials& credentials) {
            return decision_of(
                state.machine().set_password(context.actor.jid, &credentials, context)
            );
        });
    };
    return prepared;
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
    if (iq.payload->child("password") != nullptr)
        return prepare_password_change(state, *iq.payload);
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

Result<pubsub::PreparedRequest, xml::StanzaError> prepare_stranger(
    const State& state, const std::string& username, const std::string& password
) {
    if (!state.configured.registers_in_band)
        return xml::not_allowed("accounts are made by an administrator here");
    const auto jid = xml::Jid::make(username, state.configured.domain);
    auto prepared_password = prepare_password(password);
    if (username.empty() || !jid)
        return to_plain_error(
            {Errc::CredentialsUnfit, "the username cannot be that of an account", {}}
        );
    if (!prepared_password) return to_plain_error({Errc::CredentialsUnfit, password_rule, {}});
    pubsub::PreparedRequest prepared;
    prepared.decide = [&state, jid = *jid,
                       with = WithCredentials(
                           std::move(*prepared_password), state.configured.password_iterations
                       )](const pubsub::Context& context) -> pubsub::Decision {
        if (state.accounts.find(jid.str()) != nullptr)
            return to_plain_error({Errc::UsernameTaken, "this name is taken: choose another", {}});
        return with.decide(context, [&](const Credentials& credentials) -> pubsub::Decision {
            auto change = state.machine().register_by_password(jid, credentials, context);
            if (!change) return to_plain_error(change.error());
            return pubsub::Decision::Change{std::move(change->batch), pubsub::Reply{}};
        });
    };
    return prepared;
}

}   // namespace grid::controller::gi
