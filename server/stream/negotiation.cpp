// server/stream/negotiation.cpp: input by layer, and the end of a stream (RFC 6120 §4, §5).
#include "server/stream/negotiation.hpp"

#include "server/session/management_words.hpp"
#include "server/stream/features.hpp"
#include "server/stream/header.hpp"
#include "server/stream/negotiation_state.hpp"
#include "server/stream/peer_error.hpp"
#include "xml/iq_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::stream {
namespace {

namespace ns = xml::ns;

bool is_stanza(const xml::Element& element) {
    return element.ns() == ns::client &&
           (element.name() == "iq" || element.name() == "message" || element.name() == "presence");
}

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};

}   // namespace

Negotiation::State::State(Settings given)
    : settings(std::move(given)),
      layer(settings.transport == TransportKind::StartTls ? Layer::Plain : Layer::Tls),
      awaits(settings.transport == TransportKind::DirectTls ? Awaits::Handshake : Awaits::Header),
      spare_id(settings.stream_id.empty() ? "0" : settings.stream_id),
      presented(std::move(settings.presented)) {
    if (awaits == Awaits::Header && layer == Layer::Tls)
        offer = sasl::offer(settings.config->sasl, presented, std::move(settings.bindings));
}

void Negotiation::State::send(const xml::Element& element) {
    out.emplace_back(SendElement{element});
}

void Negotiation::State::close(std::string reason) {
    out.emplace_back(Close{std::move(reason)});
    awaits = Awaits::Nothing;
    exchange.reset();
}

void Negotiation::State::fail(std::string condition, std::string text) {
    fail(xml::StreamError{std::move(condition), std::move(text), std::nullopt});
}

void Negotiation::State::fail(const xml::StreamError& error) {
    // Between `<proceed/>` and the end of the handshake nothing can be said.
    if (awaits != Awaits::Handshake) {
        if (!header_sent) out.emplace_back(OpenStream{spare_id, {}});   // §4.9.1.2
        send(error.to_element());
        out.emplace_back(CloseStream{});
    }
    close("stream error " + error.condition + ": " + error.text);
}

/// RFC 6120 §5.3.3, §5.4.2.1: no bytes may stand between `<starttls/>` and TLS. Such bytes are
/// neither carried over into the secured stream nor overlooked: the peer, or an attacker between,
/// sent them on purpose.
void Negotiation::State::fail_injected() {
    if (layer == Layer::Plain) awaits = Awaits::Element;   // the handshake has not begun
    fail("policy-violation", "something was sent in the clear behind <starttls/>");
}

void Negotiation::State::on_header(const xml::StreamOpen& open) {
    if (settings.transport == TransportKind::Component) return on_component_header(open);
    auto header = read_header(open, settings.domain, settings.transport);
    lang = std::move(header.lang);
    stream_id = spare_id;
    out.emplace_back(OpenStream{stream_id, header.from});
    header_sent = true;
    // §4.9.3.9: a client that is logged in cannot call itself by another name.
    if (!header.error && layer == Layer::Authenticated && !header.from.empty() &&
        header.from.bare() != identity->account)
        header.error = xml::StreamError{
            "invalid-from", "the header's 'from' is not " + identity->account.str(), std::nullopt
        };
    if (header.error) return fail(*header.error);
    // No mechanism can be offered, and features without any would say that all is done (§4.3.5).
    if (layer == Layer::Tls && !presented.present && offer.mechanisms.empty())
        return fail("not-authorized", presented.reason);
    stream_from = header.from.bare();
    const auto& limits = settings.config->limits;
    send(
        layer == Layer::Plain ? plain_features()
        : layer == Layer::Tls ? sasl_features(offer, limits, may_register())
                              : bound_features(limits, settings.domain, settings.caps_hash)
    );
    awaits = Awaits::Element;
}

