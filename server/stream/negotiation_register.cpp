// server/stream/negotiation_register.cpp: a stranger asks for an account (XEP-0077 §3.1).
#include "controller/errors.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"

namespace grid::server::stream {

namespace ns = xml::ns;
using xml::Element;

bool Negotiation::State::may_register() const {
    return layer == Layer::Tls && settings.config->sasl.passwords &&
           settings.config->registration.in_band;
}

void Negotiation::State::on_register(const Element& iq) {
    const auto to = iq.attr_or("to", "");
    if (!to.empty() && to != settings.domain)
        return fail("not-authorized", "a stanza was sent before authentication");
    const Element& query = *iq.child("query", ns::in_band_registration);
    if (iq.attr_or("type", "") == "get") {
        Element asked("query", ns::in_band_registration);
        asked.add(Element::with_text(
            "instructions",
            "Choose a username and a password. An administrator decides about the account."
        ));
        asked.add(Element("username"));
        asked.add(Element("password"));
        return send(
            Element("iq", ns::client, {{"type", "result"}, {"id", bind_id}}, std::move(asked))
        );
    }
    const Element* username = query.child("username");
    const Element* password = query.child("password");
    if (query.child("remove") != nullptr)   // §3.2: of an account that has logged in
        return registered(xml::not_allowed("log in to give an account up"));
    if (username == nullptr || password == nullptr)
        return registered(controller::to_plain_error(
            {controller::Errc::CredentialsUnfit, "a username and a password are needed", {}}
        ));
    out.emplace_back(Register{username->text(), password->text()});
    awaits = Awaits::Account;
}

void Negotiation::State::registered(const std::optional<xml::StanzaError>& error) {
    if (error) return refuse_iq(*error);
    send(Element("iq", ns::client, {{"type", "result"}, {"id", bind_id}}));
    awaits = Awaits::Element;   // to log in, or to choose another name
}

}   // namespace grid::server::stream
