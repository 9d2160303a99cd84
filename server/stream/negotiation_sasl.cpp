// server/stream/negotiation_sasl.cpp: SASL inside a stream (RFC 6120 §6).
#include <limits>
#include <utility>

#include "server/stream/header.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {

namespace ns = xml::ns;
using xml::Element;

namespace {

std::string mechanisms_text(const sasl::Offer& offer) {
    if (!offer.has_passwords()) return "the only mechanism here is EXTERNAL";
    std::string text = "the mechanisms here are";
    for (const std::string& one : offer.mechanisms) text += ' ' + one;
    return text;
}

controller::Identity identity_by_password(const xml::Jid& account, const std::string& password) {
    controller::Identity identity;
    identity.account = account;
    identity.password = password;
    identity.valid_until = std::numeric_limits<storage::Millis>::max();
    return identity;
}

}   // namespace

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
    if (sasl2)   // XEP-0388 §2.4: nothing else may come in between
        return fail("policy-violation", "another authentication is going on");
    exchange.reset();   // a new attempt ends one that was going on
    if (!choose_mechanism(auth.attr_or("mechanism", ""))) return;
    if (auth.child_count() > 0)   // §6.5.8
        return refuse_sasl("malformed-request", "text is expected in <auth/>", false);
    const auto initial = sasl::decode(auth.text());
    if (!initial.is_valid)   // §6.5.5
        return refuse_sasl("incorrect-encoding", "the initial response is no base64", false);
    begin_exchange(initial.message);
}

bool Negotiation::State::choose_mechanism(std::string_view mechanism) {
    by_password = mechanism != "EXTERNAL";
    asked_for.clear();
    chosen =
        sasl::make_mechanism(mechanism, offer, presented, stream_from, settings.domain, spare_id);
    if (!chosen)   // §6.5.7, the attribute missing included
        refuse_sasl("invalid-mechanism", mechanisms_text(offer), false);
    return chosen != nullptr;
}

void Negotiation::State::begin_exchange(const std::optional<std::string>& initial) {
    if (!by_password) asked_for = initial.value_or("");
    exchange = std::move(chosen);
    take_step(exchange->start(initial));
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
        Element element("challenge", sasl2 ? ns::sasl2 : ns::sasl);
        if (!challenge->data.empty()) element.append(xml::to_base64(challenge->data));
        return send(element);
    }
    if (const auto* failure = std::get_if<sasl::Failure>(&step))
        return refuse_sasl(failure->condition, failure->text, failure->is_final);
    if (auto* lookup = std::get_if<sasl::Lookup>(&step)) {
        asked_for = lookup->name;
        out.emplace_back(FindKeys{std::move(*lookup)});
        awaits = Awaits::Keys;
        return;
    }
    authenticated(std::get<sasl::Success>(std::move(step)));
}

/// The certificate or the password is right; whether the account may enter is the controller's to
/// say.
void Negotiation::State::authenticated(sasl::Success success) {
    exchange.reset();
    const xml::Jid& account = success.account;
    // RFC 6120 §4.7.1, §4.9.3.9: the header under TLS has promised another name.
    if (!stream_from.empty() && stream_from != account && sasl2)   // XEP-0388 §2.3
        return refuse_sasl("invalid-authzid", "the header's 'from' is not " + account.str(), false);
    if (!stream_from.empty() && stream_from != account)
        return fail("invalid-from", "the header's 'from' is not " + account.str());
    identity = std::make_shared<const controller::Identity>(
        success.password.empty() ? tls::to_identity(presented, account)
                                 : identity_by_password(account, success.password)
    );
    success_data = std::move(success.data);
    if (sasl2) sasl2->wish.used = std::move(success.token);
    out.emplace_back(Admit{identity});
    awaits = Awaits::Admission;
}

void Negotiation::State::admitted() {
    if (sasl2) return admitted_by_sasl2();
    Element success("success", ns::sasl);
    if (!success_data.empty()) success.append(xml::to_base64(success_data));
    send(success);
    // §6.4.6: a new stream without closing the old one. A client need not wait before it begins.
    out.emplace_back(RestartParser{true});
    layer = Layer::Authenticated;
    awaits = Awaits::Header;
    header_sent = false;
}

void Negotiation::State::refuse_sasl(
    const std::string& condition, const std::string& text, bool is_final
) {
    exchange.reset();
    awaits = Awaits::Element;
    refusal = {condition,       text,       presented.subject, presented.issuer, asked_for,
               presented.depth, by_password};
    if (!by_password && asked_for.empty() && presented.identities.size() == 1)
        refusal->claimed = presented.identities.front().str();
    Element failure("failure", sasl2 ? ns::sasl2 : ns::sasl, {}, Element(condition, ns::sasl));
    if (!text.empty()) failure.add(Element::with_text("text", text, {{"xml:lang", our_lang}}));
    sasl2.reset();
    send(failure);
    // The certificate will not get better on this connection.
    if (is_final && !offer.has_passwords()) {
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
