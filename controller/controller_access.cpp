// controller/controller_access.cpp: may this actor do that? Certificate, account and policy, in
// that order; each of the three alone refuses.
#include "controller/accounts/notice_texts.hpp"
#include "controller/audit/refusals.hpp"
#include "controller/controller.hpp"
#include "controller/state.hpp"

namespace grid::controller {

namespace {

const std::string system_rule = "system";
const std::string no_account_rule = "account not registered";
const std::string pending_rule = "account waits for approval";
const std::string disabled_rule = "account disabled";

const std::string& rule_of(AccountState state) {
    if (state == AccountState::Pending) return pending_rule;
    return state == AccountState::Disabled ? disabled_rule : no_account_rule;
}

bool is_system(const pubsub::Principal& actor) { return actor.origin == pubsub::Origin::System; }

}   // namespace

const Account* State::account_of(const pubsub::Principal& actor) const {
    const Account* account = accounts.find(actor.jid.bare_view());
    if (account == nullptr || !account->is_bound_to_any(actor.issuer)) return nullptr;
    // A name that came from a mapping rule is void once an xmppAddr has bound the account: mapped
    // certificates cannot take over a name that a certificate itself states.
    if (actor.is_mapped && !account->is_mapped) return nullptr;
    return account;
}

AccountState State::state_of(const pubsub::Principal& actor) const {
    const Account* account = account_of(actor);
    return account == nullptr ? AccountState::Init : account->state;
}

std::optional<Failure> State::entitled(const pubsub::Principal& actor) const {
    if (is_system(actor)) return std::nullopt;
    switch (state_of(actor)) {
        case AccountState::Enabled:
            return std::nullopt;
        case AccountState::Pending:
            return Failure{Errc::Pending, "this account waits for an administrator's approval", {}};
        case AccountState::Disabled:
            return Failure{Errc::Disabled, "an administrator disabled this account", {}};
        case AccountState::Init:
            break;
    }
    return Failure{Errc::Unregistered, "register with " + settings.address.str() + " first", {}};
}

bool State::is_administrator(const pubsub::Principal& actor) const {
    return role_of(actor) == Role::Administrator;
}

Role State::role_of(const pubsub::Principal& actor) const {
    if (is_system(actor)) return Role::Administrator;
    const Account* account = account_of(actor);
    if (account == nullptr || account->state != AccountState::Enabled) return Role::Anybody;
    // A login to XMPP by password shows no code.
    const bool lacks_code = actor.origin == pubsub::Origin::Session &&
                            actor.issuer.starts_with(password_prefix) &&
                            second_factors.find(account->jid, account->created) != nullptr;
    return lacks_code ? Role::Member : account->role();
}

std::optional<Failure> State::refuse_act(const pubsub::Principal& actor, Act act) const {
    const Role role = role_of(actor);
    if (role >= least_role(act)) return std::nullopt;
    note_refusal(audit, actor, act, {}, role_rule(act));
    return role_needed(act, role);
}

/// The policy's answer about that very object: one without a type has none.
static policy::Match decide_as_given(
    const State& state,
    const pubsub::Principal& actor,
    policy::Right operation,
    const policy::Object& object
) {
    const Account* account = state.account_of(actor);
    if (account == nullptr) return {false, 0, &no_account_rule};
    if (account->state != AccountState::Enabled) return {false, 0, &rule_of(account->state)};
    const bool has_certificate =
        !actor.issuer.starts_with(password_prefix) && !actor.issuer.starts_with(component_prefix);
    policy::SessionFacts session{actor.address, {}, has_certificate};
    if (state.policy.asks_sessions(operation) && actor.session != 0)
        if (const Identity* identity = state.sessions.identity(actor.session))
            session.issuer = identity->issuer;
    return state.policy.of(*account, operation, object, session);
}

policy::Match State::decide(
    const pubsub::Principal& actor, policy::Right operation, const policy::Object& object
) const {
    if (is_system(actor)) return {true, 0, &system_rule};
    policy::Object asked = object;
    const std::string type = type_of(operation, object);
    asked.type = type;
    return decide_as_given(*this, actor, operation, asked);
}

namespace {

/// `ask` gives the policy's answer about an object. A rule about a topic says nothing of the names
/// that its publishers declare: those are asked about as if they were topics, so that rules for a
/// service, for a topic called so, or for everything decide.
template <class Ask>
policy::Match match_serving(Ask ask, std::string_view topic, std::string_view service) {
    const policy::Match there = ask(policy::Object{topic, {}, service});
    const bool is_own = topic == service || split_topic(topic).name == service;
    if (is_own || there.names_service) return there;
    return ask(policy::Object{service, {}, service});
}

}   // namespace

policy::Match State::decide_serving(
    const pubsub::Principal& actor, std::string_view topic, std::string_view service
) const {
    const auto ask = [&](const policy::Object& object) {
        return decide(actor, policy::Right::Publish, object);
    };
    return match_serving(ask, topic, service);
}

bool State::may_serve(const xml::Jid& provider, std::string_view topic, std::string_view service)
    const {
    const Account* account = accounts.find(provider.bare_view());
    if (account == nullptr || account->state != AccountState::Enabled) return false;
    const auto ask = [&](policy::Object object) {
        const std::string type = type_of(policy::Right::Publish, object);
        object.type = type;
        return policy.of(*account, policy::Right::Publish, object, policy::SessionKnown::Possible);
    };
    return match_serving(ask, topic, service).allowed;
}

std::string State::governing(std::string_view topic) const {
    const auto node = directory.node(topic);
    return node && !node->topic.empty() ? node->topic : std::string(topic);
}

std::string State::type_of(policy::Right operation, const policy::Object& object) const {
    if (!object.type.empty() || !policy.asks_type(operation)) return std::string(object.type);
    const auto node = directory.node(object.topic);
    return node ? node->type : std::string();
}

policy::Match State::decide_for(
    const xml::Jid& client, policy::Right operation, const policy::Object& object
) const {
    const Account* account = accounts.find(client.bare_view());
    if (account == nullptr) return {false, 0, &no_account_rule};
    if (account->state != AccountState::Enabled) return {false, 0, &rule_of(account->state)};
    const std::string type = type_of(operation, object);
    const policy::Object asked{object.topic, type, object.service};
    std::vector<SessionView> there;
    if (policy.asks_sessions(operation)) there = sessions.sessions_of(client.bare());
    std::optional<policy::Match> match;
    for (const SessionView& session : there) {
        if (!client.is_bare() && session.jid != client) continue;
        // Bound to another certificate (account_of).
        if (!account->is_bound_to(session.identity)) continue;
        match = policy.of(
            *account, operation, asked,
            {session.address, session.identity.issuer, !session.identity.is_by_password()}
        );
        if (!match->allowed) return *match;
    }
    return match ? *match : policy.of(*account, operation, asked, policy::SessionKnown::Certain);
}

void State::expect_account(storage::Batch& batch, const pubsub::Principal& actor) const {
    if (is_system(actor)) return;
    const Account* account = accounts.find(actor.jid.bare_view());
    batch.expect(
        storage::Family::Control, account_key(actor.jid.bare_view()),
        account == nullptr ? 0 : account->revision
    );
}

void State::expect_gates(storage::Batch& batch, const pubsub::Principal& actor) const {
    if (is_system(actor)) return;
    expect_account(batch, actor);
    batch.expect(storage::Family::Control, policy::policy_head_key(), policy.head().revision);
}

void State::note(
    const pubsub::Principal& actor,
    std::string_view operation,
    std::string_view topic,
    const policy::Match& match
) const {
    audit::Record record =
        audit::by(actor, match.allowed ? audit::Outcome::Allow : audit::Outcome::Deny, operation);
    record.topic = topic;
    record.rule = *match.rule;
    audit.add(std::move(record));
}

pubsub::Verdict Controller::check(
    const pubsub::Principal& actor,
    pubsub::Right operation,
    std::string_view node,
    std::string_view type
) const {
    const policy::Match match =
        state_->decide(actor, policy::from(operation), policy::Object{node, type, {}});
    // Reads are on the audit, too. Changes are on record with their batch, refusals by `refused`.
    if (match.allowed && operation == pubsub::Right::Retrieve)
        state_->note(actor, pubsub::to_string(operation), node, match);
    return {match.allowed, *match.rule};
}

bool Controller::allows(
    const pubsub::Principal& actor,
    pubsub::Right operation,
    std::string_view node,
    std::string_view type
) const {
    return is_system(actor) ||
           decide_as_given(
               *state_, actor, policy::from(operation), policy::Object{node, type, {}}
           ).allowed;
}

bool Controller::may_receive(
    const xml::Jid& subscriber, std::string_view node, std::string_view type
) const {
    const Account* account = state_->accounts.find(subscriber.bare_view());
    if (account == nullptr || account->state != AccountState::Enabled) return false;
    if (account->is_in(administrators_group)) return true;   // past the policy, as at the broker
    // A session that may have it is asked for at each delivery (may_receive_here).
    return state_->policy
        .of(*account, policy::Right::Subscribe, policy::Object{node, type, {}},
            policy::SessionKnown::Possible)
        .allowed;
}

bool Controller::may_publish(
    const xml::Jid& publisher, std::string_view node, std::string_view type
) const {
    const Account* account = state_->accounts.find(publisher.bare_view());
    return account != nullptr && account->state == AccountState::Enabled &&
           state_->policy
               .of(*account, policy::Right::Publish, policy::Object{node, type, {}},
                   policy::SessionKnown::Possible)
               .allowed;
}

bool Controller::asks_sessions() const {
    return state_->policy.asks_sessions(policy::Right::Subscribe);
}

bool Controller::may_receive_here(
    const pubsub::Principal& session, std::string_view node, std::string_view type
) const {
    return state_->is_administrator(session) ||
           state_->decide(
                     session, policy::Right::Subscribe, policy::Object{node, type, {}}
           ).allowed;
}

pubsub::Verdict Controller::check_subscriber(
    const xml::Jid& subscriber, std::string_view node, std::string_view type
) const {
    static const std::string administrator_rule = "administrator";
    const Account* account = state_->accounts.find(subscriber.bare_view());
    if (account == nullptr) return {false, no_account_rule};
    if (account->state != AccountState::Enabled) return {false, rule_of(account->state)};
    if (account->is_in(administrators_group)) return {true, administrator_rule};
    // The networks of the account's sessions are not known yet: a rule about networks counts as
    // allowing, and each delivery asks again.
    const policy::Match match = state_->policy.of(
        *account, policy::Right::Subscribe, policy::Object{node, type, {}},
        policy::SessionKnown::Possible
    );
    return {match.allowed, *match.rule};
}

void Controller::store_notice(
    storage::Batch& batch, const xml::Jid& to, const std::string& subject, std::string inside
) const {
    const std::string_view bare = to.bare_view();
    const Accounts& accounts = state_->accounts;
    if (accounts.find(bare) == nullptr || !accounts.notices().has_room(bare)) return;
    // A session elsewhere may have ended: its member forgets the notice once that one has heard.
    if (!state_->sessions.active_resources_here(to.bare()).empty()) return;
    accounts.notices().put(batch, bare, subject, std::move(inside));
}

void Controller::notice_went_out(
    const pubsub::Notice& notice,
    const xml::Jid& account,
    storage::Revision revision,
    bool has_heard,
    SessionControl& control
) {
    State& state = *state_;
    Notices& notices = state.accounts.notices();
    // The event was not for those: for another resource, or not for a negative priority.
    const auto here =
        has_heard ? std::vector<xml::Jid>() : state.sessions.active_resources_here(account);
    for (const xml::Jid& full : here)
        tell_notice(
            full, notice, revision, {state.settings, state.accounts, state.sessions, control}
        );
    if (has_heard || !here.empty()) return notices.told(account.str(), notice.subject, revision);
    if (notice.is_own && state.accounts.find(account.str()) != nullptr)
        notices.missed(account.str(), notice.subject, revision, notice.inside);
}

bool Controller::is_administrator(const pubsub::Principal& actor) const {
    return state_->is_administrator(actor);
}

bool Controller::is_administrator_account(const xml::Jid& account) const {
    const Account* found = state_->accounts.find(account.bare_view());
    return found != nullptr && found->state == AccountState::Enabled &&
           found->is_in(administrators_group);
}

std::uint64_t Controller::revision() const { return state_->revision; }

void Controller::record_allowed(
    storage::Batch& batch,
    const pubsub::Principal& actor,
    const std::vector<pubsub::Deed>& deeds,
    std::string_view node,
    const pubsub::Verdict& verdict
) const {
    state_->expect_gates(batch, actor);
    const auto add = [&](const pubsub::Deed& deed) {
        audit::Record record = audit::by(actor, audit::Outcome::Allow, deed.name);
        record.topic = deed.node.empty() ? node : std::string_view(deed.node);
        record.target = verdict.subject.empty() ? deed.target : verdict.subject;
        record.rule = verdict.rule;
        record.detail = deed.detail;
        audit::append(batch, record);
    };
    for (const pubsub::Deed& deed : deeds) {
        const bool is_plain = verdict.subject.empty() && deed.target.empty() &&
                              deed.detail.empty() && deed.node.empty();
        if (is_plain)
            audit::append_allowed(batch, actor, deed.name, node, verdict.rule);
        else
            add(deed);
    }
    if (verdict.subject.empty()) return;
    // A request for another account expects that account's record, too.
    const Account* subject = state_->accounts.find(verdict.subject);
    batch.expect(
        storage::Family::Control, account_key(verdict.subject),
        subject == nullptr ? 0 : subject->revision
    );
}

void Controller::refused(
    const pubsub::Principal& actor,
    const pubsub::Deed& deed,
    std::string_view node,
    const pubsub::Verdict& verdict
) const {
    audit::Record record = audit::by(actor, audit::Outcome::Deny, deed.name);
    record.topic = deed.node.empty() ? node : std::string_view(deed.node);
    record.target = verdict.subject.empty() ? deed.target : verdict.subject;
    record.rule = verdict.rule;
    record.detail = deed.detail;
    state_->audit.add(std::move(record));
}

AccountState Controller::state(const xml::Jid& bare) const {
    const Account* account = state_->accounts.find(bare.bare_view());
    return account == nullptr ? AccountState::Init : account->state;
}

AccountState Controller::state(const pubsub::Principal& actor) const {
    return state_->state_of(actor);
}

}   // namespace grid::controller
