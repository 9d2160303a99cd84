// server/router/router_other_members.cpp: stanzas between sessions on different members of a
// cluster.
#include <algorithm>

#include "controller/gi/provider_bulk.hpp"
#include "server/router/held_messages.hpp"
#include "server/router/message_copy.hpp"
#include "server/router/router.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

xml::Bytes whole_text(xml::Element head, const xml::Bytes& tail, const xml::Jid& to) {
    auto out = std::make_shared<std::string>();
    out->reserve(tail->size() + 256);
    head.set("to", to.str());
    xml::write_head(*out, head, xml::ns::client.uri());
    *out += *tail;
    return out;
}

/// The text was within the bounds of its sender's stream.
std::string stream_offered_in(const std::string& iq) {
    xml::Limits limits;
    limits.stanza_bytes_max = limits.depth_max = limits.attributes_max = limits.declarations_max =
        limits.bindings_max = limits.elements_max = limits.name_bytes_max = iq.size() + 64;
    const auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + iq + "</x>", limits);
    const auto* around = std::get_if<xml::Element>(&parsed);
    const xml::Element* whole = around != nullptr ? around->first_child() : nullptr;
    const xml::Element* answer = whole != nullptr ? whole->first_child() : nullptr;
    return answer != nullptr ? controller::gi::offered_stream(*answer) : std::string();
}

xml::StanzaError not_answered() {
    return {
        "wait", "remote-server-timeout", {}, "the other member of the grid cannot be reached", {}
    };
}

}   // namespace

/// Asked about here are only the asker's own list, and whether it is logged in; and an in-band
/// stream that the answerer has opened, whose table is here.
void Router::ask_elsewhere(
    const SessionPtr& asker, const SessionPtr& answerer, const Inbound& inbound, const Asked& asked
) {
    using Kind = controller::bulk::Offer::Kind;
    const auto refuse = [&](const xml::StanzaError& error) {
        reply_error(asker, inbound.stanza, error);
    };
    const auto& offer = inbound.offer;
    const bool is_counted = offer && (offer->kind == Kind::Data || offer->kind == Kind::Close) &&
                            in_band_->is_open(*asker, *answerer, offer->sid);
    if (is_counted)
        if (const auto error = in_band_->pass(*asker, *answerer, *offer)) return refuse(*error);
    if (!is_counted && offer && offer->kind == Kind::Data)
        in_band_->passes_elsewhere(*asker, offer->counted);
    Queries::Query query;
    query.asker = asker->id;
    query.answerer = answerer->id;
    query.from = asker->jid;
    query.to = asked.to;
    query.id = inbound.stanza.attr_or("id", "");
    query.asked = asked.by;
    if (is_counted && offer->kind == Kind::Close) query.offer = offer;
    using Right = Queries::Query::Right;
    const bool may_be_among =
        !offer && controller_.is_among_clients(asked.to, *inbound.stanza.first_child(), true, true);
    if (asked.to.bare_view() != asker->bare.str())
        note_question(query, inbound, may_be_among ? Right::Elsewhere : Right::Query);
    // The answerer's member has this permit, too, and asks for it.
    if (offer && offer->kind == Kind::Open) permits_->use(*asker, *answerer, offer->sid);
    send_elsewhere(
        answerer, query, whole_text(inbound.stanza, inbound.relayed, asked.to), refuse, is_counted
    );
}

void Router::send_elsewhere(
    const SessionPtr& answerer,
    const Queries::Query& query,
    xml::Bytes iq,
    const Refuse& refuse,
    bool is_counted
) {
    if (auto error = refuse_pending(query)) return refuse(std::move(*error));
    const ForwardedQuery sent{query.asker, answerer->id, query.to,     query.asked,
                              query.id,    is_counted,   std::move(iq)};
    if (!answerer->other_member->ask(sent)) unanswered(sent);
}

