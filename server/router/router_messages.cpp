// server/router/router_messages.cpp: messages from one client to another (RFC 6121 §8.5), what
// waits for an account that is away, and copies (XEP-0280).
#include <algorithm>

#include "controller/messages/offline_messages.hpp"
#include "controller/requests/requests.hpp"
#include "server/clock.hpp"
#include "server/router/held_messages.hpp"
#include "server/router/message_copy.hpp"
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

bool is_shared(const Outgoing& message) { return message.is_shared; }

bool wants_copy(const Session& session) { return session.takes_copies && !session.is_ended; }

}   // namespace

void Router::take_relayed(const SessionPtr& session, Inbound inbound) {
    const auto& stanza = inbound.stanza;
    if (stanza.name() != "iq") return take_message(session, std::move(inbound));
    return delivery_kind(stanza) == DeliveryKind::Request ? take_query(session, inbound)
                                                          : take_answer(session, inbound);
}

SessionPtr Router::connected(const xml::Jid& full) const {
    SessionPtr found = sessions_.find(full);
    if (found && (found->is_ended || !found->is_open() || !found->component.empty() ||
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
        if (!may_take(*session)) continue;
        ++found.available;
        if (session->priority >= 0) ++found.willing;
    }
    return found;
}

/// The table's answer changes where earlier messages wait, or this one may not.
Delivery Router::in_its_turn(
    Delivery delivery,
    const xml::Element& message,
    const controller::MessageTraits& traits,
    const xml::Jid& to,
    std::size_t bytes
) const {
    const bool may_wait = traits.may_wait && controller_.settings().offline.messages_max != 0;
    // Earlier messages are still on their way: the order is kept. Where no more may wait, the
    // message goes ahead of them rather than back, if there is another resource to take it: the
    // stamps of those that waited tell the order.
    if (delivery == Delivery::Willing && delivery_kind(message) != DeliveryKind::Headline &&
        may_wait && offline_.is_behind(std::string(to.bare_view())) &&
        (controller_.offline().has_room(to.bare_view(), bytes) || !has_other_receiver(to)))
        return Delivery::Store;
    if (delivery == Delivery::Store && !may_wait)
        return traits.has_content ? Delivery::Refuse : Delivery::Ignore;
    return delivery;
}

/// Beside the resource that gets the messages which waited.
bool Router::has_other_receiver(const xml::Jid& to) const {
    const SessionPtr taker = offline_.taker(std::string(to.bare_view()));
    return std::ranges::any_of(sessions_.of_account(to.bare_view()), [&](const SessionPtr& one) {
        return one != taker && may_take(*one) && one->priority >= 0;
    });
}

Router::Way Router::way_of(const Session& session, const Inbound& message) const {
    if (message.offer) return way_of_packet(session, message);
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
    way.delivery =
        in_its_turn(way.delivery, message.stanza, message.traits, to, message.relayed->size());
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
    if (delivery_kind(inbound.stanza) == DeliveryKind::ErrorMessage && !inbound.to.empty())
        inbound.traits.is_copied =
            copied_.is_answered_by(session->jid, inbound.to, inbound.stanza.attr_or("id", ""));
    if (const SessionPtr receiver = receiver_elsewhere(*session, inbound))
        return send_packet(session, receiver, inbound);
    // Messages of one sender overtake none of its own.
    if (!has_followed(*session)) {
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
    if (used != 0 && used + message.bytes() > budget.fair_bytes_max() / 2) {
        // The others of the account have had that one, it has not.
        if (message.is_shared) target->shares_from = message.sent_at() + 1;
        return false;
    }
    fanout_.send(target, std::move(message));
    return true;
}

std::vector<SessionPtr> Router::receivers(Delivery delivery, const xml::Jid& to) const {
    std::vector<SessionPtr> found;
    if (delivery == Delivery::Resource) {
        if (auto target = connected(to)) found.push_back(std::move(target));
    } else if (delivery == Delivery::Willing) {
        for (const auto& other : sessions_.of_account(to.bare_view()))
            if (may_take(*other) && other->priority >= 0) found.push_back(other);
    }
    return found;
}

bool Router::is_copied_to_others(
    const SessionPtr& sender,
    const Inbound& message,
    const xml::Jid& to,
    const std::vector<SessionPtr>& had
) const {
    if (!message.traits.is_copied) return false;
    return std::ranges::any_of(sessions_.of_account(to.bare_view()), [&](const SessionPtr& other) {
        return wants_copy(*other) && other != sender && !is_among(had, other);
    });
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
    switch (way.delivery) {
        case Delivery::Refuse:
            return refuse(way.refusal.value_or(nobody));
        case Delivery::Resource:
        case Delivery::Willing:
            break;
        case Delivery::Store: {
            offline_.on_stored(std::string(to.bare_view()));
            // A resource that gets it from the store gets no copy of it before.
            const SessionPtr taker = offline_.taker(std::string(to.bare_view()));
            return copy(
                session, message, texts,
                taker ? std::vector{taker} : sessions_.of_account(to.bare_view())
            );
        }
        default:
            return;
    }
    const std::vector<SessionPtr> meant = receivers(way.delivery, to);
    if (meant.empty()) return refuse(nobody);
    if (message.offer)
        if (const auto error = in_band_->pass(*session, *meant.front(), *message.offer))
            return reply_error(session, message.stanza, *error);
    presence_.tell_first(*session, to.bare_view());
    auto out = Outgoing::relayed(
        texts.received, now(), meant.size() > 1 || is_copied_to_others(session, message, to, meant),
        ++relayed_
    );
    out.is_copied =
        message.traits.is_copied && delivery_kind(message.stanza) != DeliveryKind::ErrorMessage;
    bool is_reached = false;
    for (const auto& target : meant) is_reached = relay(target, out) || is_reached;
    if (!is_reached)
        return refuse(xml::resource_constraint("the addressee does not read: try later"));
    if (is_to_itself(*session, to)) return copy(session, message, texts, meant);
    // A received copy is read instead of the message, and handed on as that is.
    const auto& all = sessions_.of_account(to.bare_view());
    const auto is_copied_to = [&](const SessionPtr& other) {
        return message.traits.is_copied && wants_copy(*other) && !is_among(meant, other) &&
               controller_.state(other->principal) == controller::AccountState::Enabled;
    };
    xml::Bytes text;   // made for the first
    for (const SessionPtr& other : all) {
        if (!is_copied_to(other)) continue;
        if (!text)
            text = std::make_shared<const std::string>(controller::carbon(
                "received", to.bare_view(), message.stanza.attr_or("type", ""), *out.text
            ));
        relay(other, copy_of(out, text));
    }
    copy(session, message, texts, all);   // to the sender's
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
    if (delivery_kind(message.stanza) != DeliveryKind::ErrorMessage)
        copied_.note(sender->jid, to, message.stanza.attr_or("id", ""));
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

/// A session here that is not away: a message of that time went there, too. Where a client counts,
/// it is known what it lacks.
bool Router::has_had(const Session& session, storage::Millis sent_at) const {
    const bool is_willing = fanout_.is_logged_in(session) && session.priority >= 0;
    return !session.other_member && !session.is_ended && !session.management &&
           session.shares_from <= sent_at && (is_willing || session.takes_copies);
}

/// A message for one resource that was there went to no other that does not take copies; for one
/// that was not, to all that took messages.
bool Router::was_for_one(const Session& ended, const Outgoing& message) const {
    const auto read = read_undelivered(ended, message);
    return read && !read->to.is_bare() && (is_copy(message) || read->to == ended.jid);
}

/// By a session without stream management.
bool Router::is_had_here(const Session& ended, const Outgoing& message) const {
    if (!message.is_shared) return false;
    std::optional<bool> is_for_one;
    const auto may_have_had = [&](const Session& other) {
        if (other.takes_copies) return true;
        if (!is_for_one) is_for_one = was_for_one(ended, message);
        return !*is_for_one;
    };
    const auto& others = sessions_.of_account(ended.bare.str());
    return std::ranges::any_of(others, [&](const SessionPtr& other) {
        return other->id != ended.id && has_had(*other, message.sent_at()) && may_have_had(*other);
    });
}

std::optional<Router::Undelivered> Router::read_undelivered(
    const Session& ended, const Outgoing& message
) const {
    const xml::Bytes text = original_text(message);
    xml::Limits limits;
    // The text was within the bounds of its sender's stream.
    limits.stanza_bytes_max = limits.depth_max = limits.attributes_max = limits.declarations_max =
        limits.bindings_max = limits.elements_max = limits.name_bytes_max = text->size() + 64;
    auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + *text + "</x>", limits);
    const auto* around = std::get_if<xml::Element>(&parsed);
    const xml::Element* whole = around ? around->first_child() : nullptr;
    if (!whole) return std::nullopt;
    const auto from = xml::Jid::parse(whole->attr_or("from", ""));
    if (!from) return std::nullopt;
    const auto to = xml::Jid::parse(whole->attr_or("to", ended.bare.str()));
    Undelivered found{*whole, *from, to ? *to : ended.bare, text};
    const std::string_view domain = ended.bare.domain();
    if (!controller::is_delayed(*found.text, domain))
        found.text = std::make_shared<const std::string>(
            controller::with_child(*found.text, controller::delay(domain, message.sent_at()))
        );
    return found;
}

/// As if the session had not been there (§8.5). The policy was asked when the message came.
Delivery Router::delivery_of_undelivered(const Session& ended, const Undelivered& undelivered)
    const {
    const bool is_reachable = controller_.state(ended.bare) == controller::AccountState::Enabled &&
                              !controller_.is_blocked(ended.bare, undelivered.from);
    const DeliveryKind kind = delivery_kind(undelivered.message);
    const auto traits = controller::traits_of(undelivered.message);
    auto delivery = delivery_of(kind, addressee(undelivered.to, is_reachable));
    // A resource that is bound again is not available yet, and may break before it counts what it
    // is sent: what may wait, waits for its presence.
    const bool may_wait = (kind == DeliveryKind::Chat || kind == DeliveryKind::Normal) &&
                          traits.may_wait && controller_.settings().offline.messages_max != 0;
    if (may_wait && delivery == Delivery::Resource && !may_take(*connected(undelivered.to)))
        delivery = delivery_of(kind, addressee(undelivered.to.bare(), is_reachable));
    return in_its_turn(
        delivery, undelivered.message, traits, undelivered.to, undelivered.text->size()
    );
}

void Router::hand_on(const SessionPtr& ended, std::vector<Outgoing> messages, const Run& run) {
    const auto held = held_by(sessions_.of_account(ended->bare.str()), ended->id);
    std::erase_if(messages, [&](const Outgoing& one) {
        return one.is_shared &&
               (held.contains(SharedMessages::named(one)) || is_had_here(*ended, one));
    });
    if (std::ranges::none_of(messages, is_shared)) return hand_on_now(*ended, messages, run);
    auto unread = shared_.begin(ended->bare.str(), ended->id, messages);
    for (const Outgoing& one : messages)
        if (one.is_shared && unread.were_for_one.size() < unread.messages.size())
            unread.were_for_one.push_back(was_for_one(*ended, one));
    SessionWatcher* const watcher = sessions_.watcher();
    if (watcher == nullptr) {
        shared_.end(unread.turn);
        return hand_on_now(*ended, in_no_care(messages, unread, {}), run);
    }
    watcher->ask_who_has(unread, [this, ended, messages, unread, run](const auto& elsewhere) {
        shared_.end(unread.turn);
        hand_on_now(*ended, in_no_care(messages, unread, elsewhere), run);
    });
}

/// The session may be gone before another one's end is asked about.
void Router::note_read(std::span<const Outgoing> messages) {
    for (const Outgoing& one : messages)
        if (one.is_shared) shared_.finish(SharedMessages::named(one));
}

/// The others have answered: `elsewhere`. A session may have moved here meanwhile.
std::vector<Outgoing> Router::in_no_care(
    const std::vector<Outgoing>& messages,
    const UnreadShared& unread,
    const std::vector<bool>& elsewhere
) {
    const auto held = held_by(sessions_.of_account(unread.account), unread.session);
    std::vector<bool> here;
    for (const SharedMessage& name : unread.messages)
        here.push_back(shared_.takes_care(unread, name) || held.contains(name));
    std::vector<Outgoing> left;
    std::size_t number = 0;   // of those that are shared
    for (const Outgoing& one : messages) {
        const std::size_t at = one.is_shared ? number++ : here.size();
        const bool is_asked = at < here.size();
        if (is_asked && (here[at] || (at < elsewhere.size() && elsewhere[at]))) continue;
        if (is_asked) shared_.finish(unread.messages[at]);
        left.push_back(one);
    }
    return left;
}

void Router::hand_on_now(
    const Session& ended, const std::vector<Outgoing>& messages, const Run& run
) {
    std::shared_ptr<SenderQueue> queue;
    for (const Outgoing& one : messages) {
        auto undelivered = read_undelivered(ended, one);
        if (!undelivered) continue;
        const Delivery delivery = delivery_of_undelivered(ended, *undelivered);
        if (delivery == Delivery::Store) {
            if (!queue) queue = std::make_shared<SenderQueue>(senders_.next(), ended.bare.str());
            queue->push(make_waiting_transaction(*this, controller_, std::move(*undelivered)));
            continue;
        }
        const auto meant = receivers(delivery, undelivered->to);
        // These have it from now on; the text says when it was sent.
        const auto out = Outgoing::relayed(undelivered->text, now(), meant.size() > 1, ++relayed_);
        bool is_reached = false;
        for (const auto& target : meant) is_reached = relay(target, out) || is_reached;
        if (!is_reached)
            return_message(*undelivered, xml::service_unavailable("it was not delivered in time"));
    }
    if (queue) run(queue);
}

Result<storage::Batch, xml::StanzaError> Router::keep(const Undelivered& undelivered) const {
    if (controller_.state(undelivered.to.bare()) != controller::AccountState::Enabled)
        return xml::service_unavailable("nobody is there");
    auto actor = pubsub::Principal::system();
    actor.jid = undelivered.from;
    controller::Controller::Kept kept;
    kept.to = undelivered.to;
    kept.waits = true;
    kept.received = *undelivered.text;
    return controller_.keep_message(actor, kept);
}

void Router::kept(const Undelivered& undelivered, const std::optional<xml::StanzaError>& error) {
    if (error) return return_message(undelivered, *error);
    offline_.on_stored(std::string(undelivered.to.bare_view()));
}

void Router::return_message(const Undelivered& undelivered, const xml::StanzaError& error) {
    if (!is_refusal_told(delivery_kind(undelivered.message))) return;
    const Component* component = addresses_.component(undelivered.from);
    const SessionPtr sender = component ? session_of(*component) : sessions_.find(undelivered.from);
    if (sender) reply_error(sender, undelivered.message, error);
}

}   // namespace grid::server
