// controller/controller.hpp: admission, accounts and policy; the memory follows the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/admission.hpp"
#include "controller/audit/record.hpp"
#include "controller/bulk/transfer.hpp"
#include "controller/contacts/roster_query.hpp"
#include "controller/credentials/credentials.hpp"
#include "controller/identity.hpp"
#include "controller/ports.hpp"
#include "controller/process_control.hpp"
#include "controller/settings.hpp"
#include "pubsub/broker.hpp"
#include "pubsub/ports/ports.hpp"
#include "pubsub/request.hpp"

namespace grid::controller {

/// An ad-hoc command, or service discovery of commands (XEP-0050): the grid's domain takes them as
/// the controller does, since stock clients send administration there (XEP-0133). Any thread.
bool is_about_commands(const xml::Element& payload);

struct State;
class OfflineMessages;

/// All members on the core strand, except prepare (any thread).
class Controller final : public pubsub::IqService, public pubsub::AccessPolicy {
public:
    Controller(Settings settings, const Sessions& sessions);
    ~Controller() override;
    /// The broker's nodes are the topic directory. Call once, before anything else.
    void attach(pubsub::Broker& broker);
    const Settings& settings() const;

    // IqService: the Grid protocol in both dialects, disco#info/#items of the controller.
    std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare(
        const pubsub::IqRequest& request
    ) override;

    // AccessPolicy.
    pubsub::Verdict check(
        const pubsub::Principal& actor,
        pubsub::Right operation,
        std::string_view node,
        std::string_view type
    ) const override;
    bool may_receive(const xml::Jid& subscriber, std::string_view node, std::string_view type)
        const override;
    bool may_publish(const xml::Jid& publisher, std::string_view node, std::string_view type)
        const override;
    bool asks_sessions() const override;
    bool may_receive_here(
        const pubsub::Principal& session, std::string_view node, std::string_view type
    ) const override;
    bool allows(
        const pubsub::Principal& actor,
        pubsub::Right operation,
        std::string_view node,
        std::string_view type
    ) const override;
    bool is_administrator(const pubsub::Principal& actor) const override;
    bool is_administrator_account(const xml::Jid& account) const override;
    std::uint64_t revision() const override;
    void record_allowed(
        storage::Batch& batch,
        const pubsub::Principal& actor,
        const std::vector<pubsub::Deed>& deeds,
        std::string_view node,
        const pubsub::Verdict& verdict
    ) const override;
    void refused(
        const pubsub::Principal& actor,
        const pubsub::Deed& deed,
        std::string_view node,
        const pubsub::Verdict& verdict
    ) const override;

    void store_notice(
        storage::Batch& batch, const xml::Jid& to, const std::string& subject, std::string inside
    ) const override;
    pubsub::Verdict check_subscriber(
        const xml::Jid& subscriber, std::string_view node, std::string_view type
    ) const override;
    void describe(std::string_view node, xml::Form& meta_data) const override;

