// server/router/router_messages.cpp: messages from one client to another (RFC 6121 §8.5), what
// waits for an account that is away, and copies (XEP-0280).
#include <algorithm>

#include "controller/messages/offline_messages.hpp"
#include "controller/requests/requests.hpp"
#include "server/router/router.hpp"
#include "xml/parser.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server {

namespace {

const xml::Jid& to_of(const Session& session, const Inbound& message) {
    return message.to.empty() ? session.bare : message.to;
}

bool is_to_itself(const Session& session, const xml::Jid& to) {
    return to.bare_view() == session.bare.str();
}

bool is_among(const std::vector<SessionPtr>& sessions, const SessionPtr& session) {
    return std::ranges::find(sessions, session) != sessions.end();
}

/// How a message enters a session's queue: the one place.
Outgoing to_outgoing(xml::Bytes whole) {
    auto message = Outgoing::stanza(std::move(whole));
    message.is_relayed = true;
    return message;
}

}   // namespace

void Router::take_relayed(const SessionPtr& session, Inbound inbound) {
    const auto& stanza = inbound.stanza;
    if (stanza.name() != "iq") return take_message(session, std::move(inbound));
    return delivery_kind(stanza) == DeliveryKind::Request ? take_query(session, inbound)
                                                          : take_answer(session, inbound);
}

SessionPtr Router::connected(const xml::Jid& full) const {
    SessionPtr found = sessions_.find(full);
    if (found && (found->is_ended ||
                  controller_.state(found->principal) != controller::AccountState::Enabled))
        return nullptr;
    return found;
}

Addressee Router::addressee(const xml::Jid& to, bool is_reachable) const {
    Addressee found;
    found.is_reachable = is_reachable;
    found.is_bare = to.is_bare();
    if (!is_reachable) return found;
    found.matches = !to.is_bare() && connected(to) != nullptr;
    if (found.matches) return found;   // the others do not matter
    for (const auto& session : sessions_.of_account(to.bare_view())) {
        if (!fanout_.may_receive(*session)) continue;
        ++found.available;
        if (session->priority >= 0) ++found.willing;
    }
    return found;
}

Router::Way Router::way_of(const Session& session, const Inbound& message) const {
    const xml::Jid& to = to_of(session, message);
    const DeliveryKind kind = delivery_kind(message.stanza);
    Way way;
    bool is_reachable = true;
    // One's own resources are no other client.
    if (!is_to_itself(session, to)) {
        if (controller_.is_blocked(session.bare, to)) {
            way.delivery = Delivery::Refuse;
            way.refusal = controller::requests::blocked();
            return way;
        }
        way.verdict = controller_.check_message(session.principal, to);
        // A missing account, and one that the policy or a block list keeps this client from, look
        // alike, so that accounts cannot be probed.
        is_reachable = way.verdict->allowed && !controller_.is_blocked(to, session.jid);
    }
    way.delivery = delivery_of(kind, addressee(to, is_reachable));
    const bool may_wait =
        message.traits.may_wait && controller_.settings().offline.messages_max != 0;
    // Earlier messages are still on their way: the order is kept.
    if (way.delivery == Delivery::Willing && kind != DeliveryKind::Headline && may_wait &&
        offline_.is_behind(std::string(to.bare_view())))
        way.delivery = Delivery::Store;
    if (way.delivery == Delivery::Store && !may_wait)
        way.delivery = message.traits.has_content ? Delivery::Refuse : Delivery::Ignore;
    const bool is_delivered = way.delivery == Delivery::Resource ||
                              way.delivery == Delivery::Willing || way.delivery == Delivery::Store;
    if (!is_delivered || !message.traits.is_archived) return way;
    way.is_archived_there = controller_.is_archived(to, session.jid);
    way.is_archived_here = !is_to_itself(session, to) && controller_.is_archived(session.bare, to);
    return way;
}

Router::Texts Router::texts_of(const Session& session, const Inbound& message, const Way& way) {
    const auto with_id = [&](bool is_archived, std::string_view account) {
        if (!is_archived) return message.relayed;
        return std::make_shared<const std::string>(
            controller::with_child(*message.relayed, controller::stanza_id(account, way.id))
        );
    };
    return {
        with_id(way.is_archived_here, session.bare.str()),
        with_id(way.is_archived_there, to_of(session, message).bare_view())
    };
}

