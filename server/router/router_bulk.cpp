// server/router/router_bulk.cpp: bulk data between clients: offers, packets of in-band streams, the
// proxy of byte streams (XEP-0047, XEP-0065).
#include "server/router/router.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server {

using controller::bulk::Offer;

void Router::attach(
    bulk::ByteStreams& streams,
    bulk::InBand& in_band,
    bulk::InBandHistories& histories,
    bulk::Permits& permits
) {
    streams_ = &streams;
    in_band_ = &in_band;
    histories_ = &histories;
    permits_ = &permits;
}

Routed Router::prepare_proxy_iq(const Session& /*session*/, xml::Element iq, xml::Jid to) const {
    Inbound inbound;
    inbound.destination = controller::Destination::Proxy;
    const auto type = *xml::iq_type(iq);
    if (type == xml::IqType::Set && streams_->is_on())
        inbound.activation = controller::bulk::read_activation(*iq.first_child());
    if (!inbound.activation) {
        auto prepared = prepare_proxy({type, to, iq.first_child(), {&iq}});
        inbound.prepared = prepared ? std::move(*prepared) : refuse_in_turn(prepared.error());
    }
    inbound.to = std::move(to);
    inbound.stanza = skeleton(std::move(iq));
    return inbound;
}

Result<pubsub::PreparedRequest, xml::StanzaError> Router::prepare_proxy(
    const pubsub::IqRequest& request
) const {
    const xml::Element& payload = *request.payload;
    const bool is_get = request.type == xml::IqType::Get;
    if (!streams_->is_on())
        return xml::service_unavailable("this grid has no proxy of byte streams");
    pubsub::PreparedRequest prepared;
    prepared.order = pubsub::Order::Pipelined;
    if (is_get && payload.is("query", controller::bulk::bytestreams_ns)) {
        prepared.decide = [streams = streams_, proxy = request.to](const pubsub::Context& context) {
            auto address = streams->address(context.actor, proxy);
            if (!address) return pubsub::Decision(address.error());
            return pubsub::Decision(pubsub::Reply(std::move(*address)));
        };
        return prepared;
    }
    const bool is_info = is_get && payload.is("query", xml::ns::disco_info);
    if (is_info && payload.attr("node") != nullptr)
        return xml::item_not_found("the proxy has no nodes");
    if (!is_info && !(is_get && payload.is("query", xml::ns::disco_items)))
        return xml::service_unavailable(
            "the proxy tells its address, and activates byte streams (XEP-0065)"
        );
    pubsub::Reply answer(
        is_info ? bulk::ByteStreams::info() : xml::Element("query", xml::ns::disco_items)
    );
    prepared.decide = [reply = std::move(answer)](const pubsub::Context&) {
        return pubsub::Decision(reply);
    };
    return prepared;
}

void Router::take_activation(const SessionPtr& session, const Inbound& inbound) {
    if (!session->is_active) {
        if (!implicit_login_)
            return reply_error(
                session, inbound.stanza, {"wait", "unexpected-request", {}, "log in first", {}}
            );
        set_active(session, true);
    }
    if (const auto error = streams_->activate(*session, *inbound.activation))
        return reply_error(session, inbound.stanza, *error);
    reply_done(session, inbound.stanza);
}

void Router::reply_done(const SessionPtr& session, const xml::Element& iq) {
    xml::Element result(
        "iq", xml::ns::client,
        {{"type", "result"},
         {"id", std::string(iq.attr_or("id", ""))},
         {"from", std::string(iq.attr_or("to", ""))},
         {"to", session->jid.str()}}
    );
    fanout_.send(
        session, Outgoing::stanza(std::make_shared<const std::string>(
                     xml::to_string(result, xml::ns::client.uri())
                 ))
    );
}

void Router::take_own_stream(const SessionPtr& session, const Inbound& inbound) {
    if (const auto error = histories_->take(*session, *inbound.own_stream->offer))
        return reply_error(session, inbound.stanza, *error);
    reply_done(session, inbound.stanza);
}

