// server/router/router.hpp: the way of a client's stanza to its addressee.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "controller/bulk/offers.hpp"
#include "controller/controller.hpp"
#include "controller/messages/message.hpp"
#include "pubsub/broker.hpp"
#include "server/bulk/byte_streams.hpp"
#include "server/bulk/in_band.hpp"
#include "server/bulk/in_band_histories.hpp"
#include "server/bulk/permits.hpp"
#include "server/delivery/catch_up.hpp"
#include "server/delivery/fanout.hpp"
#include "server/delivery/offline_delivery.hpp"
#include "server/pipeline/pipeline.hpp"
#include "server/presence/presence.hpp"
#include "server/router/addresses.hpp"
#include "server/router/copied_messages.hpp"
#include "server/router/delivery_table.hpp"
#include "server/router/iq_table.hpp"
#include "server/router/pending_queries.hpp"
#include "server/router/shared_messages.hpp"
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
    controller::MessageTraits traits;   // of a message
    /// The part of a stream of bulk data in it, to another client; and a request to the proxy.
    std::optional<controller::bulk::Offer> offer;
    std::optional<controller::bulk::Activation> activation;
    /// About an in-band stream of which this server is an end: the answer to an iq of the server's
    /// with that id (`condition`: of an error), or an iq of the client's.
    struct OwnStream {
        std::string id, condition;
        std::optional<controller::bulk::Offer> offer;
    };
    std::optional<OwnStream> own_stream;
    /// A BulkQuery to a provider, and of its answer the stream that it offers.
    bulk::Permits::Question bulk_question;
    std::string offered_stream;
    /// A presence, and a request for the own roster.
    std::optional<presence::Stanza> presence;
    std::optional<controller::contacts::RosterRequest> roster;
    /// The answer of the client to a question of the server's about what it can do.
    std::optional<presence::Capabilities> capabilities;
    /// For another client: a message with `from` stamped; of an iq what follows its start tag,
    /// which is written when all its attributes are known (xml::write_tail).
    xml::Bytes relayed;
    /// Of a session with stream management: what was answered on the connection's strand, empty
    /// where there is no answer. It is counted and sent in its turn.
    std::optional<std::string> answered;
    /// No stanza, but an element of stream management.
    std::optional<sm::Word> word;
    /// Where a component is at one end (XEP-0114); `relayed` is as for a client.
    enum class Component : std::uint8_t { None, Sender, Addressee };
    Component component = Component::None;
};

/// The stanza down to the first child of the first child of the first child (a Grid operation sits
/// that deep): enough to confine, to ask the policy and to answer, without the content.
xml::Element skeleton(xml::Element stanza);

