// server/router/router_queries.cpp: an iq from client to client, and its answer back.
#include "controller/gi/provider_bulk.hpp"
#include "controller/requests/requests.hpp"
#include "server/clock.hpp"
#include "server/router/router.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

xml::StanzaError offline() {
    return {"wait", "recipient-unavailable", {}, "the provider is not logged in now", {}};
}

std::string query_id(const xml::Element& iq) { return std::string(iq.attr_or("id", "")); }

/// The whole of a relayed iq: `head` has its attributes, `tail` is the text of its content.
xml::Bytes whole_iq(const xml::Element& head, const xml::Bytes& tail) {
    auto out = std::make_shared<std::string>();
    out->reserve(tail->size() + 256);
    xml::write_head(*out, head, xml::ns::client.uri());
    *out += *tail;
    return out;
}

/// The text that is relayed begins behind the attributes.
std::size_t characters_of_attributes(const xml::Element& iq) {
    std::size_t characters = 0;
    for (const xml::Attr& attribute : iq.attrs())
        characters += attribute.name.size() + attribute.value.size();
    return characters;
}

const xml::Element& question_in(const Inbound& query) {
    return query.bulk_question ? *query.bulk_question : *query.stanza.first_child();
}

}   // namespace

Inbound Router::prepare_relayed_iq(const Session& session, xml::Element iq, xml::Jid to) const {
    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    const auto type = xml::iq_type(iq);
    const bool is_answer = *type == xml::IqType::Result || *type == xml::IqType::Error;
    // Answers get their `from`, queries that go through the grid their `to` on the core strand:
    // only there it is known which. The content is text by then.
    if (is_answer)
        iq.remove_attr("from");
    else
        iq.set("from", session.jid.str());
    auto tail = std::make_shared<std::string>();
    xml::write_tail(*tail, iq, xml::ns::client.uri());
    inbound.relayed = std::move(tail);
    if (!is_answer) {
        inbound.offer = controller::bulk::read_offer(*iq.first_child());
        if (inbound.offer)
            inbound.offer->counted = controller::bulk::counted_bytes(
                *inbound.offer, inbound.relayed->size() + characters_of_attributes(iq)
            );
        if (auto question = controller::gi::bulk_question(*iq.first_child()))
            inbound.bulk_question = std::make_shared<const xml::Element>(std::move(*question));
    } else if (const xml::Element* answer = iq.first_child()) {
        inbound.offered_stream = controller::gi::offered_stream(*answer);
    }
    inbound.stanza = skeleton(std::move(iq));
    inbound.stanza.set("to", to.str());
    inbound.to = std::move(to);
    return inbound;
}

void Router::take_query(const SessionPtr& session, const Inbound& inbound) {
    const xml::Element& iq = inbound.stanza;
    const auto refuse = [&](const xml::StanzaError& error) { reply_error(session, iq, error); };
    if (!session->is_active) {
        if (!implicit_login_) return refuse({"wait", "unexpected-request", {}, "log in first", {}});
        set_active(session, true);
    }
    Asked asked{inbound.to, {}, false};
    if (inbound.destination != controller::Destination::Client) {
        // XEP-0268: a provider of the topic answers for the grid
        const auto responder =
            controller_.incident_responder(session->jid, session->jid.str() + query_id(iq), now());
        if (!responder) return refuse(offline());
        asked = {*responder, inbound.to, false};
    }
    // First: the answer rests on the asker's own list, whether there is such an account or not.
    if (controller_.is_blocked(session->bare, asked.to))
        return refuse(controller::requests::blocked());
    const SessionPtr target = asked.to.is_bare() ? nullptr : sessions_.find(asked.to);
    if (target && target->other_member && may_take(*target))
        return ask_elsewhere(session, target, inbound, asked);
    ask_here(session, inbound, asked);
}

