// server/router/router.cpp: from a stanza to the one who answers it.
#include "server/router/router.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "controller/incident.hpp"
#include "controller/profiles/vcard.hpp"
#include "controller/requests/requests.hpp"
#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/session/client_state.hpp"
#include "xml/iq_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::server {

using controller::Destination;

Router::Router(
    const Addresses& addresses,
    const IqTable& server_iqs,
    const IqTable& account_iqs,
    pubsub::Broker& broker,
    controller::Controller& controller,
    SessionRegistry& sessions,
    Fanout& fanout,
    CatchUp& catch_up,
    OfflineDelivery& offline,
    Presence& presence,
    SenderIds& senders,
    bool implicit_login,
    Queries::Bounds queries
)
    : addresses_(addresses),
      server_iqs_(server_iqs),
      account_iqs_(account_iqs),
      broker_(broker),
      controller_(controller),
      sessions_(sessions),
      fanout_(fanout),
      catch_up_(catch_up),
      offline_(offline),
      presence_(presence),
      senders_(senders),
      implicit_login_(implicit_login),
      presence_bytes_max_(controller.settings().contacts.presence_bytes_max),
      queries_(queries) {}

namespace {

std::string error_bytes(
    const Session& session, xml::Element& stanza, const xml::StanzaError& error
) {
    stanza.set("from", session.jid.str());
    return xml::to_string(xml::error_reply(stanza, error), xml::ns::client.uri());
}

/// Leaves the first child of the first child, and so on.
void cut_down(xml::Element& element, int depth) {
    auto& nodes = element.mutable_nodes();
    const auto first = std::ranges::find(nodes, false, &xml::Element::is_text);
    if (depth == 0 || first == nodes.end()) return nodes.clear();
    if (first != nodes.begin()) std::swap(*first, nodes.front());
    nodes.erase(nodes.begin() + 1, nodes.end());
    cut_down(nodes.front(), depth - 1);
}

/// XEP-0268: inquiries and requests to the grid go to a provider of the topic.
bool is_routed_incident(Destination destination, xml::IqType type, const xml::Element& payload) {
    return (destination == Destination::Server || destination == Destination::Controller) &&
           type == xml::IqType::Get && payload.ns() == controller::incident_ns &&
           (payload.name() == "inquiry" || payload.name() == "request");
}

/// Answered in its place among the others.
pubsub::PreparedRequest reply_with(pubsub::Reply reply) {
    pubsub::PreparedRequest prepared;
    prepared.order = pubsub::Order::Pipelined;
    prepared.decide = [reply = std::move(reply)](const pubsub::Context&) {
        return pubsub::Decision(reply);
    };
    return prepared;
}

/// Administration is at the domain, too (XEP-0133 §3).
bool is_command(Destination destination, const xml::Element& stanza) {
    const xml::Element* payload = stanza.first_child();
    return destination == Destination::Server && payload != nullptr &&
           controller::is_about_commands(*payload);
}

/// Kept by the server for the account (XEP-0054 §3).
bool is_vcard_of_account(Destination destination, const xml::Jid& to, const xml::Element& payload) {
    return controller::is_vcard(payload) && (destination == Destination::OwnAccount ||
                                             (destination == Destination::Client && to.is_bare()));
}

xml::Element empty_items(const xml::Element& asked) {
    xml::Element query("query", xml::ns::disco_items);
    if (const auto* node = asked.attr("node")) query.set("node", *node);
    return query;
}

/// `to_iq` of a reply without a payload, as bytes.
std::string bare_result(const Session& session, const xml::Element& iq) {
    std::string bytes = "<iq type='result'";
    xml::append_attr(bytes, "id", *iq.attr("id"));
    if (const auto* to = iq.attr("to")) xml::append_attr(bytes, "from", *to);
    xml::append_attr(bytes, "to", session.jid.str());
    return bytes += "/>";
}

/// Not behind the requests before it: the answer goes out with this read.
std::string answer_at_once(const Session& session, xml::Element iq, IqAnswer answer) {
    // A ping's, of which there are many, needs no element.
    if (answer && !answer->payload && !answer->error) return bare_result(session, iq);
    iq.set("from", session.jid.str());
    const auto reply =
        answer ? pubsub::to_iq(iq, std::move(*answer)) : xml::error_reply(iq, answer.error());
    return xml::to_string(reply, xml::ns::client.uri());
}

void prepare_relayed_message(const Session& session, xml::Element& message, Inbound& inbound) {
    inbound.traits = controller::traits_of(message);
    if (message.attr_or("type", "") != "error")
        inbound.offer = controller::bulk::read_packet(message);
    // A packet does not wait for anybody, and belongs to two clients alone.
    if (inbound.offer) inbound.traits = {.has_content = true};
    controller::strip_forged(message, session.bare.domain());
    controller::without_prefix(message).set("from", session.jid.str());
    inbound.relayed =
        std::make_shared<const std::string>(xml::to_string(message, xml::ns::client.uri()));
    if (inbound.offer)
        inbound.offer->counted =
            controller::bulk::counted_bytes(*inbound.offer, inbound.relayed->size());
}

/// With stream management the client may have read what is in the budget: it acknowledges behind
/// the requests that it has sent, so that these must go on.
bool has_room_for_answers(const Session& session) {
    if (!session.transport) return true;
    const std::size_t held =
        session.management ? session.transport->unsent_bytes() : session.budget->used();
    return held + session.pending_bytes < session.budget->bytes_max() / 2;
}

bool is_for_others(const Inbound& inbound) {
    const bool is_own_stream = inbound.activation || inbound.own_stream;
    return inbound.component == Inbound::Component::Addressee || inbound.presence ||
           (inbound.relayed && !is_own_stream);
}

bool is_block_list_change(const xml::Element& stanza) {
    const xml::Element* payload = stanza.first_child();
    return payload != nullptr && payload->ns() == controller::requests::blocking_ns &&
           stanza.attr_or("type", "") == "set";
}

/// Clients answer the domain's question to the domain, or to no address at all.
bool is_for_server(const Addresses& addresses, const Session& session, const xml::Jid& to) {
    const Destination destination = addresses.classify(to, session.bare);
    return destination == Destination::Server || destination == Destination::OwnAccount;
}

Routed take_capabilities(xml::Element iq) {
    Inbound inbound;
    inbound.capabilities = presence::read_answer(iq);
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

/// At a domain of its own, below the grid's.
bool is_own_service(Destination destination) {
    return destination == Destination::Broker || destination == Destination::Controller ||
           destination == Destination::Proxy || destination == Destination::Bulk;
}

/// An address that is none of the grid's services and accounts.
xml::StanzaError nobody_at(const Addresses& addresses, const xml::Jid& to) {
    const auto domain = xml::Jid::from_canonical(std::string(to.domain()));
    if (!is_own_service(addresses.classify(domain, {}))) return not_reached(to);
    return xml::item_not_found("a service has one address: " + domain.str());
}

/// Addresses at which a BulkQuery is answered.
bool has_own_streams(Destination destination) {
    return destination == Destination::Bulk || destination == Destination::Controller;
}

Routed take_stream_answer(xml::Element iq) {
    Inbound inbound;
    auto& answer = inbound.own_stream.emplace();
    answer.id = iq.attr_or("id", "");
    if (xml::iq_type(iq) == xml::IqType::Error) {
        answer.condition = "undefined-condition";
        if (const xml::Element* error = iq.child_any_ns("error"))
            for (const xml::Element* child : error->children())
                if (child->ns() == xml::ns::stanza_errors && child->name() != "text")
                    answer.condition = child->name();
    }
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

Routed prepare_word(const xml::Element& element) {
    auto word = sm::read(element);
    if (auto* error = std::get_if<xml::StreamError>(&word)) return std::move(*error);
    Inbound inbound;
    inbound.word = std::get<sm::Word>(std::move(word));
    return inbound;
}

}   // namespace

xml::StanzaError not_reached(const xml::Jid& to) {
    return {
        "cancel",
        "remote-server-not-found",
        {},
        "this grid does not reach " + std::string(to.domain()),
        {}
    };
}

pubsub::PreparedRequest refuse_in_turn(xml::StanzaError error) {
    pubsub::PreparedRequest prepared;
    prepared.order = pubsub::Order::Pipelined;   // answered in its place among the others
    prepared.decide = [error = std::move(error)](const pubsub::Context&) {
        return pubsub::Decision(error);
    };
    return prepared;
}

xml::Element skeleton(xml::Element stanza) {
    cut_down(stanza, 3);
    return stanza;
}

Routed Router::prepare(const Session& session, xml::Element stanza) const {
    if (!session.component.empty()) return prepare_from_component(session, std::move(stanza));
    if (is_client_state(stanza)) {
        Inbound inbound;
        inbound.stanza = std::move(stanza);
        return inbound;
    }
    const auto& name = stanza.name();
    if (stanza.ns() == sm::ns) return prepare_word(stanza);
    if (stanza.ns() != xml::ns::client || (name != "iq" && name != "message" && name != "presence"))
        return xml::StreamError{
            "unsupported-stanza-type", "<" + name + "/> is no stanza of jabber:client", {}
        };
    // RFC 6120 §8.1.2.1: a client may say who it is, but not who it is not.
    if (const auto* from = stanza.attr("from")) {
        auto jid = xml::Jid::parse(*from);
        if (!jid || (*jid != session.jid && *jid != session.bare))
            return xml::StreamError{
                "invalid-from", "'from' is not the address of this stream: " + session.jid.str(), {}
            };
    }
    xml::Jid to;
    const auto* text = stanza.attr("to");
    if (const xml::Jid* service = text ? addresses_.find(*text) : nullptr) {
        to = *service;
    } else if (text) {
        auto jid = xml::Jid::parse(*text, true);
        if (!jid) {
            if (xml::is_answer(stanza)) return std::monostate{};
            stanza.remove_attr("to");
            return error_bytes(
                session, stanza, xml::jid_malformed("'to' is no address: " + jid.error().message())
            );
        }
        to = *jid;
    }
    if (!to.empty() && addresses_.component(to) != nullptr)
        return prepare_for_component(session, std::move(stanza), std::move(to));
    if (name == "iq") return prepare_iq(session, std::move(stanza), std::move(to));

    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    inbound.to = std::move(to);
    if (name == "message") {
        // An account answers for its own nodes (XEP-0060 §8.6), too.
        const bool is_own = inbound.destination == Destination::OwnAccount;
        if (inbound.destination == Destination::Broker ||
            (is_own && !inbound.to.empty() && inbound.to.is_bare()))
            inbound.prepared = broker_.prepare_message(stanza.set("from", session.jid.str()));
        if (!inbound.prepared && (is_own || inbound.destination == Destination::Client))
            prepare_relayed_message(session, stanza, inbound);
        inbound.stanza = skeleton(std::move(stanza));
        return inbound;
    }
    return prepare_presence(session, std::move(stanza), std::move(inbound));
}

Inbound Router::prepare_packet(const Session& session, xml::Element message, xml::Jid to) const {
    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    inbound.to = std::move(to);
    prepare_relayed_message(session, message, inbound);
    inbound.stanza = skeleton(std::move(message));
    return inbound;
}

Routed Router::prepare_iq(const Session& session, xml::Element iq, xml::Jid to) const {
    auto type = xml::iq_type(iq);
    const auto* id = iq.attr("id");
    if (xml::is_iq_answer(iq)) {
        if (id && presence::is_question_id(*id) && is_for_server(addresses_, session, to))
            return take_capabilities(std::move(iq));
        if (id && bulk::InBandHistories::is_own_id(*id) &&
            has_own_streams(addresses_.classify(to, session.bare)))
            return take_stream_answer(std::move(iq));
        // Only clients wait for answers, and an error is never answered.
        if (!id || addresses_.classify(to, session.bare) != Destination::Client)
            return std::monostate{};
        return prepare_relayed_iq(session, std::move(iq), std::move(to));
    }
    if (const auto wrong = xml::malformed_iq(iq)) return error_bytes(session, iq, *wrong);
    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    if (*type == xml::IqType::Set && has_own_streams(inbound.destination) &&
        iq.first_child()->ns() == controller::bulk::in_band_ns) {
        inbound.own_stream.emplace().offer = controller::bulk::read_offer(*iq.first_child());
        inbound.to = std::move(to);
        inbound.stanza = skeleton(std::move(iq));
        return inbound;
    }
    if (iq.first_child()->ns() == xml::ns::roster &&
        (inbound.destination == Destination::OwnAccount ||
         (inbound.destination == Destination::Client && to.is_bare()))) {
        inbound.to = std::move(to);
        return prepare_roster(session, std::move(iq), std::move(inbound));
    }
    if (auto prepared = prepare_at_account(session, *type, to, inbound.destination, iq)) {
        inbound.prepared = std::move(*prepared);
        inbound.to = std::move(to);
        inbound.stanza = skeleton(std::move(iq));
        return inbound;
    }
    // XEP-0030 §8: whether there is such an account or not, so that none can be probed.
    if (inbound.destination == Destination::Client && to.is_bare() && *type == xml::IqType::Get &&
        iq.first_child()->is("query", xml::ns::disco_items)) {
        inbound.prepared = reply_with(empty_items(*iq.first_child()));
        inbound.to = std::move(to);
        inbound.stanza = skeleton(std::move(iq));
        return inbound;
    }
    if ((inbound.destination == Destination::Client &&
         !is_vcard_of_account(inbound.destination, to, *iq.first_child())) ||
        is_routed_incident(inbound.destination, *type, *iq.first_child()))
        return prepare_relayed_iq(session, std::move(iq), std::move(to));
    pubsub::IqRequest request{*type, to, iq.first_child(), {&iq}};
    if (const auto* service = find_service(inbound.destination, request);
        service && service->answered == Answered::AtOnce)
        return answer_at_once(session, std::move(iq), service->answer(request));
    if (inbound.destination == Destination::Proxy)
        return prepare_proxy_iq(session, std::move(iq), std::move(to));
    auto prepared = prepare_payload(inbound.destination, request);
    inbound.prepared = prepared ? std::move(*prepared) : refuse_in_turn(prepared.error());
    inbound.to = std::move(to);
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

/// XEP-0163: each account is a service of its own nodes, for its contacts, too. Its contacts alone
/// may know what the account is (disco#info).
std::optional<pubsub::PreparedRequest> Router::prepare_at_account(
    const Session& session,
    xml::IqType type,
    const xml::Jid& to,
    Destination destination,
    const xml::Element& iq
) const {
    const bool is_own = destination == Destination::OwnAccount;
    if (!is_own && (destination != Destination::Client || !to.is_bare())) return std::nullopt;
    const xml::Jid& owner = is_own ? session.bare : to;
    const xml::Element& payload = *iq.first_child();
    const pubsub::IqRequest request{type, to, &payload, {&iq}};
    const bool is_info = payload.is("query", xml::ns::disco_info) && !payload.attr("node");
    if (!is_info) {
        const bool is_asked =
            payload.is("pubsub", xml::ns::pubsub) || payload.is("pubsub", xml::ns::pubsub_owner) ||
            payload.is("query", xml::ns::disco_items) || payload.is("query", xml::ns::disco_info);
        if (!is_asked) return std::nullopt;
        auto prepared = broker_.prepare_at_account(request, owner);
        if (!prepared) return std::nullopt;
        return *prepared ? std::move(**prepared) : refuse_in_turn(prepared->error());
    }
    const auto* service = is_own ? nullptr : account_iqs_.find(request);
    if (service == nullptr) return std::nullopt;
    auto answer = service->answer(request);
    if (!answer) return refuse_in_turn(answer.error());
    pubsub::PreparedRequest prepared;
    prepared.order = pubsub::Order::Pipelined;
    prepared.decide = [&broker = broker_, owner,
                       reply = std::move(*answer)](const pubsub::Context& context) {
        if (broker.knows_account(context.actor, owner)) return pubsub::Decision(reply);
        return pubsub::Decision(xml::service_unavailable("nobody is there"));
    };
    return prepared;
}

const IqTable::Row* Router::find_service(Destination destination, const pubsub::IqRequest& request)
    const {
    // All parts of the server are there when it is.
    const bool is_ping = is_own_service(destination) && request.payload->ns() == xml::ns::ping;
    if (destination == Destination::Server || is_ping) return server_iqs_.find(request);
    if (destination == Destination::OwnAccount) return account_iqs_.find(request);
    return nullptr;
}

Result<pubsub::PreparedRequest, xml::StanzaError> Router::prepare_payload(
    Destination destination, const pubsub::IqRequest& request
) const {
    std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepared;
    if (destination == Destination::Broker) prepared = broker_.prepare(request);
    const bool is_incident =
        destination == Destination::Server && request.payload->ns() == controller::incident_ns;
    const bool is_command =
        destination == Destination::Server && controller::is_about_commands(*request.payload);
    const bool is_vcard = is_vcard_of_account(destination, request.to, *request.payload);
    if (destination == Destination::Controller || is_incident || is_command || is_vcard ||
        controller_.is_registrar(destination, *request.payload))
        prepared = controller_.prepare(request);
    if (destination == Destination::Bulk) prepared = controller_.prepare_files(request);
    if (!prepared && destination == Destination::OwnAccount)
        prepared = controller_.prepare_own(request);
    if (prepared) return std::move(*prepared);
    if (destination == Destination::Other) return nobody_at(addresses_, request.to);
    if (const auto* service = find_service(destination, request)) {
        auto answer = service->answer(request);
        if (!answer) return answer.error();
        return reply_with(std::move(*answer));
    }
    return xml::service_unavailable(
        "nobody here answers <" + request.payload->name() + " xmlns='" +
        std::string(request.payload->ns().uri()) + "'/>"
    );
}

void Router::take(const SessionPtr& session, Inbound inbound) {
    if (session->is_ended) return;   // read before it heard of it
    const auto& stanza = inbound.stanza;
    ++session->stanzas_in;
    session->heard = now();
    if (inbound.answered) {
        if (!inbound.answered->empty())
            fanout_.send(
                session,
                Outgoing::stanza(std::make_shared<const std::string>(std::move(*inbound.answered)))
            );
        return;
    }
    if (inbound.component == Inbound::Component::Sender) {
        if (const auto refused = guard_ ? guard_(stanza) : std::nullopt)
            return reply_error(session, stanza, *refused);
        return take_from_component(session, inbound);
    }
    if (inbound.capabilities) return presence_.learned(session, *inbound.capabilities);
    if (inbound.own_stream && !inbound.own_stream->offer)
        return histories_->answered(
            *session, inbound.own_stream->id, inbound.own_stream->condition
        );
    auto refused = guard_ ? guard_(stanza) : std::nullopt;
    if (!refused) refused = controller_.confine(session->principal, inbound.destination, stanza);
    if (refused) {
        // The refused keep their place among the answers, as everything else does.
        if ((inbound.prepared || inbound.roster) && session->queue) {
            inbound.prepared = refuse_in_turn(std::move(*refused));
        } else {
            reply_error(session, stanza, *refused);
            return;
        }
    } else if (implicit_login_ && !session->is_active && inbound.prepared &&
               (inbound.destination == Destination::Broker ||
                inbound.destination == Destination::Controller ||
                is_command(inbound.destination, stanza)) &&
               controller_.state(session->principal) == controller::AccountState::Enabled) {
        set_active(session, true);
    }
    if (inbound.prepared && !implicit_login_ &&
        controller_.needs_login(inbound.destination, stanza))
        // When its turn comes: a login may stand before it.
        inbound.prepared->decide =
            [session, destination = inbound.destination,
             decide = std::move(inbound.prepared->decide)](const pubsub::Context& context) {
                if (session->is_active) return decide(context);
                return pubsub::Decision(controller::Controller::not_logged_in(destination));
            };
    if (inbound.prepared) {
        if (inbound.destination == Destination::Client) refuse_if_blocked(*session, inbound);
        auto request =
            make_iq_transaction(*this, fanout_, session, stanza, std::move(*inbound.prepared));
        request->is_followed = is_block_list_change(stanza);
        push(session, std::move(request));
    } else if (inbound.roster) {
        push(session, presence_.make_transaction(session, stanza, std::move(*inbound.roster)));
    } else if (follows(*session, inbound)) {
        hand_out_in_turn(session, std::move(inbound));
    } else if (is_for_others(inbound)) {
        hand_out(session, std::move(inbound));
    } else if (inbound.activation) {
        take_activation(session, inbound);
    } else if (inbound.own_stream) {
        take_own_stream(session, inbound);
    } else {
        reply_error(
            session, stanza,
            inbound.destination == Destination::Other
                ? nobody_at(addresses_, inbound.to)
                : xml::service_unavailable("nobody here takes messages")
        );
    }
}

void Router::hand_out(const SessionPtr& session, Inbound inbound) {
    if (inbound.component == Inbound::Component::Addressee)
        take_for_component(session, inbound);
    else if (inbound.presence)
        take_presence(session, std::move(inbound));
    else
        take_relayed(session, std::move(inbound));
}

/// RFC 6120 §10.1. Messages and subscriptions have transactions of their own.
bool Router::follows(const Session& session, const Inbound& inbound) const {
    if (!has_followed(session) || !is_for_others(inbound)) return false;
    if (inbound.component == Inbound::Component::Addressee) return true;
    if (inbound.presence) return inbound.presence->type != presence::Stanza::Type::Subscription;
    return inbound.stanza.name() == "iq" || receiver_elsewhere(session, inbound) != nullptr;
}

/// Requests behind it wait, too: those after a presence find the session logged in, or not. Of a
/// session that is gone by then nothing is left but the messages that it sent.
void Router::hand_out_in_turn(const SessionPtr& session, Inbound inbound) {
    auto waiting = std::make_shared<Inbound>(std::move(inbound));
    auto request = std::make_unique<CallbackTransaction<pubsub::Reply, xml::StanzaError>>(
        [](const pubsub::Context&) { return pubsub::Decision(pubsub::Reply{}); }, to_stanza_error,
        [this, session, waiting](const auto&) {
            const bool is_gone = session->state == Session::State::Ended;
            if (session->is_ended || (is_gone && waiting->stanza.name() != "message")) return;
            hand_out(session, std::move(*waiting));
        }
    );
    request->is_followed = true;
    push(session, std::move(request));
}

/// XEP-0191 §3.3: also of what the server answers for the account.
void Router::refuse_if_blocked(const Session& session, Inbound& inbound) const {
    inbound.prepared->decide =
        [this, own = session.bare, to = inbound.to,
         decide = std::move(inbound.prepared->decide)](const pubsub::Context& context) {
            if (!controller_.is_blocked(own, to)) return decide(context);
            return pubsub::Decision(controller::requests::blocked());
        };
}

void Router::push(const SessionPtr& session, std::unique_ptr<Transaction> request) {
    if (!session->queue) {
        session->queue = std::make_shared<SenderQueue>(senders_.next(), session->bare.str());
        // A client that does not read its answers is not read: half an outbox is kept for events.
        session->queue->has_room = [session] { return has_room_for_answers(*session); };
        session->queue->on_each_answered = [this, session] { tell_handled(session); };
    }
    if (session->management) request->stanza = session->management->received;
    session->queue->push(std::move(request));
}

/// A client that asked while requests were under way hears when they are handled (XEP-0198 §4).
void Router::tell_handled(const SessionPtr& session) {
    Management* management = session->management.get();
    if (!management || management->owes_ack_of == 0) return;
    const std::uint64_t handled = session->handled();
    if (handled < management->owes_ack_of) return;
    management->owes_ack_of = 0;
    fanout_.send_element(session, sm::ack(static_cast<std::uint32_t>(handled)));
}

void Router::note_effect(const SessionPtr& session, pubsub::SessionEffect effect) {
    using enum pubsub::SessionEffect;
    switch (effect) {
        case None:
            return;
        case Login:
        case Logout:
            return set_active(session, effect == Login);
        case CopiesOn:
        case CopiesOff:
            session->takes_copies = effect == CopiesOn;
            session->note_sharing(now());
            return sessions_.changed(*session);
        case BlockListKnown:
            session->knows_block_list = true;
            return;
    }
}

void Router::send_when_told(const SessionPtr& session, Outgoing stanza) {
    SessionWatcher* const watcher = sessions_.watcher();
    if (watcher == nullptr || !watcher->is_untold(*session))
        return fanout_.send(session, std::move(stanza));
    watcher->when_told(*session, [this, session, stanza = std::move(stanza)] {
        fanout_.send(session, stanza);
        fanout_.flush();
    });
}

void Router::reply_error(
    const SessionPtr& session, const xml::Element& stanza, const xml::StanzaError& error
) {
    if (xml::is_answer(stanza)) return;
    if (stanza.name() == "presence" && stanza.attr_or("type", "").empty()) return;
    auto addressed = stanza;
    if (session->component.empty()) addressed.set("from", session->jid.str());
    fanout_.send(
        session, Outgoing::stanza(std::make_shared<const std::string>(
                     xml::to_string(xml::error_reply(addressed, error), xml::ns::client.uri())
                 ))
    );
}

}   // namespace grid::server
