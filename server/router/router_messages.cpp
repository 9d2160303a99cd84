// server/router/router_messages.cpp: messages from one client to another (RFC 6121 §8.5).
#include "server/router/router.hpp"
#include "xml/parser.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server {

namespace {

enum class Kind { Normal, Chat, Headline, Groupchat, Error };

/// RFC 6121 §5.2.2: an unknown type is `normal`.
Kind kind_of(const xml::Element& message) {
    const std::string_view type = message.attr_or("type", "normal");
    if (type == "chat") return Kind::Chat;
    if (type == "headline") return Kind::Headline;
    if (type == "groupchat") return Kind::Groupchat;
    return type == "error" ? Kind::Error : Kind::Normal;
}

}   // namespace

void Router::take_relayed(const SessionPtr& session, const Inbound& inbound) {
    const auto& stanza = inbound.stanza;
    if (stanza.name() != "iq") return take_message(session, inbound);
    const auto type = stanza.attr_or("type", "");
    return type == "get" || type == "set" ? take_query(session, inbound)
                                          : take_answer(session, inbound);
}

SessionPtr Router::connected(const xml::Jid& full) const {
    SessionPtr found = sessions_.find(full);
    if (found && (found->is_ended ||
                  controller_.state(found->principal) != controller::AccountState::Enabled))
        return nullptr;
    return found;
}

void Router::take_message(const SessionPtr& session, const Inbound& inbound) {
    const Kind kind = kind_of(inbound.stanza);
    // Headlines and errors are for sessions that are online, and get no answer.
    const bool is_answered = kind != Kind::Headline && kind != Kind::Error;
    const auto refuse = [&] {
        if (is_answered)
            reply_error(session, inbound.stanza, xml::service_unavailable("nobody is there"));
    };
    const xml::Jid& to = inbound.to.empty() ? session->bare : inbound.to;
    // A missing account, one that the policy keeps this client from, and one that is away look
    // alike, so that accounts cannot be probed. One's own resources are no other client.
    if (to.bare_view() != session->bare.str() && !controller_.may_message(session->principal, to))
        return refuse();
    // A sender cannot fill another session's outbox, so that its stream would be closed: half of it
    // is kept for events.
    bool is_full = false;
    const auto relay = [&](const SessionPtr& target) {
        const auto& budget = *target->budget;
        const std::size_t used = budget.used() + target->pending_bytes;
        if (used != 0 && used + inbound.relayed->size() > budget.fair_bytes_max() / 2) {
            is_full = true;
            return false;
        }
        auto message = Outgoing::stanza(inbound.relayed);
        message.is_relayed = true;
        fanout_.send(target, std::move(message));
        return true;
    };
    bool reached = false;
    const SessionPtr target = to.is_bare() ? nullptr : connected(to);
    if (target) {
        reached = relay(target);
    } else if (kind == Kind::Groupchat || kind == Kind::Error ||
               (!to.is_bare() && kind != Kind::Chat)) {
        // §8.5.2.1.1, §8.5.3.2.1: meant for that resource, or for a room, and for no other session.
        return refuse();
    } else {
        for (const auto& other : sessions_.of_account(to.bare_view()))
            if (fanout_.may_receive(*other) && other->priority >= 0)
                reached = relay(other) || reached;
    }
    if (reached) return;
    if (!is_full) return refuse();
    if (is_answered)
        reply_error(
            session, inbound.stanza,
            xml::resource_constraint("the addressee does not read: try later")
        );
}

/// As for a resource that is not there (§8.5.3.2).
void Router::return_messages(const std::vector<Outgoing>& messages) {
    for (const Outgoing& one : messages) {
        auto parsed =
            xml::parse_document("<x xmlns='jabber:client'>" + *one.text + "</x>", xml::Limits{});
        const auto* around = std::get_if<xml::Element>(&parsed);
        const xml::Element* message = around ? around->first_child() : nullptr;
        if (!message) continue;
        const Kind kind = kind_of(*message);
        if (kind == Kind::Headline || kind == Kind::Error) continue;
        const auto from = xml::Jid::parse(message->attr_or("from", ""));
        const SessionPtr sender = from ? sessions_.find(*from) : nullptr;
        if (sender)
            reply_error(sender, *message, xml::service_unavailable("it was not delivered in time"));
    }
}

}   // namespace grid::server
