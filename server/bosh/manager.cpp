// server/bosh/manager.cpp: see manager.hpp.
#include "server/bosh/manager.hpp"

#include <algorithm>

#include "server/bosh/body_codec.hpp"
#include "server/clock.hpp"
#include "server/stream/namespaces.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::bosh {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t wait_seconds_max = 60, hold_max = 2;
/// Several requests in parallel are usual, whatever `hold` is: a client that keeps to the number
/// that it was told gets no error for them.
constexpr std::size_t requests_max = 5;

/// RFC 7395's header says what `<body/>` says here (XEP-0206 §4).
xml::Element header_of(const xml::Element& body) {
    xml::Element header("open", stream::web_ns::framing);
    for (const char* name : {"to", "from", "xml:lang"})
        if (const auto* value = body.attr(name)) header.set(name, *value);
    return header.set("version", std::string(xbosh_attr(body, "version").value_or("1.0")));
}

/// XEP-0124 §7: of a request without `to`, of one for another host. Empty: it is right.
const char* refuse_to(const xml::Element& body, const std::string& domain) {
    const auto* to = body.attr("to");
    if (!to || to->empty()) return "improper-addressing";
    const auto jid = xml::Jid::parse(*to);
    if (!jid || !jid->local().empty() || !jid->resource().empty()) return "improper-addressing";
    return jid->domain() == domain ? "" : "host-unknown";
}

}   // namespace

void Manager::take(
    std::string_view text,
    const tls::Presented& presented,
    const std::string& address,
    const net::Strand& near,
    Session::Reply reply
) {
    auto body = read_body(text);
    if (!body) return reply(write_end("bad-request"));
    const auto rid = number_of(body->head, "rid");
    if (!rid || *rid == 0) return reply(write_end("bad-request"));
    const auto* sid = body->head.attr("sid");
    if (!sid) return create(std::move(*body), presented, address, near, reply);
    auto session = find(*sid, presented);
    if (!session) return reply(write_end("item-not-found"));
    asio::post(
        session->strand(), [session, rid = *rid, body = std::move(*body), reply = std::move(reply)](
                           ) mutable { session->take(rid, std::move(body), std::move(reply)); }
    );
}

/// A client with another certificate learns nothing, not even that there is such a session.
std::shared_ptr<Session> Manager::find(const std::string& sid, const tls::Presented& presented)
    const {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(sid);
    if (found == sessions_.end()) return nullptr;
    return found->second->settings().certificate == presented.fingerprint ? found->second : nullptr;
}

Session::Settings Manager::settings_of(const Body& body, const tls::Presented& presented) const {
    const xml::Element& head = body.head;
    Session::Settings settings;
    settings.sid = fresh_id();
    settings.certificate = presented.fingerprint;
    settings.rid = number_of(head, "rid").value_or(0);
    const auto wait = std::min(number_of(head, "wait").value_or(0), wait_seconds_max);
    settings.hold = std::min(number_of(head, "hold").value_or(0), hold_max);
    if (wait == 0) settings.hold = 0;   // a polling session (§11)
    settings.wait = std::chrono::seconds(wait);
    settings.requests = requests_max;
    settings.bytes_max = 2UL * config_.limits.http_body_bytes_max;
    settings.header = header_of(head);
    settings.attributes = {
        {"sid", settings.sid},
        {"wait", std::to_string(wait)},
        {"hold", std::to_string(settings.hold)},
        {"requests", std::to_string(settings.requests)},
        {"inactivity", std::to_string(settings.inactivity.count())},
        {"polling", std::to_string(settings.polling.count())},
        {"ver", "1.6"},
        {"from", config_.domain},
        {"xmlns:xmpp", std::string(stream::web_ns::xbosh.uri())},
        {"xmpp:version", "1.0"},
        {"xmpp:restartlogic", "true"},
        {"xmlns:stream", std::string(xml::ns::streams.uri())},
    };
    return settings;
}

void Manager::create(
    Body body,
    const tls::Presented& presented,
    const std::string& address,
    const net::Strand& near,
    const Session::Reply& reply
) {
    if (const std::string_view wrong = refuse_to(body.head, config_.domain); !wrong.empty())
        return reply(write_end(wrong));
    for (const char* name : {"wait", "hold"})
        if (body.head.attr(name) && !number_of(body.head, name))
            return reply(write_end("bad-request"));
    std::string reason;
    auto place = acceptor_->enter(address, reason);
    if (!place) return reply(write_end("policy-violation"));
    place->begin();
    const net::Strand strand(near.get_inner_executor());
    auto session = std::make_shared<Session>(strand, settings_of(body, presented));
    const std::string sid = session->settings().sid;
    {
        const std::lock_guard lock(mutex_);
        sessions_.emplace(sid, session);
    }
    session->on_over([weak = weak_from_this(), sid] {
        if (const auto self = weak.lock()) self->forget(sid);
    });
    c2s::Carrier carrier;
    carrier.kind = TransportKind::Bosh;
    carrier.channel = std::make_unique<SessionChannel>(session);
    carrier.codec = std::make_unique<BodyCodec>(session, config_.limits.before_login());
    carrier.presented = presented;
    asio::post(
        strand, [session, rid = session->settings().rid, body = std::move(body),
                 reply]() mutable { session->take(rid, std::move(body), reply); }
    );
    acceptor_->adopt(std::move(carrier), address, std::move(place));
}

void Manager::forget(const std::string& sid) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(sid);
}

std::size_t Manager::sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
}

}   // namespace grid::server::bosh
