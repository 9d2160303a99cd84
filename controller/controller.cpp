// controller/controller.cpp: the controller put together: streams, apply, notify, background,
// start.
#include "controller/controller.hpp"

#include <algorithm>
#include <iterator>

#include "controller/accounts/notice_texts.hpp"
#include "controller/administration/account_acts.hpp"
#include "controller/administration/act_event.hpp"
#include "controller/administration/settings_acts.hpp"
#include "controller/admit.hpp"
#include "controller/requests/requests.hpp"
#include "controller/state.hpp"
#include "controller/topics/subtopic_notification.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

Controller::Controller(Settings settings, const Sessions& sessions)
    : state_(std::make_unique<State>(std::move(settings), sessions)) {}

Controller::~Controller() = default;

void Controller::attach(pubsub::Broker& broker) {
    state_->directory.attach(broker);
    broker.attach(state_->filters);
    broker.attach(state_->schemas);
}

void Controller::attach(const CertificateVerifier* chains) { state_->chains = chains; }

void Controller::attach(ProcessControl& process) { state_->process = &process; }

void Controller::session_ended(std::uint64_t session) {
    state_->directory.registrations.session_ended(session);
}

std::vector<std::uint64_t> Controller::registered_sessions() const {
    return state_->directory.registrations.sessions();
}

const Settings& Controller::settings() const { return state_->settings; }

Admission Controller::admit(const Identity& identity) const {
    return controller::admit(state_->accounts.find(identity.account.bare_view()), identity);
}

LoginKeys Controller::login_keys(const LoginQuestion& question) const {
    const Account* account = state_->accounts.find(question.name);
    auto keys = state_->credentials.login_keys(
        question.name,
        account != nullptr ? std::string_view(account->password) : std::string_view(),
        question.hash, state_->settings.password_iterations
    );
    if (question.client.empty()) return keys;
    const ClientTokens* tokens = state_->accounts.tokens().find(question.name, question.client);
    if (tokens == nullptr) return keys;
    keys.are_of_key =
        !question.key.empty() && tokens->generation == generation_of_key(question.key);
    if (!keys.are_of_key && (keys.generation.empty() || tokens->generation != keys.generation))
        return keys;
    keys.token_mechanism = tokens->mechanism;
    for (const auto* token : {&tokens->fresh, &tokens->current})
        if (*token) keys.tokens.push_back(**token);
    return keys;
}

pubsub::PreparedRequest Controller::token_request(
    const Identity& identity, const TokenWish& wish, std::shared_ptr<std::optional<Token>> issued
) {
    pubsub::PreparedRequest prepared;
    prepared.decide = [state = state_.get(), identity, wish,
                       issued = std::move(issued)](const pubsub::Context& context) {
        issued->reset();
        const Account* account = state->accounts.find(identity.account.bare_view());
        if (account == nullptr || !account->is_bound_to(identity))
            return pubsub::Decision(xml::not_allowed("the account is another's by now"));
        auto change = state->accounts.tokens().change(
            account->jid,
            identity.is_by_password() ? account->password : generation_of_key(identity.key), wish,
            "secret-token:fast-" + digest_in_hex(context.fresh_id), context.now,
            state->settings.token_lifetime
        );
        *issued = change.issued;
        if (change.batch.operations.empty()) return pubsub::Decision(pubsub::Reply{});
        // Of the account as it is: a new password makes all tokens void.
        change.batch.expect(storage::Family::Control, account_key(account->jid), account->revision);
        audit::Record record = audit::by(
            context.actor, audit::Outcome::Allow, wish.invalidates ? "token-revoke" : "token"
        );
        record.target = account->jid;
        audit::append(change.batch, std::move(record));
        return pubsub::Decision(pubsub::Decision::Change{std::move(change.batch), pubsub::Reply{}});
    };
    return prepared;
}

std::optional<pubsub::PreparedRequest> Controller::enrolment(const Identity& identity) {
    if (!state_->machine().needs_enrolment(identity)) return std::nullopt;
    pubsub::PreparedRequest prepared;
    prepared.decide = [state = state_.get(), identity](const pubsub::Context& given) {
        // The actor is the client, although the server itself runs this request.
        pubsub::Context context = given;
        context.actor.jid = identity.account;
        context.actor.origin = pubsub::Origin::Session;
        auto change = state->machine().enrol(identity, context);
        if (!change) return pubsub::Decision(to_plain_error(change.error()));
        if (!change->is_change()) return pubsub::Decision(pubsub::Reply{});
        return pubsub::Decision(pubsub::Decision::Change{std::move(change->batch), pubsub::Reply{}}
        );
    };
    return prepared;
}