/// The refusal of a stanza to a domain that this grid has no way to.
xml::StanzaError not_reached(const xml::Jid& to);
/// A refusal that is answered in its place among the answers to other requests.
pubsub::PreparedRequest refuse_in_turn(xml::StanzaError error);

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
        OfflineDelivery& offline,
        Presence& presence,
        SenderIds& senders,
        bool implicit_login,
        Queries::Bounds queries
    );

    /// Asked about each stanza on the core strand: the reason why no request is taken at present.
    void attach(std::function<std::optional<xml::StanzaError>(const xml::Element& stanza)> guard) {
        guard_ = std::move(guard);
    }
    /// Call once, before anything else.
    void attach(
        bulk::ByteStreams& streams,
        bulk::InBand& in_band,
        bulk::InBandHistories& histories,
        bulk::Permits& permits
    );
    /// On the connection's strand; reads only what never changes. Ping is answered here, without
    /// the core strand.
    Routed prepare(const Session& session, xml::Element stanza) const;
    /// Into the session's queue of requests, which is made when it has none, as the stanza that was
    /// counted last.
    void push(const SessionPtr& session, std::unique_ptr<Transaction> request);
    void tell_handled(const SessionPtr& session);
    /// On the core strand: confinement, implicit login, then into the sender's queue or to its
    /// addressee.
    void take(const SessionPtr& session, Inbound inbound);
    /// Makes the session active (logged in), or not.
    void set_active(const SessionPtr& session, bool active);
    /// The session is not available any more: its temporary subscriptions end (XEP-0060 §12.5),
    /// after its earlier requests. The caller runs the session's queue.
    void end_presence(const SessionPtr& session);
    /// A request of the session was done: its effect on the session.
    void note_effect(const SessionPtr& session, pubsub::SessionEffect effect);
    /// When the other members of a cluster know the session as it is now, if answers wait for that.
    void send_when_told(const SessionPtr& session, Outgoing stanza);
    /// An answer promises more: before it is sent to the session, from `from`. A refusal takes its
    /// place.
    std::optional<xml::StanzaError> prepare_sequel(
        const Session& session, const std::string& from, const pubsub::Sequel& sequel
    );
    /// Behind that answer.
    void begin_sequels(const Session& session) { histories_->open(session); }

    // Messages between clients: router_messages.cpp
    /// The way of one message: where it goes, or why it does not.
    struct Way {
        Delivery delivery = Delivery::Ignore;
        std::optional<xml::StanzaError> refusal = {};               // besides those of the table
        std::optional<pubsub::Verdict> verdict = {};                // not of messages to oneself
        bool is_archived_here = false, is_archived_there = false;   // of sender and addressee
        std::string id = {};                                        // in those archives

        /// The message goes on when it is durable.
        bool is_kept() const {
            return delivery == Delivery::Store || is_archived_here || is_archived_there;
        }
    };
    Way way_of(const Session& session, const Inbound& message) const;
    /// The batch that keeps a message which goes that way.
    Result<storage::Batch, xml::StanzaError> keep(
        const Session& session, const Inbound& message, const Way& way
    ) const;
    /// Sends the message on, or refuses it; after its batch was committed, if there is one.
    void go(const SessionPtr& session, const Inbound& message, const Way& way);

    /// A message that a session had and did not acknowledge.
    struct Undelivered {
        xml::Element message;
        xml::Jid from, to;
        xml::Bytes text;   // with the time at which it was sent
    };
    /// Runs the queue of messages that are to wait in offline storage.
    using Run = std::function<void(const std::shared_ptr<SenderQueue>& queue)>;
    /// Messages that a session was sent and did not acknowledge, after it has left: each goes where
    /// it would have gone without that session, or its sender is told (XEP-0198 §5). Not those that
    /// another session of the account has; in a cluster other members are asked about these.
    void hand_on(const SessionPtr& ended, std::vector<Outgoing> messages, const Run& run);
    /// The client of a session has acknowledged these: no other end hands them on.
    void note_read(std::span<const Outgoing> messages);
    /// Ends of sessions about which other members are asked.
    std::size_t asking() const { return shared_.waiting(); }
    /// The batch with which one waits.
    Result<storage::Batch, xml::StanzaError> keep(const Undelivered& undelivered) const;
    /// The batch was committed, or the message cannot wait.
    void kept(const Undelivered& undelivered, const std::optional<xml::StanzaError>& error);
    /// Refuses queries that were not answered in time.
    void tick(std::chrono::steady_clock::time_point time);

    // Sessions on other members of a cluster: router_other_members.cpp
    /// An iq of type get or set of a session elsewhere to one here, as its member sent it on.
    void take_elsewhere(const SessionPtr& asker, xml::Element iq, const ForwardedQuery& query);
    /// A stanza that another member sent to a session here, or that was here. Of an answer to a
    /// query, and of a message of which copies were made, `head` is the start tag.
    void deliver_here(
        const SessionPtr& target,
        Outgoing stanza,
        const std::optional<xml::Element>& head,
        const Run& run
    );
    /// For each message whether it is in the care of a session of that account here, which is there
    /// or whose end came later.
    std::vector<bool> has_in_care(const UnreadShared& asked) const;
    /// The same, for another member. nullopt: that is not known before an end here is over.
    std::optional<std::vector<bool>> answer(const UnreadShared& asked);
    /// The query did not reach the member of the session that was to answer it.
    void unanswered(const ForwardedQuery& query);
    /// The session is about to move to another member: queries of it and to it that wait for their
    /// answer are refused.
    void refuse_queries(const SessionPtr& session);
    /// Components to which a session that moves has said that it is there.
    std::vector<std::string> components_told(const Session& session) const;
    void note_components(const Session& session, const std::vector<std::string>& told);
    void forget_components(const Session& session) { components_told_.erase(session.id); }
    /// A stanza to a session that has moved from here to another member.
    void pass_on(const SessionPtr& target, Outgoing stanza);
    /// That session elsewhere logged out, or has ended.
    void logged_out_elsewhere(const SessionPtr& session);

