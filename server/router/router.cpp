// server/router/router.cpp: from a stanza to the one who answers it.
#include "server/router/router.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "controller/incident.hpp"
#include "controller/profiles/vcard.hpp"
#include "server/clock.hpp"
#include "server/session/client_state.hpp"
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
      senders_(senders),
      implicit_login_(implicit_login),
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

xml::StanzaError not_reached(const xml::Jid& to) {
    return {
        "cancel",
        "remote-server-not-found",
        {},
        "this grid does not reach " + std::string(to.domain()),
        {}
    };
}

pubsub::PreparedRequest refusal(xml::StanzaError error) {
    pubsub::PreparedRequest prepared;
    prepared.order = pubsub::Order::Pipelined;   // answered in its place among the others
    prepared.decide = [error = std::move(error)](const pubsub::Context&) {
        return pubsub::Decision(error);
    };
    return prepared;
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

}   // namespace

xml::Element skeleton(xml::Element stanza) {
    cut_down(stanza, 3);
    return stanza;
}

Routed Router::prepare(const Session& session, xml::Element stanza) const {
    if (is_client_state(stanza)) {
        Inbound inbound;
        inbound.stanza = std::move(stanza);
        return inbound;
    }
    const auto& name = stanza.name();
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
            if (stanza.attr_or("type", "") == "error") return std::monostate{};
            stanza.remove_attr("to");
            return error_bytes(
                session, stanza, xml::jid_malformed("'to' is no address: " + jid.error().message())
            );
        }
        to = *jid;
    }
    if (name == "iq") return prepare_iq(session, std::move(stanza), std::move(to));

    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    inbound.to = std::move(to);
    if (name == "message") {
        if (inbound.destination == Destination::Broker)
            inbound.prepared = broker_.prepare_message(stanza.set("from", session.jid.str()));
        else if (inbound.destination == Destination::Client ||
                 inbound.destination == Destination::OwnAccount)
            inbound.relayed = std::make_shared<const std::string>(
                xml::to_string(stanza.set("from", session.jid.str()), xml::ns::client.uri())
            );
        inbound.stanza = skeleton(std::move(stanza));
    } else {
        inbound.stanza = std::move(stanza);
    }
    return inbound;
}

Routed Router::prepare_iq(const Session& session, xml::Element iq, xml::Jid to) const {
    auto type = xml::iq_type(iq);
    const auto* id = iq.attr("id");
    if (type && (*type == xml::IqType::Result || *type == xml::IqType::Error)) {
        // Only clients wait for answers, and an error is never answered.
        if (!id || addresses_.classify(to, session.bare) != Destination::Client)
            return std::monostate{};
        return prepare_relayed_iq(session, std::move(iq), std::move(to));
    }
    if (!type || !id || id->empty())
        return error_bytes(
            session, iq,
            xml::bad_request("an iq needs an 'id', and a 'type' of get, set, result or error")
        );
    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    if (iq.child_count() != 1) {
        return error_bytes(
            session, iq,
            xml::bad_request("an iq of type get or set has exactly one child (RFC 6120 §8.2.3)")
        );
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
    auto prepared = prepare_payload(inbound.destination, request);
    inbound.prepared = prepared ? std::move(*prepared) : refusal(prepared.error());
    inbound.to = std::move(to);
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

const IqTable::Row* Router::find_service(Destination destination, const pubsub::IqRequest& request)
    const {
    if (destination == Destination::Server) return server_iqs_.find(request);
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
    if (destination == Destination::Controller || is_incident || is_command || is_vcard)
        prepared = controller_.prepare(request);
    if (prepared) return std::move(*prepared);
    if (destination == Destination::Elsewhere) return not_reached(request.to);
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
    if (is_client_state(stanza)) return;   // presence alone may wait, and none is sent
    ++session->stanzas_in;
    session->heard = now();
    if (auto refused = controller_.confine(session->principal, inbound.destination, stanza)) {
        // The refused keep their place among the answers, as everything else does.
        if (inbound.prepared && session->queue) {
            inbound.prepared = refusal(std::move(*refused));
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
        if (!session->queue) {
            session->queue = std::make_shared<SenderQueue>(senders_.next(), session->bare.str());
            // A client that does not read its answers is not read: half an outbox is kept for
            // events.
            session->queue->has_room = [session] {
                return !session->transport || session->budget->used() + session->pending_bytes <
                                                  session->budget->bytes_max() / 2;
            };
        }
        session->queue->push(
            make_iq_transaction(*this, fanout_, session, stanza, std::move(*inbound.prepared))
        );
    } else if (stanza.name() == "presence") {
        take_presence(session, stanza, inbound.to);
    } else if (inbound.relayed) {
        take_relayed(session, inbound);
    } else {
        reply_error(
            session, stanza,
            inbound.destination == Destination::Elsewhere
                ? not_reached(inbound.to)
                : xml::service_unavailable("nobody here takes messages")
        );
    }
}

void Router::reply_error(
    const SessionPtr& session, const xml::Element& stanza, const xml::StanzaError& error
) {
    auto type = stanza.attr_or("type", "");
    if (type == "error" || type == "result") return;
    if (stanza.name() == "presence" && type.empty()) return;
    auto addressed = stanza;
    addressed.set("from", session->jid.str());
    fanout_.send(
        session, {nullptr, std::make_shared<const std::string>(xml::to_string(
                               xml::error_reply(addressed, error), xml::ns::client.uri()
                           ))}
    );
}

}   // namespace grid::server