void Controller::forget() {
    state_->accounts = {};
    state_->credentials = {};
    state_->second_factors = {};
    state_->groups = {};
    state_->rosters = {};
    state_->greetings = {};
    state_->settings_revisions.clear();
    state_->visits.forget();
    state_->policy = policy::Policy(std::string(state_->settings.domain));
    state_->directory.forget();
    state_->offline.forget();
    state_->archives.forget();
    state_->blocks.forget();
    state_->files.forget();
    administration::apply_settings(*state_, std::nullopt);
    state_->filters.forget();
    state_->schemas.forget();
    ++state_->revision;   // no earlier answer may be trusted
}

static void apply_settings_record(State& state, const storage::KeyChange& change) {
    if (std::string key(change.key); change.record)
        state.settings_revisions.insert_or_assign(std::move(key), change.record->revision);
    else
        state.settings_revisions.erase(key);
    if (change.key == administration::settings_key())
        administration::apply_settings(state, change.record);
    else
        state.greetings.apply(change.key.substr(1), change.record);
}

void Controller::apply(const storage::KeyChange& change) {
    if (change.key.empty()) return;
    const std::string_view rest = change.key.substr(1);
    if (change.family == storage::Family::Index) {
        const auto tag = static_cast<storage::Tag>(change.key.front());
        if (tag == storage::Tag::Message) state_->offline.apply(rest, change.record);
        if (tag == storage::Tag::Archived) state_->archives.apply(rest, change.record);
    }
    if (change.family != storage::Family::Control) return;
    switch (static_cast<storage::Tag>(change.key.front())) {
        case storage::Tag::Account: {
            const AccountApplied applied = state_->accounts.apply(rest, change.record);
            if (applied.rights_changed) ++state_->revision;
            if (!change.record) {
                state_->offline.account_gone(applied.jid);
                state_->archives.account_gone(applied.jid);
                state_->blocks.account_gone(applied.jid);
                state_->files.account_gone(applied.jid);
                state_->visits.account_gone(rest);
                state_->leaving.try_emplace(std::string(rest));
            }
            break;
        }
        case storage::Tag::Credential:
            if (rest.starts_with('t'))
                state_->accounts.tokens().apply(rest.substr(1), change.record);
            else if (rest.starts_with('s'))
                state_->second_factors.apply(rest.substr(1), change.record);
            else
                state_->credentials.apply(rest, change.record);
            break;
        case storage::Tag::AccountGuard:
            state_->accounts.apply_slot(rest, change.record);
            break;
        case storage::Tag::Notice:
            state_->accounts.notices().apply(rest, change.record);
            break;
        case storage::Tag::Leaver:
            state_->accounts.apply_leaver(rest, change.record);
            break;
        case storage::Tag::Contact:
            state_->rosters.apply_item(rest, change.record);
            break;
        case storage::Tag::ContactRequest:
            state_->rosters.apply_request(rest, change.record);
            break;
        case storage::Tag::Group:
            state_->groups.apply(rest, change.record);
            break;
        case storage::Tag::Policy:
            state_->policy.apply(rest, change.record, state_->drafts.last());
            ++state_->revision;
            break;
        case storage::Tag::Topic:
            state_->directory.apply(rest, change.record);
            state_->filters.declared(rest);
            break;
        case storage::Tag::Provider:
            state_->directory.registrations.apply(rest, change.record);
            break;
        case storage::Tag::ArchiveRules:
            state_->archives.apply_rules(rest, change.record);
            break;
        case storage::Tag::BlockList:
            state_->blocks.apply(rest, change.record);
            break;
        case storage::Tag::File:
            state_->files.apply(rest, change.record);
            break;
        case storage::Tag::Schema:
            state_->schemas.apply(rest, change.record);
            break;
        case storage::Tag::AuditCut:
            state_->last_cut = change.record ? audit::decode_cut(*change.record) : std::nullopt;
            break;
        case storage::Tag::Settings:
            apply_settings_record(*state_, change);
            break;
        case storage::Tag::Visit:
            state_->visits.apply(rest, change.record);
            break;
        default:
            break;   // the broker's, or a later version's
    }
}

static void notify_about(
    State& state, std::string_view event, storage::Revision revision, SessionControl& control
) {
    if (const auto decoded = decode_account_event(event))
        notify_account(
            *decoded, revision, {state.settings, state.accounts, state.sessions, control}
        );
}

