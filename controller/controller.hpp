// controller/controller.hpp: admission, accounts and policy; the memory follows the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/accounts/approval.hpp"
#include "controller/identity.hpp"
#include "controller/ports.hpp"
#include "pubsub/engine.hpp"
#include "pubsub/ports.hpp"
#include "pubsub/request.hpp"

namespace grid::controller {

/// The operator's configuration ([accounts], [controller], [audit] in gridd.toml). Immutable.
struct Settings {
    std::string domain;                                    // the grid domain D
    xml::Jid address;                                      // canonical, `controller.D`
    std::vector<xml::Jid> aliases;                         // e.g. grid_controller.jabber
    xml::Jid broker;                                       // canonical, `pubsub.D`
    bool auto_approve = false;                             // approve at the first login
    std::vector<std::string> default_groups{"everyone"};   // of an approved account
    bool implicit_login = true;                            // the first request logs in
    std::size_t accounts_max = 100'000;
    std::size_t pending_per_anchor_max = 1'000;
    std::vector<ApprovalRule> approve;   // first match wins, before auto_approve
    bool pin_keys = false;               // a new account is pinned to the key that it came with
    storage::Millis pending_expire_ms = 30LL * 24 * 3600 * 1000;
    std::size_t subtopics_max = 1'000;   // of one topic, whatever its providers say
    std::size_t audit_queue_max = 10'000;
    std::size_t page_max = 1'000;
    bool precheck = true;   // queries between clients are checked before they are delivered
    std::uint32_t publisher_lease_seconds = 300;   // of a publisher without presence
    std::string incident_topic;   // XEP-0268: reports to the grid become items of it; empty: none
    /// Namespaces of what the server itself answers to accounts that are not enabled, too.
    std::set<std::string> open_services;
};

/// The state of an account. INIT is "no record": an account is not stored before it registers.
enum class AccountState { Init, Pending, Enabled, Disabled };
std::string_view to_string(AccountState state);

/// May this certificate enter the session table? Asked at SASL and again at bind, on the grid
/// strand.
struct Admission {
    enum class Kind { Enter, Disabled, OtherCertificate, OtherKey } kind = Kind::Enter;
    AccountState state = AccountState::Init;
    std::string text;   // for the SASL failure and the log
};

/// The destination of a stanza; a confined session may reach some only.
enum class Destination { Server, OwnAccount, Controller, Broker, Client, Elsewhere };

/// An ad-hoc command, or service discovery of commands (XEP-0050): the grid's domain takes them as
/// the controller does, since stock clients send administration there (XEP-0133). Any thread.
bool is_about_commands(const xml::Element& payload);

/// All members on the grid strand, except prepare (any thread).
class Controller final : public pubsub::IqService, public pubsub::AccessPolicy {
public:
    Controller(Settings settings, const Sessions& sessions);
    ~Controller() override;
    /// The broker's nodes are the topic directory. Call once, before anything else.
    void attach(pubsub::Engine& broker);
    const Settings& settings() const;

    // IqService: the Grid protocol in both dialects, disco#info/#items of the controller.
    std::optional<Result<pubsub::Prepared, xml::StanzaError>> prepare(
        const pubsub::IqRequest& request
    ) override;

    // AccessPolicy.
    pubsub::Verdict check(
        const pubsub::Principal& actor,
        pubsub::Operation operation,
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
        pubsub::Operation operation,
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

    void owe(
        storage::Batch& batch, const xml::Jid& to, const std::string& subject, std::string inside
    ) const override;
    pubsub::Verdict check_subscriber(
        const xml::Jid& subscriber, std::string_view node, std::string_view type
    ) const override;
    void describe(std::string_view node, xml::Form& meta_data) const override;

    // Streams.
    Admission admit(const Identity& identity) const;
    /// The request that the server itself must run before a bind succeeds: automatic registration,
    /// or binding an administrator who was made on the machine to the first certificate. nullopt
    /// when all is in place.
    std::optional<pubsub::Prepared> enrolment(const Identity& identity);
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
    /// XEP-0268: who answers inquiries and requests to the grid now: one of the providers of the
    /// incident topic, by `spread`, and never the asker (a full JID), which would wait for itself.
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
    void attach(const Chains* chains);

    void apply(const storage::KeyChange& change);
    void notify(const storage::Committed& committed, SessionControl& control);
    /// Back to the state before the first apply: a whole scan follows (after a Gap of the feed).
    void forget();
    void scan_finished();
    /// A session of an ENABLED account became active: it is sent the account's notices.
    void logged_in(const xml::Jid& full, SessionControl& control);
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

    struct State;   // the parts; for the other mouths of the same functions (admin/, commands/)
    State& state_for_admin() { return *state_; }

private:
    bool is_open_at_server(const xml::Element& payload) const;

    std::unique_ptr<State> state_;
};

}   // namespace grid::controller
