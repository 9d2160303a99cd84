// server/router/router.hpp: the way of a client's stanza to its addressee.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controller/controller.hpp"
#include "pubsub/broker.hpp"
#include "server/delivery/catch_up.hpp"
#include "server/delivery/fanout.hpp"
#include "server/pipeline/pipeline.hpp"
#include "server/router/addresses.hpp"
#include "server/router/iq_table.hpp"
#include "server/router/pending_queries.hpp"
#include "server/session/management_words.hpp"
#include "server/session/session.hpp"

namespace grid::server {

/// A stanza after the connection's strand did what it can: checked, parsed, its payload serialized.
struct Inbound {
    controller::Destination destination = controller::Destination::Server;
    xml::Jid to;
    /// The stanza as far as the core strand needs it: name, attributes, name of the payload; not
    /// the content.
    xml::Element stanza;
    /// For a service: what to run.
    std::optional<pubsub::PreparedRequest> prepared;
    /// For another client: a message with `from` stamped; of an iq what follows its start tag,
    /// which is written when all its attributes are known (xml::write_tail).
    xml::Bytes relayed;
    /// Of a session with stream management: what was answered on the connection's strand, empty
    /// where there is no answer. It is counted and sent in its turn.
    std::optional<std::string> answered;
    /// No stanza, but an element of stream management.
    std::optional<sm::Word> word;
};

/// The stanza down to the first child of the first child of the first child (a Grid operation sits
/// that deep): enough to confine, to ask the policy and to answer, without the content.
xml::Element skeleton(xml::Element stanza);

/// The connection's next step with a stanza: nothing more, answer at once, hand it to the grid, or
/// end.
using Routed = std::variant<std::monostate, std::string, Inbound, xml::StreamError>;

class Router {
public:
    Router(
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
    );

    /// On the connection's strand; reads only what never changes. Ping is answered here, without
    /// the core strand.
    Routed prepare(const Session& session, xml::Element stanza) const;
    /// On the core strand: confinement, implicit login, then into the sender's queue or to its
    /// addressee.
    void take(const SessionPtr& session, Inbound inbound);
    /// Makes the session active (logged in), or not.
    void set_active(const SessionPtr& session, bool active);
    /// The session is not available any more: its temporary subscriptions end (XEP-0060 §12.5),
    /// after its earlier requests. The caller runs the session's queue.
    void end_presence(const SessionPtr& session);
    /// Messages between clients that were not delivered: their senders are told.
    void return_messages(const std::vector<Outgoing>& messages);
    /// Refuses queries that were not answered in time.
    void tick(std::chrono::steady_clock::time_point time);

private:
    Routed prepare_iq(const Session& session, xml::Element iq, xml::Jid to) const;
    const IqTable::Row* find_service(
        controller::Destination destination, const pubsub::IqRequest& request
    ) const;
    Result<pubsub::PreparedRequest, xml::StanzaError> prepare_payload(
        controller::Destination destination, const pubsub::IqRequest& request
    ) const;
    void take_presence(const SessionPtr& session, const xml::Element& presence, const xml::Jid& to);
    void take_relayed(const SessionPtr& session, const Inbound& inbound);

    // Messages between clients: router_messages.cpp
    void take_message(const SessionPtr& session, const Inbound& inbound);
    /// RFC 6121 §8.5.3.1: a resource that is connected, whether it said so or not.
    SessionPtr connected(const xml::Jid& full) const;

    // iqs between clients: router_queries.cpp
    Inbound prepare_relayed_iq(const Session& session, xml::Element iq, xml::Jid to) const;
    void take_query(const SessionPtr& session, const Inbound& inbound);
    void take_answer(const SessionPtr& session, const Inbound& inbound);
    void tell_unanswered(const std::vector<Queries::Query>& queries, const xml::StanzaError& error);
    void forget_queries(const SessionPtr& session);

    void reply_error(
        const SessionPtr& session, const xml::Element& stanza, const xml::StanzaError& error
    );

    const Addresses& addresses_;
    const IqTable& server_iqs_;
    const IqTable& account_iqs_;
    pubsub::Broker& broker_;
    controller::Controller& controller_;
    SessionRegistry& sessions_;
    Fanout& fanout_;
    CatchUp& catch_up_;
    SenderIds& senders_;
    bool implicit_login_;
    Queries queries_;
};

/// Fills context and order of a request and puts it into the session's queue. (router.cpp)
std::unique_ptr<Transaction> make_iq_transaction(
    Router& router,
    Fanout& fanout,
    const SessionPtr& session,
    const xml::Element& iq,
    pubsub::PreparedRequest prepared
);

}   // namespace grid::server