void Controller::notify(const storage::Committed& committed, SessionControl& control) {
    // Audit records of a volatile batch are not written with it, so they go through the queue:
    // publishes to a node that keeps no items are on record, too: of each member of a cluster those
    // of its own clients.
    if (committed.batch.is_volatile && committed.ticket != 0)
        for (const storage::Write& operation : committed.batch.operations)
            if (operation.family == storage::Family::Audit)
                if (auto record = audit::decode(operation.value))
                    state_->audit.add(std::move(*record));
    const std::string_view event = committed.batch.event;
    const NoticeParts parts{state_->settings, state_->accounts, state_->sessions, control};
    if (event.empty()) return forget_what_was_told(committed, parts);
    if (event == late_notices_event) return tell_late_notices(committed, parts);
    if (const auto subtopic = pubsub::subtopic_change(event))
        notify_subtopic(
            *subtopic, committed.revision, committed.time, state_->settings, state_->directory,
            control
        );
    if (const auto blocked = decode_block_event(event)) requests::tell_of_block(*blocked, control);
    if (event.front() == static_cast<char>(storage::Tag::Policy)) control.rights_changed();
    if (const auto act = administration::decode_act_event(event)) {
        // The server that was asked to stop stops, and no other member of its cluster.
        if (act->kind != administration::ActEvent::Kind::Stop || committed.ticket != 0)
            administration::perform(*act, committed.revision, *state_, control);
        if (act->kind == administration::ActEvent::Kind::Accounts)
            for (const std::string& one : act->texts)
                notify_about(*state_, one, committed.revision, control);
    }
    notify_about(*state_, event, committed.revision, control);
}

void Controller::logged_in(const xml::Jid& full, storage::Millis now, SessionControl& control) {
    State& state = *state_;
    tell_what_is_owed(full, {state.settings, state.accounts, state.sessions, control});
    if (const Account* account = state.accounts.find(full.bare_view()))
        greet(*account, full, now, state.settings, state.greetings, state.visits, control);
}

void Controller::scan_finished() {
    find_leaving();
    ++state_->revision;
    const auto is_there = [this](std::string_view account) {
        return state_->accounts.find(account) != nullptr;
    };
    state_->blocks.drop_unless(is_there);
    state_->files.drop_unless(is_there);
    state_->filters.scan_finished();
    state_->schemas.scan_finished();
}

std::vector<storage::Batch> Controller::due(
    storage::Millis now, std::size_t batches_max, bool leads
) {
    std::vector<storage::Batch> batches;
    // First, so that no full queue holds it up: rights hang on it.
    if (leads)
        if (auto window = state_->policy.due(now)) batches.push_back(std::move(*window));
    if (batches.size() < batches_max) {
        auto records = state_->audit.drain(now, batches_max - batches.size());
        std::ranges::move(records, std::back_inserter(batches));
    }
    if (batches.size() >= batches_max) return batches;
    if (auto visits = state_->visits.due(now)) batches.push_back(std::move(*visits));
    if (batches.size() >= batches_max) return batches;
    // The rest, which does not follow from this server's own clients, is the leader's.
    if (!leads) {
        for (storage::Batch& batch : state_->accounts.notices().due(batches_max - batches.size()))
            batches.push_back(std::move(batch));
        for (storage::Batch& batch :
             state_->offline.due(state_->accounts, now, batches_max - batches.size()))
            batches.push_back(std::move(batch));
        return batches;
    }
    for (storage::Batch& batch : state_->directory.due(now, batches_max - batches.size()))
        batches.push_back(std::move(batch));
    if (batches.size() >= batches_max) return batches;
    const auto expired = state_->accounts.pending_before(
        now - state_->settings.pending_expire_ms, batches_max - batches.size()
    );
    for (const Account* account : expired)
        batches.push_back(state_->machine().expire(*account, now).batch);
    if (batches.size() < batches_max)
        for (storage::Batch& batch : leave_contacts(batches_max - batches.size()))
            batches.push_back(std::move(batch));
    if (batches.size() < batches_max)
        for (storage::Batch& batch : state_->accounts.notices().due(batches_max - batches.size()))
            batches.push_back(std::move(batch));
    if (batches.size() >= batches_max) return batches;
    const auto add = [&](std::vector<storage::Batch> more) {
        std::ranges::move(more, std::back_inserter(batches));
        return batches.size() < batches_max;
    };
    const bool has_more_room =
        add(state_->offline.due(state_->accounts, now, batches_max - batches.size())) &&
        add(state_->archives.due(state_->accounts, now, batches_max - batches.size())) &&
        add(state_->blocks.due(batches_max - batches.size())) &&
        add(state_->files.due(now, batches_max - batches.size()));
    if (!has_more_room) return batches;
    auto& to_gather = state_->directory.to_gather();
    std::erase_if(to_gather, [&](const std::string& topic) {
        if (batches.size() >= batches_max) return false;
        auto made = state_->directory.broker()->make_subtopic_collection(topic, now);
        if (made) batches.push_back(std::move(*made));
        return !made.has_value();   // one that is proposed may be refused: it is looked at again
    });
    return batches;
}

