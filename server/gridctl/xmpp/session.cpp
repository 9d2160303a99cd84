// server/gridctl/xmpp/session.cpp: see server/gridctl/xmpp/session.hpp.
#include "server/gridctl/xmpp/session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <variant>

#include "server/session/management_words.hpp"
#include "xml/base64.hpp"
#include "xml/jid.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

namespace ns = xml::ns;
namespace sm = server::sm;
using xml::Element;

/// A server that names no bound takes at least so much (RFC 6120 §13.12).
constexpr std::size_t stanza_bytes_min = 10'000;

/// Of the server, which is trusted more than its clients are: an answer can hold a page of items.
xml::Limits limits_for_server() {
    xml::Limits limits;
    limits.stanza_bytes_max = 16UL * 1024 * 1024;
    limits.depth_max = 128;
    limits.elements_max = 1'000'000;
    limits.header_bytes_max = 64UL * 1024;
    limits.named = "";
    return limits;
}

std::optional<std::uint32_t> handled_in(const Element& element) {
    const std::string* text = element.attr("h");
    if (!text) return std::nullopt;
    std::uint32_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || at != end) return std::nullopt;
    return number;
}

/// Errors of a stream or a login after which another attempt can end better.
bool is_passing(std::string_view condition) {
    constexpr std::array<std::string_view, 9> conditions{
        "system-shutdown",       "reset",
        "connection-timeout",    "internal-server-error",
        "resource-constraint",   "remote-connection-failed",
        "undefined-condition",   "temporary-auth-failure",
        "recipient-unavailable",
    };
    for (const std::string_view one : conditions)
        if (condition == one) return true;
    return false;
}

}   // namespace

Session::Session(Login login, Job& job, std::function<std::string()> nonce)
    : login_(std::move(login)),
      job_(job),
      nonce_(std::move(nonce)),
      parser_(limits_for_server()),
      stanza_bytes_max_(stanza_bytes_min) {}

void Session::connected() {
    parser_ = xml::StreamParser(limits_for_server());
    out_.clear();
    exporter_.clear();
    failure_.reset();
    offer_ = {};
    scram_.reset();
    is_managed_ = false;
    // With TLS from the first byte (XEP-0368) the stream begins within it.
    state_ = login_.is_direct_tls ? State::Handshake : State::Plain;
    if (!login_.is_direct_tls) open_stream();
}

void Session::secured(std::string exporter) {
    exporter_ = std::move(exporter);
    state_ = State::Secured;
    open_stream();
}

void Session::lost() {
    if (state_ != State::Ending && state_ != State::Over && !failure_)
        failure_ = Failure{false, "the server closed the connection"};
    state_ = State::Over;
}

std::string Session::take_output() { return std::exchange(out_, {}); }

void Session::open_stream() {
    parser_.restart();
    out_ += "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='";
    out_ += ns::streams.uri();
    out_ += "' version='1.0' xml:lang='en'";
    xml::append_single_quoted_attr(out_, "to", login_.domain);
    // Not in the clear (RFC 6120 §4.7.1).
    if (state_ != State::Plain && !login_.account.empty())
        xml::append_single_quoted_attr(out_, "from", login_.account);
    out_ += ">";
}

void Session::receive(std::string_view bytes) {
    if (state_ == State::Over) return;
    parser_.feed(bytes);
    while (state_ != State::Over) {
        auto event = parser_.next();
        if (!event) return;
        if (const auto* element = std::get_if<Element>(&*event)) {
            take(*element);
        } else if (const auto* broken = std::get_if<xml::StreamBroken>(&*event)) {
            fail({true, "the server's stream is broken: " + broken->text});
        } else if (std::holds_alternative<xml::StreamClose>(*event)) {
            if (state_ == State::Ending)
                state_ = State::Over;
            else
                fail({false, "the server ended the stream"});
        }
    }
}

void Session::take(const Element& element) {
    if (element.is("error", ns::streams)) return take_stream_error(element);
    if (element.is("features", ns::streams)) return take_features(element);
    if (element.ns() == ns::tls && state_ == State::Plain) {
        if (element.name() == "proceed") {
            state_ = State::Handshake;
            return;
        }
        return fail({true, "the server has no TLS for us"});
    }
    if (element.ns() == ns::sasl && state_ == State::Proving) return take_sasl(element);
    if (element.ns() == sm::ns)
        return state_ == State::Resuming ? take_resumption(element) : take_management(element);
    if (state_ == State::Binding && element.is("iq", ns::client) &&
        element.attr_or("id", "") == bind_id_)
        return take_bound(element);
    const bool is_there =
        state_ == State::Online || state_ == State::Leaving || state_ == State::Ending;
    if (element.ns() == ns::client && is_there) take_stanza(element);
}