void Router::ask_here(const SessionPtr& session, const Inbound& inbound, const Asked& asked) {
    const xml::Element& iq = inbound.stanza;
    const auto refuse = [&](const xml::StanzaError& error) {
        refuse_query(session, iq, asked.by, error);
    };
    const xml::Jid& to = asked.to;
    // As for a missing account, so that accounts cannot be probed; and a bare JID answers nothing.
    if (to.is_bare() || controller_.state(to.bare()) != controller::AccountState::Enabled)
        return refuse(xml::service_unavailable("nobody is there"));
    if (controller_.is_blocked(to, session->jid))
        return refuse(xml::service_unavailable("nobody is there"));
    const SessionPtr target = sessions_.find(to);
    auto right = Queries::Query::Right::Query;
    if (inbound.offer) {
        if (auto error = refuse_offer(*session, to, *inbound.offer)) return refuse(*error);
    } else if (to.bare_view() != session->bare.str()) {
        if (target && passes_among_clients(*session, *target, inbound))
            right = Queries::Query::Right::AmongClients;
        else if (auto error =
                     controller_.refuse_query(session->principal, to, question_in(inbound)))
            return refuse(*error);
    }
    if (!target || target->other_member || !may_take(*target)) return refuse(offline());
    // Queries cannot fill a provider's outbox, so that its stream would be closed: half of it is
    // kept for other stanzas.
    if (target->budget && target->budget->used() + target->pending_bytes + inbound.relayed->size() >
                              target->budget->bytes_max() / 2)
        return refuse(xml::resource_constraint("the provider reads too slowly: ask later"));
    Queries::Query query;
    query.asker = session->id;
    query.answerer = target->id;
    query.from = session->jid;
    query.to = to;
    query.id = query_id(iq);
    query.asked = asked.by;
    if (to.bare_view() != session->bare.str()) note_question(query, inbound, right);
    using Kind = controller::bulk::Offer::Kind;
    const auto kind = inbound.offer ? inbound.offer->kind : Kind::Begin;
    const bool is_in_band = kind == Kind::Open || kind == Kind::Data || kind == Kind::Close;
    if (is_in_band && !asked.is_counted)
        if (auto error = in_band_->pass(*session, *target, *inbound.offer)) return refuse(*error);
    if (is_in_band && !asked.is_counted && kind != Kind::Data) query.offer = inbound.offer;
    if (const auto error = refuse_pending(query)) {
        if (kind == Kind::Open) note_answer(query, true);
        return refuse(*error);
    }
    presence_.tell_first(*session, to.bare_view());
    xml::Element head = iq;
    head.set("to", to.str());
    fanout_.send(target, Outgoing::stanza(whole_iq(head, inbound.relayed)));
}

/// Of a client that shares its presence with the asker, as a message would pass.
bool Router::passes_among_clients(const Session& asker, const Session& target, const Inbound& query)
    const {
    const xml::Element& question = question_in(query);
    const std::string_view node = question.attr_or("node", "");
    const bool is_known = node.empty() || presence_.has_named(target, node);
    const bool is_get = query.stanza.attr_or("type", "") == "get";
    return controller_.is_among_clients(target.jid, question, is_get, is_known) &&
           presence_.is_shared(target, asker.jid) &&
           !controller_.refuse_among_clients(asker.principal, target.jid, question, false);
}

/// From the address that was asked, whoever was to answer for it.
void Router::refuse_query(
    const SessionPtr& asker, xml::Element iq, const xml::Jid& asked, const xml::StanzaError& error
) {
    if (!asked.empty()) iq.set("to", asked.str());
    reply_error(asker, iq, error);
}

/// A value refuses the query; without one the query waits for its answer.
std::optional<xml::StanzaError> Router::refuse_pending(Queries::Query query) {
    switch (queries_.add(std::move(query), std::chrono::steady_clock::now())) {
        case Queries::Taken::Yes:
            break;
        case Queries::Taken::Busy:
            return xml::resource_constraint("too many of your queries wait for an answer");
        case Queries::Taken::Duplicate:
            return xml::bad_request("a query of this id waits for its answer: use another");
    }
    return std::nullopt;
}

