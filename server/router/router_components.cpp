// server/router/router_components.cpp: stanzas between clients and components (XEP-0114), under the
// policy of the account that a component acts for.
#include "controller/requests/requests.hpp"
#include "server/clock.hpp"
#include "server/router/router.hpp"
#include "xml/iq_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::server {

using controller::Destination;

namespace {

/// Components to which one session has said that it is there.
constexpr std::size_t components_told_max = 100;

xml::StanzaError not_for_components() {
    return xml::feature_not_implemented("bulk data goes between accounts of the grid alone");
}

xml::StanzaError no_rosters() {
    return xml::feature_not_implemented("rosters hold accounts of this grid, and no components");
}

bool is_subscription(const xml::Element& presence) {
    const auto kind = delivery_kind(presence);
    return kind == DeliveryKind::Subscribe || kind == DeliveryKind::Subscription;
}

xml::Bytes text_of(const xml::Element& stanza) {
    return std::make_shared<const std::string>(xml::to_string(stanza, xml::ns::client.uri()));
}

xml::Bytes iq_text(const xml::Element& head, const xml::Bytes& tail) {
    auto out = std::make_shared<std::string>();
    xml::write_head(*out, head, xml::ns::client.uri());
    *out += *tail;
    return out;
}

/// To the stanza's own sender, which may be any name of the component's.
std::string reply_text(const xml::Element& stanza, const xml::StanzaError& error) {
    return xml::to_string(xml::error_reply(stanza, error), xml::ns::client.uri());
}

/// The text that goes on: of an iq what follows its start tag.
xml::Bytes relayed_text(xml::Element& stanza) {
    if (stanza.name() != "iq") return text_of(stanza);
    auto tail = std::make_shared<std::string>();
    xml::write_tail(*tail, stanza, xml::ns::client.uri());
    return tail;
}

bool has_offer(const xml::Element& stanza) {
    if (xml::is_answer(stanza)) return false;
    if (stanza.name() == "message") return controller::bulk::read_packet(stanza).has_value();
    return stanza.name() == "iq" && stanza.first_child() != nullptr &&
           controller::bulk::read_offer(*stanza.first_child()).has_value();
}

}   // namespace

Routed Router::prepare_for_component(const Session& session, xml::Element stanza, xml::Jid to)
    const {
    stanza.set("from", session.jid.str()).set("to", to.str());
    std::optional<xml::StanzaError> wrong;
    if (stanza.name() == "iq") wrong = xml::malformed_iq(stanza);
    if (!wrong && has_offer(stanza)) wrong = not_for_components();
    if (stanza.name() == "presence" && is_subscription(stanza)) wrong = no_rosters();
    if (wrong && xml::is_answer(stanza)) return std::monostate{};
    if (wrong) return reply_text(stanza, *wrong);
    controller::without_prefix(stanza);
    Inbound inbound;
    inbound.destination = Destination::Other;
    inbound.component = Inbound::Component::Addressee;
    inbound.relayed = relayed_text(stanza);
    inbound.stanza = skeleton(std::move(stanza));
    inbound.to = std::move(to);
    return inbound;
}

/// XEP-0114 §3: `from` is any address of the component, and there is always a `to`.
Routed Router::prepare_from_component(const Session& session, xml::Element stanza) const {
    const std::string& name = stanza.name();
    if (stanza.ns() != xml::ns::client || (name != "iq" && name != "message" && name != "presence"))
        return xml::StreamError{
            "unsupported-stanza-type", "<" + name + "/> is no stanza of a component", {}
        };
    const std::string& domain = session.component;
    const auto from = xml::Jid::parse(stanza.attr_or("from", ""));
    if (!from || from->domain() != domain)
        return xml::StreamError{
            "invalid-from", "each stanza of this stream has a 'from' at " + domain, {}
        };
    const auto* text = stanza.attr("to");
    if (text == nullptr)
        return xml::StreamError{"improper-addressing", "each stanza of a component has a 'to'", {}};
    auto to = xml::Jid::parse(*text, true);
    std::optional<xml::StanzaError> wrong;
    if (!to) {
        wrong = xml::jid_malformed("'to' is no address: " + to.error().message());
        stanza.set("to", addresses_.server().str());   // the error is from an address
    }
    if (!wrong && name == "iq") wrong = xml::malformed_iq(stanza);
    if (!wrong && has_offer(stanza)) wrong = not_for_components();
    if (name == "presence" && is_subscription(stanza)) wrong = no_rosters();
    if (wrong && xml::is_answer(stanza)) return std::monostate{};
    if (wrong) return reply_text(stanza, *wrong);
    stanza.set("from", from->str()).set("to", to->str());
    Inbound inbound;
    inbound.destination = addresses_.classify(*to, *from);
    if (name == "message") {
        inbound.traits = controller::traits_of(stanza);
        controller::strip_forged(stanza, addresses_.server().domain());
    }
    if (name == "iq" && inbound.destination == Destination::Server) return ask_server(stanza, *to);
    controller::without_prefix(stanza);
    inbound.component = Inbound::Component::Sender;
    inbound.relayed = relayed_text(stanza);
    inbound.stanza = skeleton(std::move(stanza));
    inbound.to = std::move(*to);
    return inbound;
}