    // Streams.
    Admission admit(const Identity& identity) const;
    /// The request of a stranger for an account with a password, before it has logged in (XEP-0077
    /// §3.1). Any thread.
    Result<pubsub::PreparedRequest, xml::StanzaError> registration(
        const std::string& username, const std::string& password
    );
    /// jabber:iq:register is answered at the domain and at the own account, too, as stock clients
    /// ask there to change a password. Any thread.
    bool is_registrar(Destination destination, const xml::Element& payload) const;
    /// The keys against which a login by password is measured.
    LoginKeys login_keys(const LoginQuestion& question) const;
    /// The request that the server runs for a login that asks for a token, or came by one. `issued`
    /// gets the new one, if any.
    pubsub::PreparedRequest token_request(
        const Identity& identity,
        const TokenWish& wish,
        std::shared_ptr<std::optional<Token>> issued
    );
    /// The request that the server itself must run before a bind succeeds: automatic registration,
    /// or binding an administrator made on the machine to the first certificate. nullopt
    /// when all is in place.
    std::optional<pubsub::PreparedRequest> enrolment(const Identity& identity);
    /// The refusal of a request that an account may not make before it is ENABLED; nullopt if
    /// allowed.
    std::optional<xml::StanzaError> confine(
        const pubsub::Principal& actor, Destination destination, const xml::Element& stanza
    ) const;
    /// Whether that request needs a session that has logged in, where the request itself does not
    /// log in.
    bool needs_login(Destination destination, const xml::Element& stanza) const;
    static xml::StanzaError not_logged_in(Destination destination);
    /// May this actor send that iq to this client (full JID)? nullopt if allowed; a refusal is on
    /// record. Both accounts are ENABLED already.
    std::optional<xml::StanzaError> refuse_query(
        const pubsub::Principal& actor, const xml::Jid& to, const xml::Element& payload
    ) const;
    /// The same when that client answers: the right may have ended meanwhile. A refusal alone is on
    /// record; the question was.
    std::optional<xml::StanzaError> refuse_answer(
        const pubsub::Principal& actor, const xml::Jid& to, const xml::Element& payload
    ) const;
    /// Whether that iq is about no topic: the client provides nothing, or is asked about itself.
    /// `is_node_known`: the payload names no node, or what the client has said of itself
    /// (XEP-0115).
    bool is_among_clients(
        const xml::Jid& to, const xml::Element& payload, bool is_get, bool is_node_known
    ) const;
    /// May this actor send such an iq to a client that shares its presence with it (RFC 6121
    /// §8.5.3.1)? As a message would pass. On record; of answers a refusal alone.
    std::optional<xml::StanzaError> refuse_among_clients(
        const pubsub::Principal& actor,
        const xml::Jid& to,
        const xml::Element& payload,
        bool is_answer
    ) const;
    // Messages between accounts: controller_messages.cpp
    /// May this actor send a message to that account? A refused sender is told the same as of an
    /// account that is not there. Not on record.
    pubsub::Verdict check_message(const pubsub::Principal& actor, const xml::Jid& to) const;
    /// Puts that verdict on record.
    void record_message(
        const pubsub::Principal& actor, const xml::Jid& to, const pubsub::Verdict& verdict
    ) const;
    /// Whether the account (bare) has blocked that address (XEP-0191): no stanza passes between
    /// them, either way. Never true of the account's own resources.
    bool is_blocked(const xml::Jid& account, const xml::Jid& other) const;
    /// A message that is kept, and where.
    struct Kept {
        xml::Jid to;
        bool waits = false;   // for its addressee, who is away
        bool is_archived_here = false, is_archived_there = false;   // of sender and addressee
        std::string id;                                             // of the archives
        std::string_view sent, received;   // the message as each of them has it
    };
    bool is_archived(const xml::Jid& account, const xml::Jid& with) const;
    /// The first and the last message of the account's archive (XEP-0313); nullopt: accounts have
    /// none.
    std::optional<xml::Element> archive_metadata(const xml::Jid& account) const;
    /// The batch that keeps it. Refused where there is no room for one that waits.
    Result<storage::Batch, xml::StanzaError> keep_message(
        const pubsub::Principal& actor, const Kept& message
    ) const;
    OfflineMessages& offline();
    const OfflineMessages& offline() const;
    /// Requests of a client to its own account: copies of messages, block list, archive. nullopt:
    /// the payload is none of these. Any thread.
    std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_own(
        const pubsub::IqRequest& request
    ) const;
    /// Requests at the address of bulk data: files that clients exchange (XEP-0363), the BulkQuery
    /// of the Grid protocol. nullopt: the payload is none of these, or no files are kept. Any
    /// thread.
    std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_files(
        const pubsub::IqRequest& request
    ) const;
    /// The part of URLs before /bulk/, where the configuration does not say. Before the first
    /// client.
    void set_files_url(const std::string& url);
    // Bulk data between accounts: controller_bulk.cpp
    /// May this session send bulk data to that account? Between resources of one account without a
    /// rule; block lists of either side count. Not on record: that is the transfer.
    pubsub::Verdict check_bulk(const pubsub::Principal& actor, const xml::Jid& to) const;
    /// The same of an account, from some session at least: of one that left something to be
    /// fetched, and may be offline.
    pubsub::Verdict check_bulk_between(const xml::Jid& from, const xml::Jid& to) const;
    /// May that provider send the client what it asked for by that BulkQuery (gi::bulk_question)?
    /// The client's right is asked, and whether the provider still provides. Not on record.
    pubsub::Verdict check_bulk_answer(
        const pubsub::Principal& asker, const xml::Jid& provider, const xml::Element& question
    ) const;
    /// Whether there is any account that it may send bulk data to, as far as the policy's rules
    /// tell without their conditions.
    bool may_send_bulk(const pubsub::Principal& actor) const;
    /// A client offered another one a stream, or was refused: that is on record.
    void record_offer(
        const pubsub::Principal& actor, const xml::Jid& to, const pubsub::Verdict& verdict
    ) const;
    /// Beginning, end or refusal of a transfer (controller/bulk/transfer.hpp).
    void record_transfer(audit::Record record) const;
    /// The table of transfers, for `status`. Call once, before anything else.
    void attach(const bulk::Table* transfers);
    /// As check_message, with the answer on record; block lists of either side count as well.
    bool may_message(const pubsub::Principal& actor, const xml::Jid& to) const;
    /// The same of presence, which goes out too often to be on record. An account that is not
    /// enabled has no presence, and gets none.
    bool may_share(const pubsub::Principal& actor, std::string_view to) const;
    /// The same of an account, from some session at least.
    bool may_reach(std::string_view from, std::string_view to) const;