/// An offer of a stream is asked about as such, while it runs, too.
void Router::note_question(
    Queries::Query& query, const Inbound& inbound, Queries::Query::Right right
) {
    query.bulk_question = inbound.bulk_question;
    if (inbound.offer) return;
    query.right = right;
    query.question = inbound.bulk_question
                         ? inbound.bulk_question
                         : std::make_shared<const xml::Element>(
                               controller::gi::question_shell(question_in(inbound))
                           );
}

/// An error can say as much as a result.
std::optional<xml::StanzaError> Router::refuse_answer(
    const Session& asker, const Queries::Query& query
) const {
    using Right = Queries::Query::Right;
    if (query.right == Right::None) return std::nullopt;
    if (query.right == Right::AmongClients)
        return controller_.refuse_among_clients(asker.principal, query.to, *query.question, true);
    if (query.right == Right::Elsewhere &&
        controller_.check_message(asker.principal, query.to).allowed)
        return std::nullopt;
    if (query.right != Right::Message)
        return controller_.refuse_answer(asker.principal, query.to, *query.question);
    const Component* component = addresses_.component(query.to);
    const auto verdict =
        controller_.check_message(asker.principal, component ? component->account : query.to);
    if (verdict.allowed) return std::nullopt;
    controller_.record_message(asker.principal, query.to, verdict);
    return xml::service_unavailable("nobody is there");
}

/// A client may have gone out of sight since it was asked.
bool Router::is_hidden_from(
    const Session& answerer, const Session& asker, const Queries::Query& query
) const {
    if (controller_.is_blocked(answerer.bare, asker.jid)) return true;
    return query.right == Queries::Query::Right::AmongClients &&
           !presence_.is_shared(answerer, asker.jid);
}

void Router::take_answer(const SessionPtr& session, const Inbound& inbound) {
    const auto query = queries_.answer(session->id, inbound.to, query_id(inbound.stanza));
    if (!query) return;   // an answer without a question is dropped
    const bool is_error = inbound.stanza.attr_or("type", "") == "error";
    const SessionPtr asker = sessions_.find(query->asker);
    if (asker && controller_.is_blocked(asker->bare, session->jid))
        return tell_unanswered({*query}, controller::requests::blocked());
    if (asker && is_hidden_from(*session, *asker, *query))
        return tell_unanswered({*query}, xml::service_unavailable("nobody is there"));
    if (asker)
        if (const auto refused = refuse_answer(*asker, *query))
            return tell_unanswered({*query}, *refused);
    note_answer(*query, is_error);
    if (!is_error) note_offered_stream(*query, inbound.offered_stream);
    if (!asker) return;
    presence_.tell_first(*session, asker->bare.str());
    const xml::Jid& from = query->asked.empty() ? query->to : query->asked;
    xml::Element head = inbound.stanza;
    head.set("from", from.str());
    fanout_.send(asker, Outgoing::stanza(whole_iq(head, inbound.relayed)));
}

void Router::tell_unanswered(
    const std::vector<Queries::Query>& queries, const xml::StanzaError& error
) {
    for (const Queries::Query& query : queries) {
        note_answer(query, true);
        const SessionPtr asker = sessions_.find(query.asker);
        if (!asker) continue;
        const xml::Jid& from = query.asked.empty() ? query.to : query.asked;
        xml::Element iq(
            "iq", xml::ns::client,
            {{"type", "get"}, {"id", query.id}, {"from", query.from.str()}, {"to", from.str()}}
        );
        reply_error(asker, iq, error);
    }
}

/// A session that has logged out, and is there, still gets the answers to what it asked.
void Router::forget_queries(const SessionPtr& session) {
    const bool is_gone = session->state == Session::State::Ended;
    tell_unanswered(
        is_gone ? queries_.session_ended(session->id) : queries_.logged_out(session->id), offline()
    );
}

void Router::tick(std::chrono::steady_clock::time_point time) {
    constexpr std::size_t expired_at_once_max = 256;
    tell_unanswered(
        queries_.expired(time, expired_at_once_max),
        {"wait", "remote-server-timeout", {}, "the provider did not answer in time", {}}
    );
}

}   // namespace grid::server