/// A message with a packet of a stream that the addressee's member looks after.
void Router::send_packet(
    const SessionPtr& sender, const SessionPtr& receiver, const Inbound& packet
) {
    in_band_->passes_elsewhere(*sender, packet.offer->counted);
    const std::string id(packet.stanza.attr_or("id", ""));
    const ForwardedQuery sent{sender->id, receiver->id, packet.to, {}, id, false, packet.relayed};
    if (!receiver->other_member->ask(sent))
        reply_error(
            sender, packet.stanza,
            xml::resource_constraint("the addressee does not read: try later")
        );
}

void Router::packet_lost(const ForwardedQuery& packet) {
    const SessionPtr sender = sessions_.find(packet.asker);
    if (!sender) return;
    xml::Element message("message", xml::ns::client, {{"to", packet.to.str()}});
    if (!packet.id.empty()) message.set("id", packet.id);
    reply_error(sender, message, not_answered());
}

void Router::unanswered(const ForwardedQuery& query) {
    if (query.is_packet()) return packet_lost(query);
    if (auto waiting = queries_.take_by_asker(query.asker, query.to, query.id))
        tell_unanswered({std::move(*waiting)}, not_answered());
}

/// The asker's rights are asked about here, with the certificate that its member has told.
void Router::take_elsewhere(const SessionPtr& asker, xml::Element iq, const ForwardedQuery& query) {
    // The asker's member may know that a right is gone of which this one has not heard.
    if (const auto refused = guard_ ? guard_(iq) : std::nullopt)
        return refuse_query(asker, std::move(iq), query.asked, *refused);
    if (query.is_packet())
        return take_message(asker, prepare_packet(*asker, std::move(iq), query.to));
    const bool is_for_component = addresses_.component(query.to) != nullptr;
    if (is_for_component || !asker->component.empty()) {
        auto routed = is_for_component ? prepare_for_component(*asker, std::move(iq), query.to)
                                       : prepare_from_component(*asker, std::move(iq));
        if (const auto* inbound = std::get_if<Inbound>(&routed))
            return is_for_component ? take_for_component(asker, *inbound)
                                    : take_from_component(asker, *inbound);
        if (auto* answer = std::get_if<std::string>(&routed))
            fanout_.send(
                asker, Outgoing::stanza(std::make_shared<const std::string>(std::move(*answer)))
            );
        return;
    }
    const Inbound inbound = prepare_relayed_iq(*asker, std::move(iq), query.to);
    ask_here(asker, inbound, {query.to, query.asked, query.is_counted});
}

/// The error in answer to it comes to this member.
void Router::note_copied(const xml::Element& message, const xml::Jid& to) {
    if (const auto from = xml::Jid::parse(message.attr_or("from", "")))
        copied_.note(*from, to, message.attr_or("id", ""));
}

void Router::deliver_here(
    const SessionPtr& target,
    Outgoing stanza,
    const std::optional<xml::Element>& head,
    const Run& run
) {
    const bool is_there = sessions_.find(target->id) == target && target->is_open();
    if (stanza.is_relayed && (!is_there || target->is_ended))
        return hand_on(target, {std::move(stanza)}, run);
    if (!is_there) return;
    if (head && stanza.is_copied) note_copied(*head, target->jid);
    if (head && stanza.kind == StanzaKind::Iq) {
        const auto from = xml::Jid::parse(head->attr_or("from", ""));
        const auto query =
            from ? queries_.take_by_asker(target->id, *from, std::string(head->attr_or("id", "")))
                 : std::nullopt;
        if (!query) return;   // an answer without a question is dropped
        // This member may know that a right is gone of which the answerer's has not heard.
        if (const auto refused = refuse_answer(*target, *query))
            return tell_unanswered({*query}, *refused);
        const bool is_error = head->attr_or("type", "") == "error";
        note_answer(*query, is_error);
        // The provider's member has given the permit for a stream through its proxy; one in band
        // is asked about here.
        if (query->bulk_question && !is_error)
            note_offered_stream(*query, stream_offered_in(*stanza.text));
    }
    if (stanza.kind == StanzaKind::Presence)
        return presence_.deliver(target, std::move(stanza.text));
    presence_.tell_first_of(*stanza.text, *target);
    if (stanza.kind == StanzaKind::Iq) return fanout_.send(target, std::move(stanza));
    // No sender waits for the arrival of a copy.
    if (!relay(target, stanza) && stanza.is_relayed && !is_copy(stanza))
        refuse_where_nobody_has(target, stanza);
}