void Session::take_features(const Element& features) {
    if (const Element* limits = features.child("limits", ns::limits))
        if (const Element* bytes = limits->child("max-bytes")) {
            std::size_t number = 0;
            const std::string text = bytes->text();
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), number);
            if (error == std::errc{}) stanza_bytes_max_ = std::max(number, stanza_bytes_min);
        }
    if (state_ == State::Plain) {
        // Also where the offer is missing: it may have been taken out (RFC 7590 §3.1).
        send(Element("starttls", ns::tls));
    } else if (state_ == State::Secured) {
        if (const Element* mechanisms = features.child("mechanisms", ns::sasl))
            for (const Element* one : mechanisms->children("mechanism"))
                offer_.mechanisms.push_back(one->text());
        if (const Element* types = features.child("sasl-channel-binding", ns::channel_binding))
            for (const Element* one : types->children("channel-binding"))
                offer_.bindings.emplace_back(one->attr_or("type", ""));
        start_sasl();
    } else if (state_ == State::LoggedIn) {
        if (management_.token.empty()) return bind();
        state_ = State::Resuming;
        send(Element(
            "resume", sm::ns,
            {{"previd", management_.token}, {"h", std::to_string(management_.taken())}}
        ));
    }
}

void Session::start_sasl() {
    state_ = State::Proving;
    std::string mechanism = "EXTERNAL", initial = login_.account;
    if (!login_.password.empty()) {
        const auto chosen = ScramLogin::choose(offer_, !exporter_.empty());
        if (!chosen)
            return fail(
                {true,
                 "the server takes no passwords (SCRAM) from this client; sasl.passwords is off"}
            );
        const auto account = xml::Jid::parse(login_.account);
        const std::string user(account ? account->local() : std::string_view());
        scram_ = std::make_unique<ScramLogin>(
            ScramLogin::Setup{*chosen, user, login_.password, nonce_(), exporter_, offer_}
        );
        mechanism = *chosen;
        initial = scram_->first();
    }
    Element auth("auth", ns::sasl, {{"mechanism", mechanism}});
    auth.append(initial.empty() ? "=" : xml::to_base64(initial));
    send(auth);
}

void Session::take_sasl(const Element& element) {
    if (element.name() == "failure") return take_sasl_failure(element);
    const auto data = xml::parse_base64(element.text()).value_or("");
    if (element.name() == "challenge") {
        const auto answer = scram_ ? scram_->respond(data) : std::optional<std::string>("");
        if (!answer) return fail({true, scram_->why()});
        Element response("response", ns::sasl);
        if (!answer->empty()) response.append(xml::to_base64(*answer));
        return send(response);
    }
    if (element.name() != "success") return;
    if (scram_ && !scram_->is_proved(data))
        return fail({true, "the server does not prove that it knows the password"});
    scram_.reset();
    state_ = State::LoggedIn;
    open_stream();
}

void Session::take_sasl_failure(const Element& failure) {
    const Refusal refusal = read_refusal(failure);
    fail({!is_passing(refusal.condition), "the login was refused: " + refusal.words()});
}

void Session::bind() {
    state_ = State::Binding;
    bind_id_ = "bind" + std::to_string(next_id_++);
    Element inner("bind", ns::bind);
    if (!login_.resource.empty()) inner.add(Element::with_text("resource", login_.resource));
    send(Element("iq", ns::client, {{"type", "set"}, {"id", bind_id_}}, std::move(inner)));
}

void Session::take_bound(const Element& iq) {
    const Element* bound = iq.child("bind", ns::bind);
    const Element* jid = bound ? bound->child("jid") : nullptr;
    if (iq.attr_or("type", "") != "result" || !jid) {
        const Refusal refusal = refusal_in(iq);
        return fail({refusal.type != "wait", "no resource was bound: " + refusal.words()});
    }
    address_ = jid->text();
    // Sessions that come back keep their resource, so that what is owed to it finds it.
    if (const auto full = xml::Jid::parse(address_)) login_.resource = full->resource();
    management_ = {};
    has_untaken_ = false;
    is_managed_ = true;
    send(Element("enable", sm::ns, {{"resume", "true"}}));
    state_ = State::Online;
    announce();
    was_online_ = true;
    job_.online(*this, false);
}

void Session::announce() {
    send_counted(Element(
        "presence", ns::client, {}, Element::with_text("priority", std::to_string(login_.priority))
    ));
}

