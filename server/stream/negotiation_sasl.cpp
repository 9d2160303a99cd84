// server/stream/negotiation_sasl.cpp: SASL inside a stream (RFC 6120 §6).
#include <utility>

#include "server/sasl/external.hpp"
#include "server/stream/header.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {

namespace ns = xml::ns;
using xml::Element;

void Negotiation::State::on_sasl(const Element& element) {
    // §6.3.4: no client authenticates in the clear, not even with a certificate that TLS would show
    // later.
    if (layer == Layer::Plain)
        return refuse_sasl(
            "encryption-required", "authentication is possible under TLS only", false
        );
    if (element.name() == "auth") return on_auth(element);
    if (element.name() == "response") return on_response(element);
    if (element.name() == "abort") {
        exchange.reset();
        return refuse_sasl("aborted", "", false);   // §6.5.1
    }
    fail("unsupported-stanza-type", "unknown to SASL: <" + element.name() + "/>");
}

void Negotiation::State::on_auth(const Element& auth) {
    exchange.reset();   // a new attempt ends one that was going on
    const auto mechanism = auth.attr_or("mechanism", "");
    if (mechanism != "EXTERNAL")   // §6.5.7, the attribute missing included
        return refuse_sasl("invalid-mechanism", "the only mechanism here is EXTERNAL", false);
    if (auth.child_count() > 0)   // §6.5.8
        return refuse_sasl("malformed-request", "text is expected in <auth/>", false);
    const auto initial = sasl::decode(auth.text());
    if (!initial.is_valid)   // §6.5.5
        return refuse_sasl("incorrect-encoding", "the initial response is no base64", false);
    asked_for = initial.message.value_or("");
    exchange = std::make_unique<sasl::External>(presented, stream_from);
    take_step(exchange->start(initial.message));
}

void Negotiation::State::on_response(const Element& response) {
    if (!exchange) return refuse_sasl("malformed-request", "a response without a challenge", false);
    if (response.child_count() > 0)
        return refuse_sasl("malformed-request", "text is expected in <response/>", false);
    const auto answer = sasl::decode(response.text());
    if (!answer.is_valid)
        return refuse_sasl("incorrect-encoding", "the response is no base64", false);
    take_step(exchange->respond(answer.message.value_or("")));
}

void Negotiation::State::take_step(sasl::Step step) {
    if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) {
        Element element("challenge", ns::sasl);
        if (!challenge->data.empty()) element.append(xml::to_base64(challenge->data));
        return send(element);
    }
    if (const auto* failure = std::get_if<sasl::Failure>(&step))
        return refuse_sasl(failure->condition, failure->text, failure->is_final);
    authenticated(std::get<sasl::Success>(step).account);
}

/// The certificate is right; whether the account may enter is the controller's to say.
void Negotiation::State::authenticated(const xml::Jid& account) {
    exchange.reset();
    // RFC 6120 §4.7.1, §4.9.3.9: the header under TLS has promised another name.
    if (!stream_from.empty() && stream_from != account)
        return fail("invalid-from", "the header's 'from' is not " + account.str());
    identity = tls::to_identity(presented, account);
    out.emplace_back(Admit{identity});
    awaits = Awaits::Admission;
}

void Negotiation::State::admitted() {
    send(Element("success", ns::sasl));
    out.emplace_back(RestartParser{});   // §6.4.6: a new stream without closing the old one
    layer = Layer::Authenticated;
    awaits = Awaits::Header;
    header_sent = false;
}

void Negotiation::State::refuse_sasl(
    const std::string& condition, const std::string& text, bool is_final
) {
    exchange.reset();
    awaits = Awaits::Element;
    refusal = {condition, text, presented.subject, presented.issuer, asked_for, presented.depth};
    if (asked_for.empty() && presented.identities.size() == 1)
        refusal->claimed = presented.identities.front().str();
    Element failure("failure", ns::sasl, {}, Element(condition));
    if (!text.empty()) failure.add(Element::with_text("text", text, {{"xml:lang", our_lang}}));
    send(failure);
    if (is_final) {   // the certificate will not get better on this connection
        out.emplace_back(CloseStream{});
        return close("authentication failed, " + condition + ": " + text);
    }
    if (++attempts_failed >= settings.config->sasl.attempts_max)   // §6.4.5
        fail(
            "policy-violation", "too many failed attempts to authenticate, the last: " + condition
        );
}

std::optional<Negotiation::Refusal> Negotiation::take_refusal() {
    return std::exchange(state_->refusal, std::nullopt);
}

}   // namespace grid::server::stream