Result<storage::Batch, xml::StanzaError> Router::keep(
    const Session& session, const Inbound& message, const Way& way
) const {
    const Texts texts = texts_of(session, message, way);
    controller::Controller::Kept kept;
    kept.to = to_of(session, message);
    kept.waits = way.delivery == Delivery::Store;
    kept.is_archived_here = way.is_archived_here;
    kept.is_archived_there = way.is_archived_there;
    kept.id = way.id;
    kept.sent = *texts.sent;
    kept.received = *texts.received;
    return controller_.keep_message(session.principal, kept);
}

void Router::take_message(const SessionPtr& session, Inbound inbound) {
    // Messages of one sender overtake none of its own.
    if (session->messages_queued == 0) {
        const Way way = way_of(*session, inbound);
        if (!way.is_kept()) return go(session, inbound, way);
    }
    push(session, make_message_transaction(*this, controller_, session, std::move(inbound)));
}

/// A sender cannot fill another session's outbox, so that its stream would be closed: half of it is
/// kept for events.
bool Router::relay(const SessionPtr& target, Outgoing message) {
    const auto& budget = *target->budget;
    const std::size_t used = budget.used() + target->pending_bytes;
    if (used != 0 && used + message.bytes() > budget.fair_bytes_max() / 2) return false;
    fanout_.send(target, std::move(message));
    return true;
}

void Router::go(const SessionPtr& session, const Inbound& message, const Way& way) {
    const xml::Jid& to = to_of(*session, message);
    if (way.verdict) controller_.record_message(session->principal, to, *way.verdict);
    const auto refuse = [&](const xml::StanzaError& error) {
        if (is_refusal_told(delivery_kind(message.stanza)) || way.refusal)
            reply_error(session, message.stanza, error);
    };
    const xml::StanzaError nobody = xml::service_unavailable("nobody is there");
    const Texts texts = texts_of(*session, message, way);
    std::vector<SessionPtr> meant;
    switch (way.delivery) {
        case Delivery::Refuse:
            return refuse(way.refusal.value_or(nobody));
        case Delivery::Resource:
            if (auto target = connected(to)) meant.push_back(std::move(target));
            break;
        case Delivery::Willing:
            for (const auto& other : sessions_.of_account(to.bare_view()))
                if (fanout_.may_receive(*other) && other->priority >= 0) meant.push_back(other);
            break;
        case Delivery::Store:
            offline_.on_stored(std::string(to.bare_view()));
            return copy(session, message, texts, meant);
        default:
            return;
    }
    if (meant.empty()) return refuse(nobody);
    bool is_reached = false;
    for (const auto& target : meant)
        is_reached = relay(target, to_outgoing(texts.received)) || is_reached;
    if (!is_reached)
        return refuse(xml::resource_constraint("the addressee does not read: try later"));
    copy(session, message, texts, meant);
}

/// To the other sessions of both accounts that want copies: those that did not get the message.
void Router::copy(
    const SessionPtr& sender,
    const Inbound& message,
    const Texts& texts,
    const std::vector<SessionPtr>& had
) {
    if (!message.traits.is_copied) return;
    const xml::Jid& to = to_of(*sender, message);
    const std::string_view type = message.stanza.attr_or("type", "");
    if (!is_to_itself(*sender, to)) send_copies(to.bare(), "received", type, *texts.received, had);
    auto others = had;
    others.push_back(sender);
    send_copies(sender->bare, "sent", type, *texts.sent, others);
}

void Router::send_copies(
    const xml::Jid& account,
    const char* way,
    std::string_view type,
    const std::string& text,
    const std::vector<SessionPtr>& had
) {
    xml::Bytes copy;   // made for the first
    for (const auto& session : sessions_.of_account(account.str())) {
        if (!session->takes_copies || session->is_ended || is_among(had, session)) continue;
        if (controller_.state(session->principal) != controller::AccountState::Enabled) continue;
        if (!copy)
            copy = std::make_shared<const std::string>(
                controller::carbon(way, account.str(), type, text)
            );
        relay(session, Outgoing::message(Address::Full, copy));
    }
}

/// As for a resource that is not there (§8.5.3.2).
void Router::return_messages(const std::vector<Outgoing>& messages) {
    for (const Outgoing& one : messages) {
        auto parsed =
            xml::parse_document("<x xmlns='jabber:client'>" + *one.text + "</x>", xml::Limits{});
        const auto* around = std::get_if<xml::Element>(&parsed);
        const xml::Element* message = around ? around->first_child() : nullptr;
        if (!message) continue;
        if (!is_refusal_told(delivery_kind(*message))) continue;
        const auto from = xml::Jid::parse(message->attr_or("from", ""));
        const SessionPtr sender = from ? sessions_.find(*from) : nullptr;
        if (sender)
            reply_error(sender, *message, xml::service_unavailable("it was not delivered in time"));
    }
}

}   // namespace grid::server