void Session::take_resumption(const Element& element) {
    const auto handled = handled_in(element);
    if (element.name() != "resumed") {
        management_ = {};
        return bind();
    }
    if (!handled || !management_.acknowledged(*handled)) {
        management_ = {};
        return fail({false, "the server resumed with a wrong count"});
    }
    is_managed_ = true;
    state_ = State::Online;
    for (const std::string& bytes : management_.unacknowledged()) out_ += bytes;
    job_.online(*this, true);
}

void Session::take_management(const Element& element) {
    if (element.name() == "r") return acknowledge();
    if (element.name() == "enabled") {
        const auto resumes = element.attr_or("resume", "false");
        if (resumes == "true" || resumes == "1") management_.token = element.attr_or("id", "");
    } else if (element.name() == "failed") {
        management_ = {};
        is_managed_ = false;
    } else if (element.name() == "a") {
        if (const auto handled = handled_in(element); handled && is_managed_)
            if (management_.acknowledged(*handled) && management_.waiting() == 0)
                state_ == State::Leaving ? leave() : job_.acknowledged(*this);
    }
}

void Session::acknowledge() {
    if (is_managed_) send(Element("a", sm::ns, {{"h", std::to_string(management_.taken())}}));
}

void Session::take_stanza(const Element& stanza) {
    // Stanzas after the end of the job are not taken care of, and owed to the next session.
    if (job_.is_done()) {
        has_untaken_ = has_untaken_ || stanza.name() == "message";
        return;
    }
    if (stanza.name() == "iq") take_iq(stanza);
    if (stanza.name() == "message") job_.received(*this, stanza);
    management_.took();
}

void Session::take_iq(const Element& iq) {
    const auto type = xml::iq_type(iq);
    if (type == xml::IqType::Result || type == xml::IqType::Error)
        return job_.answered(*this, std::string(iq.attr_or("id", "")), iq);
    if (!type || state_ != State::Online) return;
    if (iq.child("ping", ns::ping)) return send_counted(xml::iq_result(iq));
    send_counted(xml::error_reply(iq, xml::service_unavailable("gridctl answers no requests")));
}

void Session::take_stream_error(const Element& error) {
    const Refusal refusal = read_refusal(error);
    const bool is_conflict = refusal.is("conflict");
    // Any other end is on purpose, and the session is forgotten.
    if (!refusal.is("system-shutdown") && !refusal.is("connection-timeout")) management_ = {};
    fail(
        {!is_passing(refusal.condition),
         is_conflict ? "another client took this resource (" + address_ + ")"
                     : "the server ended the stream: " + refusal.words()}
    );
}

void Session::send(const Element& element) { xml::write(out_, element, ns::client.uri()); }

void Session::send_counted(const Element& stanza) {
    std::string bytes;
    xml::write(bytes, stanza, ns::client.uri());
    out_ += bytes;
    if (is_managed_ && management_.sent(std::move(bytes))) send(Element("r", sm::ns));
}

std::string Session::request(std::string_view type, std::string_view to, Element payload) {
    std::string id = "c" + std::to_string(next_id_++);
    send_counted(Element(
        "iq", ns::client, {{"type", std::string(type)}, {"id", id}, {"to", std::string(to)}},
        std::move(payload)
    ));
    return id;
}

void Session::probe() {
    if (state_ != State::Online) return;
    if (is_managed_) return send(Element("r", sm::ns));
    request("get", login_.domain, Element("ping", ns::ping));
}

void Session::end() {
    if (state_ == State::Online && is_managed_ && job_.is_owed_the_rest()) {
        // From now on the server keeps what comes; what is on its way arrives before its answer.
        send_counted(Element("presence", ns::client, {{"type", "unavailable"}}));
        acknowledge();
        send(Element("r", sm::ns));
        state_ = State::Leaving;
        return;
    }
    if (state_ == State::Online) acknowledge();
    if (state_ != State::Offline && state_ != State::Handshake && state_ != State::Over)
        out_ += "</stream:stream>";
    management_ = {};
    is_managed_ = false;
    state_ = state_ == State::Online ? State::Ending : State::Over;
}

/// After the end of a stream a server takes all for read that it sent.
void Session::leave() {
    if (!has_untaken_) out_ += "</stream:stream>";
    state_ = has_untaken_ ? State::Over : State::Ending;
    management_ = {};
    is_managed_ = false;
}

void Session::fail(Failure failure) {
    if (state_ != State::Over && state_ != State::Ending) failure_ = std::move(failure);
    out_ += "</stream:stream>";
    state_ = State::Over;
}

}   // namespace grid::gridctl::xmpp