void Negotiation::State::on_element(const xml::Element& element) {
    if (++elements > settings.config->limits.pre_auth_stanzas_max)
        return fail("policy-violation", "too many elements before a resource was bound");
    if (auto error = error_of_peer(element)) {
        if (header_sent) out.emplace_back(CloseStream{});
        return close(std::move(*error));
    }
    if (settings.transport == TransportKind::Component) return on_handshake(element);
    if (awaits != Awaits::Element)   // §6.4.2, §7.6: a client waits for the answer
        return fail("not-authorized", "sent before the last request was answered");
    if (element.is("starttls", ns::tls)) return layer == Layer::Plain ? start_tls() : refuse_tls();
    if (element.ns() == ns::sasl && layer != Layer::Authenticated) return on_sasl(element);
    if (element.ns() == ns::sasl2 && layer != Layer::Authenticated) return on_sasl2(element);
    if (may_register() && element.is("iq", ns::client) &&
        element.child("query", ns::in_band_registration) != nullptr)
        return is_fit(element) ? on_register(element) : void();
    if (layer == Layer::Authenticated && element.is("iq", ns::client) &&
        element.child("bind", ns::bind) != nullptr)
        return is_fit(element) ? on_bind(element) : void();
    if (element.ns() == sm::ns && layer != Layer::Plain) return on_management(element);
    refuse_unknown(element);
}

bool Negotiation::State::is_fit(const xml::Element& iq) {
    // §8.1.2.1: before login there is no address yet, and before bind none with a resource.
    if (const auto* from = iq.attr("from")) {
        const auto jid = xml::Jid::parse(*from);
        if (layer != Layer::Authenticated || !jid || *jid != identity->account) {
            fail("invalid-from", "'from' is not the address of this stream");
            return false;
        }
    }
    if (xml::is_iq_answer(iq)) return false;
    bind_has_id = iq.attr("id") != nullptr;
    bind_id = iq.attr_or("id", "");
    const auto wrong = xml::malformed_iq(iq);
    if (wrong) refuse_iq(*wrong);
    return !wrong;
}

/// The client may try again (§7.7.2).
void Negotiation::State::refuse_iq(const xml::StanzaError& error) {
    xml::Element answer("iq", ns::client, {{"type", "error"}});
    if (bind_has_id) answer.set("id", bind_id);
    answer.add(error.to_element());
    send(answer);
    awaits = Awaits::Element;
}

/// By name alone: some element of it is awaited.
bool Negotiation::State::may_begin(const xml::Element& element) const {
    if (settings.transport == TransportKind::Component) return true;
    if (element.is("starttls", ns::tls) || element.is("error", ns::streams)) return true;
    if (layer != Layer::Plain && element.ns() == sm::ns) return true;
    if (layer != Layer::Authenticated)
        return element.ns() == ns::sasl || element.ns() == ns::sasl2 ||
               (may_register() && element.is("iq", ns::client));
    return element.is("iq", ns::client);
}

void Negotiation::State::refuse_unknown(const xml::Element& element) {
    if (is_stanza(element))   // §4.9.3.12
        return fail(
            "not-authorized", layer == Layer::Authenticated
                                  ? "a resource must be bound before any other stanza"
                                  : "a stanza was sent before authentication"
        );
    fail("unsupported-stanza-type", "unknown here: <" + element.name() + "/>");
}

void Negotiation::State::start_tls() {
    send(xml::Element("proceed", ns::tls));   // §5.4.2.3
    out.emplace_back(StartTls{});
    awaits = Awaits::Handshake;
}

/// §5.4.2.2: TLS inside TLS.
void Negotiation::State::refuse_tls() {
    send(xml::Element("failure", ns::tls));
    out.emplace_back(CloseStream{});
    close("STARTTLS was asked for inside TLS");
}

void Negotiation::State::on_close() {
    if (header_sent) out.emplace_back(CloseStream{});   // §4.4
    close("the client closed the stream before it had bound a resource");
}

Negotiation::Negotiation(Settings settings)
    : state_(std::make_shared<State>(std::move(settings))) {}

Actions Negotiation::on_event(xml::StreamEvent event, const std::string& stream_id) {
    auto& state = *state_;
    if (state.awaits == Awaits::Nothing) return {};
    state.spare_id = stream_id;
    if (state.awaits == Awaits::Handshake) {
        state.fail_injected();
        return state.take_actions();
    }
    std::visit(
        Overloaded{
            [&](const xml::StreamOpen& open) {
                if (state.awaits == Awaits::Header) return state.on_header(open);
                state.fail("bad-format", "a second stream header inside the stream");
            },
            [&](const xml::Element& element) { state.on_element(element); },
            [&](const xml::StreamClose&) { state.on_close(); },
            [&](const xml::StreamBroken& broken) { state.fail(xml::to_stream_error(broken)); },
        },
        event
    );
    return state.take_actions();
}

