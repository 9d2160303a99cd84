// server/router/router_presence.cpp: a session says that it is there, how, and that it is no more.
#include <algorithm>

#include "controller/requests/requests.hpp"
#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/router/router.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/stanza_error.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

using controller::Destination;
using Type = presence::Stanza::Type;

std::string error_text(const Session& session, xml::Element stanza, const xml::StanzaError& error) {
    stanza.set("from", session.jid.str());
    return xml::to_string(xml::error_reply(stanza, error), xml::ns::client.uri());
}

}   // namespace

Routed Router::prepare_presence(const Session& session, xml::Element stanza, Inbound inbound)
    const {
    const bool is_error = stanza.attr_or("type", "") == "error";
    auto head = skeleton(stanza);
    auto read = presence::read_stanza(std::move(stanza), session.jid, presence_bytes_max_);
    if (!read && is_error) return std::monostate{};   // RFC 6120 §8.3.1: never answered
    if (!read) return error_text(session, std::move(head), read.error());
    inbound.presence = std::move(*read);
    inbound.stanza = std::move(head);
    return inbound;
}

/// RFC 6121 §2.3.3: only an account itself may know its roster, whether another one exists or not.
Routed Router::prepare_roster(const Session& session, xml::Element iq, Inbound inbound) const {
    const auto type = iq.attr_or("type", "") == "get" ? xml::IqType::Get : xml::IqType::Set;
    if (inbound.destination != Destination::OwnAccount)
        return error_text(
            session, std::move(iq), xml::forbidden("a roster is its own account's alone")
        );
    auto request = controller::contacts::parse_roster(type, *iq.first_child());
    if (request)
        inbound.roster = std::move(*request);
    else
        inbound.prepared = refuse_in_turn(request.error());
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

void Router::take_presence(const SessionPtr& session, Inbound inbound) {
    presence::Stanza& stanza = *inbound.presence;
    if (inbound.to.empty()) {
        if (stanza.type == Type::Available || stanza.type == Type::Unavailable)
            take_broadcast(session, std::move(stanza));
        return;
    }
    if (inbound.destination == Destination::Other)
        return reply_error(session, inbound.stanza, not_reached(inbound.to));
    if (inbound.destination != Destination::Client &&
        inbound.destination != Destination::OwnAccount)
        return;   // services of the grid have no presence
    take_directed(session, inbound);
}

/// Also of presence that says available, to which the others of the server answer nothing.
void Router::refuse_presence(
    const SessionPtr& session, const Inbound& inbound, const xml::StanzaError& error
) {
    fanout_.send(
        session, Outgoing::stanza(std::make_shared<const std::string>(
                     error_text(*session, inbound.stanza, error)
                 ))
    );
}

void Router::take_directed(const SessionPtr& session, const Inbound& inbound) {
    const presence::Stanza& stanza = *inbound.presence;
    presence_.tell_first(*session, inbound.to.bare_view());
    switch (stanza.type) {
        case Type::Available:
        case Type::Unavailable:
            if (controller_.is_blocked(session->bare, inbound.to))   // XEP-0191 §3.3
                return refuse_presence(session, inbound, controller::requests::blocked());
            if (auto error = presence_.direct(session, inbound.to, stanza))
                refuse_presence(session, inbound, *error);
            return;
        case Type::Probe:
            return presence_.probe(session, inbound.to, stanza);
        case Type::Error:
            return presence_.relay_error(session, inbound.to, stanza);
        case Type::Subscription:
            // An account is subscribed to its own presence, always.
            if (inbound.to.bare_view() == session->bare.str()) return;
            push(session, presence_.make_transaction(session, inbound.to.bare(), stanza));
            return;
    }
}

void Router::take_broadcast(const SessionPtr& session, presence::Stanza stanza) {
    if (stanza.type == Type::Unavailable) {
        session->is_present = false;
        session->show = pubsub::Show::Unannounced;
        presence_.withdraw(session, std::move(stanza.rest));
        set_active(session, false);
        return sessions_.changed(*session);
    }
    const bool moved = stanza.priority != session->priority || stanza.show != session->show;
    const bool is_back = session->priority < 0 && stanza.priority >= 0;
    if (session->is_active && session->priority >= 0 && stanza.priority < 0)
        catch_up_.stepped_back(session);
    session->priority = stanza.priority;
    session->note_sharing(now());
    session->show = stanza.show;
    if (session->is_active && moved) fanout_.presence_changed(session->bare);
    if (session->is_active && is_back) {
        catch_up_.stepped_forth(session);
        offline_.on_available(session);
    }
    // Initial presence logs in, which only an enabled account may.
    if (controller_.state(session->principal) != controller::AccountState::Enabled) return;
    session->is_present = true;
    set_active(session, true);
    sessions_.changed(*session);
    presence_.announce(session, std::move(stanza.rest), stanza.caps);
}

void Router::set_active(const SessionPtr& session, bool active) {
    if (session->is_active == active) return;
    // The position is stored while the session still counts as a recipient.
    if (!active) catch_up_.paused(session);
    session->is_active = active;
    session->note_sharing(now());
    controller_.record_session(
        *session->identity, active ? "login" : "logout", session->principal.address, ""
    );
    fanout_.presence_changed(session->bare);
    if (active) {
        catch_up_.on_available(session);
        offline_.on_available(session);
        broker_.logged_in(session->jid, fanout_);
        controller_.logged_in(session->jid, now(), fanout_);
    } else {
        end_presence(session);
    }
    sessions_.changed(*session);
}

void Router::end_presence(const SessionPtr& session) {
    session->is_present = false;
    session->show = pubsub::Show::Unannounced;
    presence_.withdraw(session);
    leave_components(*session);
    controller_.session_ended(session->id);
    forget_queries(session);
    auto end = [this, session] {
        const auto& others = sessions_.of_account(session->bare.str());
        const auto is_there = [&](const SessionPtr& other) {
            return other != session && (other->is_active || other->jid == session->jid);
        };
        const bool is_last = std::ranges::none_of(others, is_there);
        if (session->is_active) return;   // the session logged in again meanwhile
        const auto successor = sessions_.find(session->jid);
        if (!successor || successor == session) broker_.session_ended(session->jid, is_last);
    };
    if (!session->queue || session->queue->empty()) return end();
    // A subscription that is being committed is temporary, too.
    session->queue->push(std::make_unique<CallbackTransaction<pubsub::Reply, xml::StanzaError>>(
        [](const pubsub::Context&) { return pubsub::Decision(pubsub::Reply{}); }, to_stanza_error,
        [end](const auto&) { end(); }
    ));
}

}   // namespace grid::server