private:
    Routed prepare_iq(const Session& session, xml::Element iq, xml::Jid to) const;
    /// Of a message that another member sent on.
    Inbound prepare_packet(const Session& session, xml::Element message, xml::Jid to) const;
    std::optional<pubsub::PreparedRequest> prepare_at_account(
        const Session& session,
        xml::IqType type,
        const xml::Jid& to,
        controller::Destination destination,
        const xml::Element& iq
    ) const;
    const IqTable::Row* find_service(
        controller::Destination destination, const pubsub::IqRequest& request
    ) const;
    Result<pubsub::PreparedRequest, xml::StanzaError> prepare_payload(
        controller::Destination destination, const pubsub::IqRequest& request
    ) const;
    /// A stanza for others goes to them now.
    void hand_out(const SessionPtr& session, Inbound inbound);
    /// Requests are under way that are before what the session sends to others.
    static bool has_followed(const Session& session) {
        return session.queue && session.queue->is_followed();
    }
    bool follows(const Session& session, const Inbound& inbound) const;
    void hand_out_in_turn(const SessionPtr& session, Inbound inbound);
    void refuse_if_blocked(const Session& session, Inbound& inbound) const;
    // Presence and rosters: router_presence.cpp
    Routed prepare_presence(const Session& session, xml::Element stanza, Inbound inbound) const;
    Routed prepare_roster(const Session& session, xml::Element iq, Inbound inbound) const;
    void take_presence(const SessionPtr& session, Inbound inbound);
    void take_directed(const SessionPtr& session, const Inbound& inbound);
    void refuse_presence(
        const SessionPtr& session, const Inbound& inbound, const xml::StanzaError& error
    );
    void take_broadcast(const SessionPtr& session, presence::Stanza stanza);
    void take_relayed(const SessionPtr& session, Inbound inbound);

    // Components: router_components.cpp
    Routed prepare_for_component(const Session& session, xml::Element stanza, xml::Jid to) const;
    Routed prepare_from_component(const Session& session, xml::Element stanza) const;
    Routed ask_server(const xml::Element& iq, const xml::Jid& to) const;
    /// Null: it is not connected.
    SessionPtr session_of(const Component& component) const;
    void take_for_component(const SessionPtr& session, const Inbound& inbound);
    void take_from_component(const SessionPtr& session, const Inbound& inbound);
    void answer_from_component(
        const SessionPtr& session, const Inbound& inbound, const xml::Jid& from
    );
    void relay_query(
        const SessionPtr& asker,
        const SessionPtr& answerer,
        const xml::Jid& from,
        const Inbound& inbound
    );
    bool note_component(const Session& session, const Inbound& presence);
    /// A session that is not available any more says so to components that it told otherwise.
    void leave_components(const Session& session);
    void pass_presence(const Inbound& inbound);

    // Messages between clients: router_messages.cpp
    void take_message(const SessionPtr& session, Inbound inbound);
    Addressee addressee(const xml::Jid& to, bool is_reachable) const;
    Delivery in_its_turn(
        Delivery delivery,
        const xml::Element& message,
        const controller::MessageTraits& traits,
        const xml::Jid& to,
        std::size_t bytes
    ) const;
    bool has_other_receiver(const xml::Jid& to) const;
    std::vector<SessionPtr> receivers(Delivery delivery, const xml::Jid& to) const;
    bool is_copied_to_others(
        const SessionPtr& sender,
        const Inbound& message,
        const xml::Jid& to,
        const std::vector<SessionPtr>& had
    ) const;
    bool has_had(const Session& session, storage::Millis sent_at) const;
    bool is_had_here(const Session& ended, const Outgoing& message) const;
    bool was_for_one(const Session& ended, const Outgoing& message) const;
    std::vector<Outgoing> in_no_care(
        const std::vector<Outgoing>& messages,
        const UnreadShared& unread,
        const std::vector<bool>& elsewhere
    );
    void hand_on_now(const Session& ended, const std::vector<Outgoing>& messages, const Run& run);
    std::optional<Undelivered> read_undelivered(const Session& ended, const Outgoing& message)
        const;
    Delivery delivery_of_undelivered(const Session& ended, const Undelivered& undelivered) const;
    void return_message(const Undelivered& undelivered, const xml::StanzaError& error);
    /// Queued for a session, unless it does not read.
    bool relay(const SessionPtr& target, Outgoing message);
    /// A message as sender and addressee have it: with the id that it has in their archives.
    struct Texts {
        xml::Bytes sent, received;
    };
    static Texts texts_of(const Session& session, const Inbound& message, const Way& way);
    void copy(
        const SessionPtr& sender,
        const Inbound& message,
        const Texts& texts,
        const std::vector<SessionPtr>& had
    );
    void send_copies(
        const xml::Jid& account,
        const char* way,
        std::string_view type,
        const std::string& text,
        const std::vector<SessionPtr>& had
    );
    /// Whether stanzas of others reach it now. Between the end of its connection and its own end a
    /// session takes none: what is sent to it then would be lost.
    bool may_take(const Session& session) const {
        return session.is_open() && fanout_.is_logged_in(session);
    }
    /// RFC 6121 §8.5.3.1: a resource that is connected, whether it said so or not.
    SessionPtr connected(const xml::Jid& full) const;

    // Bulk data between clients: router_bulk.cpp
    Routed prepare_proxy_iq(const Session& session, xml::Element iq, xml::Jid to) const;
    Result<pubsub::PreparedRequest, xml::StanzaError> prepare_proxy(const pubsub::IqRequest& request
    ) const;
    void take_activation(const SessionPtr& session, const Inbound& inbound);
    void take_own_stream(const SessionPtr& session, const Inbound& inbound);
    void reply_done(const SessionPtr& session, const xml::Element& iq);
    std::optional<xml::StanzaError> refuse_offer(
        const Session& session, const xml::Jid& to, const controller::bulk::Offer& offer
    ) const;
    pubsub::Verdict verdict_on(
        const Session& session, const xml::Jid& to, const controller::bulk::Offer& offer
    ) const;
    Way way_of_packet(const Session& session, const Inbound& packet) const;
    SessionPtr receiver_elsewhere(const Session& session, const Inbound& packet) const;
    void note_answer(const Queries::Query& query, bool is_error);
    void note_offered_stream(const Queries::Query& query, const std::string& sid);

    // iqs between clients: router_queries.cpp
    struct Asked {
        xml::Jid to;   // full: the session that is to answer
        xml::Jid by;   // the address that was asked, where it was another one; else empty
        bool is_counted = false;   // ForwardedQuery
    };
    Inbound prepare_relayed_iq(const Session& session, xml::Element iq, xml::Jid to) const;
    void take_query(const SessionPtr& session, const Inbound& inbound);
    /// The same where the addressee may be another one than was asked (XEP-0268), if it is here.
    void ask_here(const SessionPtr& asker, const Inbound& inbound, const Asked& asked);
    void ask_elsewhere(
        const SessionPtr& asker,
        const SessionPtr& answerer,
        const Inbound& inbound,
        const Asked& asked
    );
    using Refuse = std::function<void(xml::StanzaError)>;
    void send_packet(const SessionPtr& sender, const SessionPtr& receiver, const Inbound& packet);
    void packet_lost(const ForwardedQuery& packet);
    void note_copied(const xml::Element& message, const xml::Jid& to);
    void refuse_where_nobody_has(const SessionPtr& target, const Outgoing& message);
    /// The iq goes to the answerer's member, which refuses it if need be.
    void send_elsewhere(
        const SessionPtr& answerer,
        const Queries::Query& query,
        xml::Bytes iq,
        const Refuse& refuse,
        bool is_counted = false
    );
    void refuse_query(
        const SessionPtr& asker,
        xml::Element iq,
        const xml::Jid& asked,
        const xml::StanzaError& error
    );
    std::optional<xml::StanzaError> refuse_pending(Queries::Query query);
    void take_answer(const SessionPtr& session, const Inbound& inbound);
    /// The policy is asked about it again when it is answered.
    static void note_question(
        Queries::Query& query, const Inbound& inbound, Queries::Query::Right right
    );
    bool passes_among_clients(const Session& asker, const Session& target, const Inbound& query)
        const;
    bool is_hidden_from(const Session& answerer, const Session& asker, const Queries::Query& query)
        const;
    /// The right of the question may have ended while it waited.
    std::optional<xml::StanzaError> refuse_answer(const Session& asker, const Queries::Query& query)
        const;
    void tell_unanswered(const std::vector<Queries::Query>& queries, const xml::StanzaError& error);
    void forget_queries(const SessionPtr& session);

    void reply_error(
        const SessionPtr& session, const xml::Element& stanza, const xml::StanzaError& error
    );

    CopiedMessages copied_;
    SharedMessages shared_;
    std::uint64_t relayed_ = 0;                                        // messages, Outgoing's order
    std::map<std::uint64_t, std::set<std::string>> components_told_;   // by session
    const Addresses& addresses_;
    const IqTable& server_iqs_;
    const IqTable& account_iqs_;
    pubsub::Broker& broker_;
    controller::Controller& controller_;
    SessionRegistry& sessions_;
    Fanout& fanout_;
    CatchUp& catch_up_;
    OfflineDelivery& offline_;
    Presence& presence_;
    SenderIds& senders_;
    bulk::ByteStreams* streams_ = nullptr;
    bulk::InBand* in_band_ = nullptr;
    bulk::InBandHistories* histories_ = nullptr;
    bulk::Permits* permits_ = nullptr;
    bool implicit_login_;
    std::function<std::optional<xml::StanzaError>(const xml::Element& stanza)> guard_;
    const std::size_t presence_bytes_max_;
    Queries queries_;
};

/// The transaction of an iq: context, answer, effect on the session. (iq_transaction.cpp)
std::unique_ptr<Transaction> make_iq_transaction(
    Router& router,
    Fanout& fanout,
    const SessionPtr& session,
    const xml::Element& iq,
    pubsub::PreparedRequest prepared
);

/// A message that goes in its turn: it is to wait for its addressee, or one before it is.
/// (message_transaction.cpp)
std::unique_ptr<Transaction> make_message_transaction(
    Router& router, controller::Controller& controller, const SessionPtr& session, Inbound message
);
/// One without a session that waits for its answer: it goes to offline storage.
std::unique_ptr<Transaction> make_waiting_transaction(
    Router& router, controller::Controller& controller, Router::Undelivered undelivered
);

}   // namespace grid::server