/// The domain answers a component what it answers everyone, at once.
Routed Router::ask_server(const xml::Element& iq, const xml::Jid& to) const {
    const auto type = *xml::iq_type(iq);
    if (type == xml::IqType::Result || type == xml::IqType::Error) return std::monostate{};
    const pubsub::IqRequest request{type, to, iq.first_child(), {&iq}};
    const auto* service = server_iqs_.find(request);
    if (service == nullptr)
        return reply_text(iq, xml::service_unavailable("nobody here answers components that"));
    auto answer = service->answer(request);
    if (!answer) return reply_text(iq, answer.error());
    return xml::to_string(pubsub::to_iq(iq, std::move(*answer)), xml::ns::client.uri());
}

SessionPtr Router::session_of(const Component& component) const {
    const SessionPtr found =
        sessions_.find(component.account.with_prepared_resource(component.domain.str()));
    const bool is_there =
        found && found->component == component.domain.str() && !found->is_ended && found->is_open();
    return is_there ? found : nullptr;
}

void Router::take_for_component(const SessionPtr& session, const Inbound& inbound) {
    const xml::Element& stanza = inbound.stanza;
    const auto refuse = [&](const xml::StanzaError& error) { reply_error(session, stanza, error); };
    const DeliveryKind kind = delivery_kind(stanza);
    if (kind == DeliveryKind::Answer) return take_answer(session, inbound);
    const Component& component = *addresses_.component(inbound.to);
    if (controller_.is_blocked(session->bare, inbound.to))
        return refuse(controller::requests::blocked());
    const auto verdict = controller_.check_message(session->principal, component.account);
    controller_.record_message(session->principal, inbound.to, verdict);
    if (!verdict.allowed) return refuse(xml::service_unavailable("nobody is there"));
    const SessionPtr target = session_of(component);
    if (!target) return refuse(xml::service_unavailable("the component is not connected"));
    if (kind == DeliveryKind::Request) return relay_query(session, target, session->jid, inbound);
    if (stanza.name() == "presence" && !note_component(*session, inbound))
        return refuse(xml::resource_constraint(
            "a session says to at most " + std::to_string(components_told_max) +
            " components that it is there"
        ));
    if (!relay(target, Outgoing::stanza(inbound.relayed)))
        refuse(xml::resource_constraint("the component does not read: try later"));
}

/// RFC 6121 §4.6: an addressee of directed presence hears its end, too. False: there are too many.
bool Router::note_component(const Session& session, const Inbound& presence) {
    const std::string_view type = presence.stanza.attr_or("type", "");
    auto& told = components_told_[session.id];
    if (type == "unavailable") told.erase(presence.to.str());
    const bool is_full = told.size() >= components_told_max && !told.contains(presence.to.str());
    if (type.empty() && !is_full) told.insert(presence.to.str());
    if (told.empty()) components_told_.erase(session.id);
    return !type.empty() || !is_full;
}

void Router::leave_components(const Session& session) {
    const auto found = components_told_.extract(session.id);
    if (!found) return;
    for (const std::string& text : found.mapped()) {
        const auto* component = addresses_.component(xml::Jid::from_canonical(text));
        const SessionPtr target = component ? session_of(*component) : nullptr;
        if (!target) continue;
        relay(
            target, Outgoing::stanza(text_of(xml::Element(
                        "presence", xml::ns::client,
                        {{"type", "unavailable"}, {"from", session.jid.str()}, {"to", text}}
                    )))
        );
    }
}