    // Rosters and subscriptions to presence (RFC 6121): controller_contacts.cpp
    const contacts::Rosters& rosters() const;
    using RosterDecision = storage::Decision<contacts::RosterAnswer, xml::StanzaError>;
    /// A roster get or set of the actor's own account; of one that is not enabled the roster is
    /// empty.
    RosterDecision decide_roster(
        const contacts::RosterRequest& request, const pubsub::Context& context
    ) const;
    /// A subscription stanza to that bare JID; `stanza` is the text behind `<presence to='…'`, with
    /// the actor's bare JID as `from`.
    RosterDecision decide_subscription(
        contacts::Kind kind,
        const xml::Jid& to,
        const std::string& stanza,
        const pubsub::Context& context
    ) const;

    /// XEP-0268: the provider of the incident topic that answers inquiries and requests to the grid
    /// now, chosen by `spread`; never the asker (a full JID), which would wait for itself.
    std::optional<xml::Jid> incident_responder(
        const xml::Jid& asker, std::string_view spread, storage::Millis now
    ) const;
    AccountState state(const xml::Jid& bare) const;
    /// The same for a session: INIT when the account belongs to another certificate than it showed.
    AccountState state(const pubsub::Principal& actor) const;

    /// The session logged out, or its stream has ended: its registrations as publisher end.
    void session_ended(std::uint64_t session);
    /// The sessions that are registered as publishers: in a cluster others are told when their last
    /// stanza came.
    std::vector<std::uint64_t> registered_sessions() const;
    /// The verifier of certificate chains for isAuthorized. Call once, before anything else; null:
    /// such requests are denied.
    void attach(const CertificateVerifier* chains);
    /// The process that administrators may end. Call once, before anything else.
    void attach(ProcessControl& process);

    void apply(const storage::KeyChange& change);
    void notify(const storage::Committed& committed, SessionControl& control);
    /// Back to the state before the first apply: a whole scan follows (after a Gap of the feed).
    void forget();
    void scan_finished();
    /// The event of which a notice is has gone out. If no session of that account here has heard,
    /// those that are there are told as at a login; without any the notice is stored, unless its
    /// batch did so.
    void notice_went_out(
        const pubsub::Notice& notice,
        const xml::Jid& account,
        storage::Revision revision,
        bool has_heard,
        SessionControl& control
    );
    /// A session of an ENABLED account became active: it is sent the account's notices and
    /// greetings.
    void logged_in(const xml::Jid& full, storage::Millis now, SessionControl& control);
    /// Bounded background batches: queued audit records, expired PENDING accounts. `leads` as in
    /// pubsub::Broker::due.
    std::vector<storage::Batch> due(
        storage::Millis now, std::size_t batches_max, bool leads = true
    );
    /// Connects, logins, disconnects: no changes, but on record (bounded queue).
    void record_session(
        const Identity& identity,
        std::string_view what,
        std::string_view address,
        std::string_view detail
    );
    /// A login or a request by HTTPS that was refused. `claimed`: the account that it was to be,
    /// which is not proved; empty where none was named.
    void record_refusal(
        std::string_view what,
        std::string_view claimed,
        std::string_view address,
        std::string_view condition,
        std::string_view reason
    );
    /// Such refusals since the start, by what was refused and condition. For metrics.
    const std::map<std::pair<std::string, std::string>, std::uint64_t>& refusal_counts() const;
    /// Puts on record something that the server itself found: a clock that jumped.
    void record_system(std::string_view what, std::string_view detail);
    /// Puts on record that files were read anew, or that this was refused: an administrator's act,
    /// or the system's own.
    void record_reload(const pubsub::Principal& by, bool is_taken, std::string_view detail);
    /// The wall clock for records that wait. Call once, before anything else.
    void attach_clock(std::function<storage::Millis()> clock);
    /// Audit records that are to be committed before a change that is about to be.
    std::vector<storage::Batch> due_before_change();

    /// Start: installs a policy text when there is none yet; makes these accounts administrators
    /// (ENABLED, in group `administrators`). Batches to commit; empty when all is in place. An
    /// error text when the policy does not parse.
    Result<std::vector<storage::Batch>, std::string> bootstrap(
        const std::optional<std::string>& policy_text, const std::vector<xml::Jid>& administrators
    );

    /// The operator's decision on the machine: accounts to be bound to another CA (SHA-256 of its
    /// key, hex). No batches and no problems: all accounts are bound so already.
    struct Rebinds {
        std::vector<storage::Batch> batches;
        std::vector<std::string> problems;
    };
    Rebinds rebind(const std::vector<std::pair<xml::Jid, std::string>>& wanted) const;

    /// For the interfaces beside the Grid protocol: rest/, commands/.
    State& state_for_admin() { return *state_; }

private:
    Result<pubsub::PreparedRequest, xml::StanzaError> prepare_grid(const xml::Element& payload
    ) const;
    std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_bulk_query(
        const pubsub::IqRequest& request
    ) const;
    bool is_open_at_server(const xml::Element& payload) const;
    void find_leaving();
    /// Ends the contacts of deleted accounts, a part at a time.
    std::vector<storage::Batch> leave_contacts(std::size_t batches_max);

    std::unique_ptr<State> state_;
};

}   // namespace grid::controller
