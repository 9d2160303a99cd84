// controller/controller.hpp: admission, accounts and policy; the memory follows the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/admission.hpp"
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
    void seal(
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
    /// May this actor send a message to that account? The answer is on record; a refused sender is
    /// told the same as of an account that is not there.
    bool may_message(const pubsub::Principal& actor, const xml::Jid& to) const;
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
    /// A session of an ENABLED account became active: it is sent the account's notices and
    /// greetings.
    void logged_in(const xml::Jid& full, storage::Millis now, SessionControl& control);
    /// Bounded background batches: queued audit records, expired PENDING accounts.
    std::vector<storage::Batch> due(storage::Millis now, std::size_t batches_max);
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
    /// Puts on record something that the server itself found: a clock that jumped.
    void record_system(std::string_view what, std::string_view detail);
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
    bool is_open_at_server(const xml::Element& payload) const;

    std::unique_ptr<State> state_;
};

}   // namespace grid::controller