namespace {

/// Of those that begin a stream: the certificate by which the client came.
std::string certificate_of(const Identity& identity, std::string_view what) {
    const bool begins = what == "connect" || what == "resume";
    if (!begins || identity.fingerprint.empty()) return {};
    std::string text = "certificate " + identity.fingerprint;
    if (!identity.serial.empty()) text += ", serial " + identity.serial;
    return text;
}

}   // namespace

void Controller::record_session(
    const Identity& identity,
    std::string_view what,
    std::string_view address,
    std::string_view detail
) {
    audit::Record record;
    record.actor = identity.account.str();
    record.address = address;
    record.operation = what;
    record.detail = detail;
    if (const std::string certificate = certificate_of(identity, what); !certificate.empty()) {
        record.detail.append(detail.empty() ? "" : ", ").append(certificate);
        record.is_single = true;   // another certificate is on record, too
    }
    state_->audit.add(std::move(record));
}

void Controller::record_refusal(
    std::string_view what,
    std::string_view claimed,
    std::string_view address,
    std::string_view condition,
    std::string_view reason
) {
    audit::Record record;
    record.outcome = audit::Outcome::Deny;
    record.address = address;
    record.operation = what;
    record.target = claimed;
    record.rule = condition;
    record.detail = reason;
    state_->audit.add_of_stranger(std::move(record));
    ++state_->refusals[{std::string(what), std::string(condition)}];
}

const std::map<std::pair<std::string, std::string>, std::uint64_t>& Controller::refusal_counts(
) const {
    return state_->refusals;
}

void Controller::record_system(std::string_view what, std::string_view detail) {
    audit::Record record;
    record.actor = "system";
    record.operation = what;
    record.detail = detail;
    state_->audit.add(std::move(record));
}

void Controller::record_reload(
    const pubsub::Principal& by, bool is_taken, std::string_view detail
) {
    const bool is_own = by.origin == pubsub::Origin::System;
    audit::Record record = audit::by(
        by, is_own ? audit::Outcome::Info : audit::Outcome::Allow,
        is_taken ? "reload" : "reload-refused"
    );
    if (!is_own) record.rule = "group administrators";
    record.detail = detail;
    record.is_single = true;
    state_->audit.add(std::move(record));
}

void Controller::attach_clock(std::function<storage::Millis()> clock) {
    state_->audit.attach(std::move(clock));
}

std::vector<storage::Batch> Controller::due_before_change() {
    auto batches = state_->audit.take_news();
    if (auto visits = state_->visits.due(0)) batches.push_back(std::move(*visits));
    return batches;
}

Controller::Rebinds Controller::rebind(const std::vector<std::pair<xml::Jid, std::string>>& wanted
) const {
    Rebinds done;
    pubsub::Context context;
    context.actor = pubsub::Principal::system();
    for (const auto& [jid, authority] : wanted) {
        auto change =
            administration::rebind_account({*state_, context}, jid, {.authority = authority});
        if (!change)
            done.problems.push_back(jid.str() + ": " + change.error().text);
        else if (change->is_change())
            done.batches.push_back(std::move(change->batch));
    }
    return done;
}

Result<std::vector<storage::Batch>, std::string> Controller::bootstrap(
    const std::optional<std::string>& policy_text, const std::vector<xml::Jid>& administrators
) {
    std::vector<storage::Batch> batches;
    if (policy_text && state_->policy.head().version == 0) {
        const policy::Parsed parsed = state_->policy.parse(*policy_text);
        if (!parsed.ok()) return "the policy does not parse: " + parsed.errors.front().to_text();
        pubsub::Context context;
        context.actor = pubsub::Principal::system();
        batches.push_back(state_->policy.replace(*policy_text, context));
    }
    if (state_->settings.passwords && !state_->credentials.has_secret())
        batches.push_back(CredentialTable::make_secret(state_->settings.credential_seed));
    for (const xml::Jid& jid : administrators) {
        AccountChange change = state_->machine().make_administrator(jid);
        if (change.is_change()) batches.push_back(std::move(change.batch));
    }
    return batches;
}

}   // namespace grid::controller