/// The session does not read. An end of another one leaves the message to no session that did not
/// take it, so that this question is before all others.
void Router::refuse_where_nobody_has(const SessionPtr& target, const Outgoing& message) {
    const auto refuse = [this, target, message] {
        if (const auto undelivered = read_undelivered(*target, message))
            return_message(
                *undelivered, xml::resource_constraint("the addressee does not read: try later")
            );
    };
    const auto held = held_by(sessions_.of_account(target->bare.str()), target->id);
    if (held.contains(SharedMessages::named(message)) || is_had_here(*target, message)) return;
    SessionWatcher* const watcher = sessions_.watcher();
    if (watcher == nullptr || !message.is_shared) return refuse();
    const UnreadShared asked{
        target->bare.str(),
        target->id,
        0,
        {SharedMessages::named(message)},
        {was_for_one(*target, message)}
    };
    watcher->ask_who_has(asked, [this, asked, refuse](const std::vector<bool>& elsewhere) {
        const bool is_had = !elsewhere.empty() && elsewhere.front();
        if (!is_had && !has_in_care(asked).front()) refuse();
    });
}

std::vector<bool> Router::has_in_care(const UnreadShared& asked) const {
    std::vector<bool> found;
    found.reserve(asked.messages.size());
    const auto& sessions = sessions_.of_account(asked.account);
    const auto held = held_by(sessions, asked.session);
    for (std::size_t at = 0; at < asked.messages.size(); ++at) {
        const SharedMessage& message = asked.messages[at];
        const bool was_for_one = at < asked.were_for_one.size() && asked.were_for_one[at];
        const auto has_it = [&](const SessionPtr& one) {
            return one->id != asked.session && (one->takes_copies || !was_for_one) &&
                   has_had(*one, Outgoing::sent_at(message.number));
        };
        found.push_back(
            shared_.takes_care(asked, message) || held.contains(message) ||
            std::ranges::any_of(sessions, has_it)
        );
    }
    return found;
}

std::optional<std::vector<bool>> Router::answer(const UnreadShared& asked) {
    shared_.hear(asked);
    if (shared_.must_wait(asked)) return std::nullopt;
    return has_in_care(asked);
}

void Router::refuse_queries(const SessionPtr& session) {
    tell_unanswered(
        queries_.session_moves(session->id),
        {"wait", "recipient-unavailable", {}, "a client has moved to another member: ask again", {}}
    );
}

std::vector<std::string> Router::components_told(const Session& session) const {
    const auto found = components_told_.find(session.id);
    if (found == components_told_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

void Router::note_components(const Session& session, const std::vector<std::string>& told) {
    if (!told.empty()) components_told_[session.id] = {told.begin(), told.end()};
}

void Router::pass_on(const SessionPtr& target, Outgoing stanza) {
    if (target->is_open()) fanout_.send(target, std::move(stanza));
}

void Router::logged_out_elsewhere(const SessionPtr& session) {
    controller_.session_ended(session->id);
    forget_queries(session);
    const auto& others = sessions_.of_account(session->bare.str());
    const bool is_last = std::ranges::none_of(others, [&](const SessionPtr& other) {
        return other != session && (other->is_active || other->jid == session->jid);
    });
    const auto successor = sessions_.find(session->jid);
    if (!successor || successor == session) broker_.session_ended(session->jid, is_last);
}

}   // namespace grid::server