void Router::relay_query(
    const SessionPtr& asker,
    const SessionPtr& answerer,
    const xml::Jid& from,
    const Inbound& inbound
) {
    const auto refuse = [&](xml::StanzaError error) { reply_error(asker, inbound.stanza, error); };
    const auto& budget = *answerer->budget;
    const std::size_t used = budget.used() + answerer->pending_bytes;
    if (used != 0 && used + inbound.relayed->size() > budget.fair_bytes_max() / 2)
        return refuse(xml::resource_constraint("the addressee does not read: try later"));
    Queries::Query query;
    query.asker = asker->id;
    query.answerer = answerer->id;
    query.from = from;
    query.to = inbound.to;
    query.id = inbound.stanza.attr_or("id", "");
    query.right = Queries::Query::Right::Message;
    if (answerer->other_member)
        return send_elsewhere(answerer, query, iq_text(inbound.stanza, inbound.relayed), refuse);
    if (const auto error = refuse_pending(std::move(query))) return refuse(*error);
    fanout_.send(answerer, Outgoing::stanza(iq_text(inbound.stanza, inbound.relayed)));
}

void Router::take_from_component(const SessionPtr& session, const Inbound& inbound) {
    const xml::Element& stanza = inbound.stanza;
    const auto refuse = [&](const xml::StanzaError& error) { reply_error(session, stanza, error); };
    const auto from = xml::Jid::from_canonical(std::string(stanza.attr_or("from", "")));
    const DeliveryKind kind = delivery_kind(stanza);
    if (kind == DeliveryKind::Answer) return answer_from_component(session, inbound, from);
    const xml::StanzaError nobody = xml::service_unavailable("nobody is there");
    if (inbound.destination != Destination::Client)
        return refuse(
            inbound.destination == Destination::Other && addresses_.component(inbound.to) == nullptr
                ? not_reached(inbound.to)
                : xml::service_unavailable("a component reaches accounts, and the domain")
        );
    const auto verdict = controller_.check_message(session->principal, inbound.to);
    controller_.record_message(session->principal, inbound.to, verdict);
    const bool is_reachable = verdict.allowed && !controller_.is_blocked(inbound.to, from);
    if (kind == DeliveryKind::Request) {
        const SessionPtr target =
            is_reachable && !inbound.to.is_bare() ? connected(inbound.to) : nullptr;
        if (!target) return refuse(nobody);
        return relay_query(session, target, from, inbound);
    }
    if (stanza.name() == "presence") {
        if (is_reachable) pass_presence(inbound);
        return;
    }
    const Delivery delivery = in_its_turn(
        delivery_of(kind, addressee(inbound.to, is_reachable)), stanza, inbound.traits, inbound.to,
        inbound.relayed->size()
    );
    if (delivery == Delivery::Store)
        return push(
            session, make_waiting_transaction(
                         *this, controller_, {stanza, from, inbound.to, inbound.relayed}
                     )
        );
    const auto meant = receivers(delivery, inbound.to);
    const auto out = Outgoing::relayed(inbound.relayed, now(), meant.size() > 1, ++relayed_);
    bool is_reached = false;
    for (const SessionPtr& target : meant) is_reached = relay(target, out) || is_reached;
    if (is_reached || !is_refusal_told(kind)) return;
    refuse(meant.empty() ? nobody : xml::resource_constraint("the addressee does not read"));
}

void Router::answer_from_component(
    const SessionPtr& session, const Inbound& inbound, const xml::Jid& from
) {
    const std::string id(inbound.stanza.attr_or("id", ""));
    const auto query = queries_.answer(session->id, inbound.to, id);
    // An answer without a question, or in another's name, is dropped.
    const SessionPtr asker =
        query && query->to == from ? sessions_.find(query->asker) : SessionPtr();
    if (!asker) return;
    if (controller_.is_blocked(asker->bare, from))
        return tell_unanswered({*query}, controller::requests::blocked());
    if (const auto refused = refuse_answer(*asker, *query))
        return tell_unanswered({*query}, *refused);
    fanout_.send(asker, Outgoing::stanza(iq_text(inbound.stanza, inbound.relayed)));
}

/// As directed presence of a client: to that resource, or to all that are available.
void Router::pass_presence(const Inbound& inbound) {
    if (!inbound.to.is_bare()) {
        if (const SessionPtr target = connected(inbound.to))
            relay(target, Outgoing::stanza(inbound.relayed));
        return;
    }
    for (const SessionPtr& target : sessions_.of_account(inbound.to.str()))
        if (target->is_present && may_take(*target))
            relay(target, Outgoing::stanza(inbound.relayed));
}

}   // namespace grid::server