/// Of a session that has ended meanwhile nothing is begun.
std::optional<xml::StanzaError> Router::prepare_sequel(
    const Session& session, const std::string& from, const pubsub::Sequel& sequel
) {
    const auto* offer = dynamic_cast<const controller::bulk::HistoryOffer*>(&sequel);
    const auto address = xml::Jid::parse(from);
    if (offer == nullptr || !address || session.is_ended || !session.is_open()) return std::nullopt;
    return histories_->prepare(session, *address, *offer);
}

/// Of an in-band stream its table knows the right; of a Jingle session that has begun the right of
/// either side counts. A client that may not even write to the addressee is told no more than of a
/// missing account.
std::optional<xml::StanzaError> Router::refuse_offer(
    const Session& session, const xml::Jid& to, const Offer& offer
) const {
    if (offer.kind == Offer::Kind::Data || offer.kind == Offer::Kind::Close) return std::nullopt;
    const pubsub::Verdict verdict = verdict_on(session, to, offer);
    controller_.record_offer(session.principal, to, verdict);
    if (verdict.allowed) return std::nullopt;
    if (!controller_.check_message(session.principal, to).allowed)
        return xml::service_unavailable("nobody is there");
    return xml::forbidden("the policy of this grid does not allow bulk data to this client");
}

pubsub::Verdict Router::verdict_on(const Session& session, const xml::Jid& to, const Offer& offer)
    const {
    pubsub::Verdict verdict = controller_.check_bulk(session.principal, to);
    if (verdict.allowed) return verdict;
    if (offer.kind == Offer::Kind::Follow) return controller_.check_bulk_between(to, session.jid);
    const SessionPtr target = offer.sid.empty() ? nullptr : sessions_.find(to);
    if (!target) return verdict;
    const auto right =
        permits_->right_to(session, *target, offer.sid, std::chrono::steady_clock::now());
    return right.is_permit ? right.check() : verdict;
}

/// To that resource and no other; it neither waits nor is it kept.
Router::Way Router::way_of_packet(const Session& session, const Inbound& packet) const {
    Way way;
    way.delivery = Delivery::Refuse;
    if (!packet.offer->wrong.empty()) {
        way.refusal = xml::bad_request(packet.offer->wrong);
        return way;
    }
    const SessionPtr target = packet.to.is_bare() ? nullptr : connected(packet.to);
    const bool is_open = target && packet.offer->kind == Offer::Kind::Data &&
                         in_band_->is_open(session, *target, packet.offer->sid);
    if (is_open)
        way.delivery = Delivery::Resource;
    else
        way.refusal =
            xml::item_not_found("no in-band stream of this id is open between the two of you");
    return way;
}

/// The session on another member whose stream in band this packet is of, unless the table of that
/// stream is here. A packet that came from another member goes to none.
SessionPtr Router::receiver_elsewhere(const Session& session, const Inbound& packet) const {
    const bool is_data =
        packet.offer && packet.offer->kind == Offer::Kind::Data && packet.offer->wrong.empty();
    if (!is_data || session.other_member || packet.to.is_bare()) return nullptr;
    SessionPtr receiver = connected(packet.to);
    if (!receiver || !receiver->other_member ||
        in_band_->is_open(session, *receiver, packet.offer->sid))
        return nullptr;
    return receiver;
}

void Router::note_answer(const Queries::Query& query, bool is_error) {
    if (query.offer) in_band_->answered(query.from, query.to, *query.offer, is_error);
}

void Router::note_offered_stream(const Queries::Query& query, const std::string& sid) {
    if (!query.bulk_question || sid.empty()) return;
    const SessionPtr provider = sessions_.find(query.answerer);
    const SessionPtr asker = sessions_.find(query.asker);
    if (provider && asker)
        permits_->give(
            *provider, *asker, sid, query.bulk_question, std::chrono::steady_clock::now()
        );
}

}   // namespace grid::server
