// server/router/relay_query.cpp: an iq from client to client, and its answer back (protocol B.9).
#include "controller/queries/incident.hpp"
#include "server/router/router.hpp"
#include "server/stamp.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

xml::StanzaError offline() {
    return {"wait", "recipient-unavailable", {}, "the provider is not logged in now", {}};
}

std::string query_id(const xml::Element& iq) { return std::string(iq.attr_or("id", "")); }

/// `<iq` with one more attribute; the text was written without it.
xml::Bytes with_attribute(const std::string& iq, std::string_view name, const std::string& value) {
    auto out = std::make_shared<std::string>("<iq ");
    out->append(name).append("='");
    xml::append_escaped_attr(*out, value);
    out->append("'").append(iq, 3);
    return out;
}

}   // namespace

Inbound Router::prepare_relayed_iq(const Session& session, xml::Element iq, xml::Jid to) const {
    Inbound inbound;
    inbound.destination = addresses_.classify(to, session.bare);
    const auto type = xml::iq_type(iq);
    const bool is_answer = *type == xml::IqType::Result || *type == xml::IqType::Error;
    // Answers get their `from`, queries that go through the grid their `to` when it is known who
    // it is.
    if (is_answer)
        iq.remove_attr("from");
    else
        iq.set("from", session.jid.str()).remove_attr("to");
    inbound.relayed =
        std::make_shared<const std::string>(xml::to_string(iq, xml::ns::client.uri()));
    inbound.stanza = skeleton(std::move(iq));
    inbound.stanza.set("to", to.str());
    inbound.to = std::move(to);
    return inbound;
}

void Router::take_query(const SessionPtr& session, const Inbound& inbound) {
    const xml::Element& iq = inbound.stanza;
    const auto refuse = [&](const xml::StanzaError& error) { reply_error(session, iq, error); };
    if (!session->is_active) {   // B.3
        if (!implicit_login_) return refuse({"wait", "unexpected-request", {}, "log in first", {}});
        set_active(session, true);
    }
    xml::Jid to = inbound.to;
    const bool is_for_grid = inbound.destination != controller::Destination::Client;
    if (is_for_grid) {   // XEP-0268: whoever provides the topic answers for the grid
        const auto responder =
            controller_.incident_responder(session->jid, session->jid.str() + query_id(iq), now());
        if (!responder) return refuse(offline());
        to = *responder;
    }
    // As for a missing account, so that accounts cannot be probed; and a bare JID answers nothing.
    if (to.is_bare() || controller_.state(to.bare()) != controller::AccountState::Enabled)
        return refuse(xml::service_unavailable("nobody is there"));
    if (to.bare_view() != session->bare.str())
        if (auto error = controller_.refuse_query(session->principal, to, *iq.first_child()))
            return refuse(*error);
    const SessionPtr target = sessions_.find(to);
    if (!target || !fanout_.may_receive(*target)) return refuse(offline());
    // Nobody asks a provider off its stream: half an outbox is kept for other things.
    if (target->budget && target->budget->used() + target->pending_bytes + inbound.relayed->size() >
                              target->budget->bytes_max() / 2)
        return refuse(xml::resource_constraint("the provider reads too slowly: ask later"));
    Queries::Query query;
    query.asker = session->id;
    query.answerer = target->id;
    query.from = session->jid;
    query.to = to;
    query.id = query_id(iq);
    if (is_for_grid) query.asked = inbound.to;
    switch (queries_.add(std::move(query), std::chrono::steady_clock::now())) {
        case Queries::Taken::Yes:
            return fanout_.send(
                target, {nullptr, with_attribute(*inbound.relayed, "to", to.str())}
            );
        case Queries::Taken::Busy:
            return refuse(xml::resource_constraint("too many of your queries wait for an answer"));
        case Queries::Taken::Duplicate:
            return refuse(xml::bad_request("a query of this id waits for its answer: use another"));
    }
}

void Router::take_answer(const SessionPtr& session, const Inbound& inbound) {
    const auto query = queries_.answer(session->id, inbound.to, query_id(inbound.stanza));
    if (!query) return;   // nobody asked: dropped
    const SessionPtr asker = sessions_.find(query->asker);
    if (!asker) return;
    const xml::Jid& from = query->asked.empty() ? query->to : query->asked;
    fanout_.send(asker, {nullptr, with_attribute(*inbound.relayed, "from", from.str())});
}

void Router::tell_unanswered(
    const std::vector<Queries::Query>& queries, const xml::StanzaError& error
) {
    for (const Queries::Query& query : queries) {
        const SessionPtr asker = sessions_.find(query.asker);
        if (!asker) continue;
        const xml::Jid& from = query.asked.empty() ? query.to : query.asked;
        xml::Element iq(
            "iq", xml::ns::client,
            {{"type", "get"}, {"id", query.id}, {"from", asker->jid.str()}, {"to", from.str()}}
        );
        reply_error(asker, iq, error);
    }
}

void Router::forget_queries(const SessionPtr& session) {
    tell_unanswered(queries_.session_ended(session->id), offline());
}

void Router::tick(std::chrono::steady_clock::time_point time) {
    constexpr std::size_t expired_at_once_max = 256;
    tell_unanswered(
        queries_.expired(time, expired_at_once_max),
        {"wait", "remote-server-timeout", {}, "the provider did not answer in time", {}}
    );
}

}   // namespace grid::server