Actions Negotiation::on_start_tag(const xml::Element& element) {
    auto& state = *state_;
    if (state.awaits == Awaits::Element && !state.may_begin(element)) state.refuse_unknown(element);
    return state.take_actions();
}

Actions Negotiation::on_tls(tls::Presented presented, net::ChannelBindings bindings) {
    auto& state = *state_;
    if (state.awaits != Awaits::Handshake) return {};
    // §5.4.3.3: knowledge from before TLS is forgotten.
    state.presented = std::move(presented);
    state.offer = sasl::offer(state.settings.config->sasl, state.presented, std::move(bindings));
    state.layer = Layer::Tls;
    state.awaits = Awaits::Header;
    state.header_sent = false;
    state.lang.clear();
    state.stream_from = {};
    state.out.emplace_back(RestartParser{});
    return state.take_actions();
}

Actions Negotiation::on_admitted(std::optional<std::pair<std::string, std::string>> failure) {
    auto& state = *state_;
    if (state.awaits != Awaits::Admission) return {};
    if (failure)
        state.refuse_sasl(failure->first, failure->second, false);
    else
        state.admitted();
    return state.take_actions();
}

Actions Negotiation::on_keys(controller::LoginKeys keys) {
    auto& state = *state_;
    if (state.awaits != Awaits::Keys || !state.exchange) return {};
    state.awaits = Awaits::Element;
    state.take_step(state.exchange->found(std::move(keys)));
    return state.take_actions();
}

Actions Negotiation::on_token(std::optional<controller::Token> issued) {
    auto& state = *state_;
    if (state.awaits != Awaits::Token || !state.sasl2) return {};
    state.sasl2->issued = std::move(issued);
    state.go_on_by_sasl2();
    return state.take_actions();
}

Actions Negotiation::on_registered(std::optional<xml::StanzaError> error) {
    auto& state = *state_;
    if (state.awaits != Awaits::Account) return {};
    state.registered(error);
    return state.take_actions();
}

Actions Negotiation::on_bound(
    std::variant<xml::Jid, xml::StanzaError> bound,
    std::optional<xml::Element> enabled,
    std::optional<xml::Element> archive
) {
    auto& state = *state_;
    if (state.awaits != Awaits::Resource) return {};
    if (const auto* full = std::get_if<xml::Jid>(&bound))
        state.bound(*full, std::move(enabled), std::move(archive));
    else
        state.refuse_bind(std::get<xml::StanzaError>(bound));
    return state.take_actions();
}

Actions Negotiation::on_resumed() {
    auto& state = *state_;
    if (state.awaits != Awaits::Session) return {};
    state.awaits = Awaits::Nothing;
    state.is_bound = true;
    state.sasl2.reset();
    return state.take_actions();
}

Actions Negotiation::on_not_resumed(const xml::Element& failed) {
    if (state_->awaits == Awaits::Session) state_->not_resumed(failed);
    return state_->take_actions();
}

Actions Negotiation::on_not_resumed(const xml::StreamError& error) {
    if (state_->awaits == Awaits::Session) state_->fail(error);
    return state_->take_actions();
}

static Actions end(Negotiation::State& state, const char* condition, const char* text) {
    if (state.awaits != Awaits::Nothing) state.fail(condition, text);
    return state.take_actions();
}

Actions Negotiation::on_timeout() {
    return end(*state_, "connection-timeout", "no resource was bound in time");
}

Actions Negotiation::on_shutdown() {
    return end(*state_, "system-shutdown", "the server is being shut down");
}

Actions Negotiation::on_too_many_bytes() {
    return end(*state_, "policy-violation", "too many bytes before a resource was bound");
}

Actions Negotiation::on_injected() {
    if (state_->awaits == Awaits::Handshake) state_->fail_injected();
    return state_->take_actions();
}

bool Negotiation::is_bound() const { return state_->is_bound; }
const std::string& Negotiation::lang() const { return state_->lang; }
const std::string& Negotiation::stream_id() const { return state_->stream_id; }

}   // namespace grid::server::stream
