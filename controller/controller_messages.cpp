// controller/controller_messages.cpp: messages from one account to another: the policy's `message`
// in place of rosters, block lists, and what waits for an account that is away.
#include "controller/controller.hpp"
#include "controller/requests/requests.hpp"
#include "controller/state.hpp"

namespace grid::controller {

pubsub::Verdict Controller::check_message(const pubsub::Principal& actor, const xml::Jid& to)
    const {
    const State& state = *state_;
    const Account* recipient = state.accounts.find(to.bare_view());
    if (recipient == nullptr || recipient->state != AccountState::Enabled)
        return {false, "no enabled account"};
    const policy::Match match = state.decide(
        actor, policy::Right::Message, policy::Object{recipient->jid, {}, {}, recipient->groups}
    );
    return {match.allowed, *match.rule};
}

void Controller::record_message(
    const pubsub::Principal& actor, const xml::Jid& to, const pubsub::Verdict& verdict
) const {
    audit::Record record = audit::by(
        actor, verdict.allowed ? audit::Outcome::Allow : audit::Outcome::Deny,
        policy::to_string(policy::Right::Message)
    );
    record.target = to.bare_view();
    record.rule = verdict.rule;
    state_->audit.add(std::move(record));
}

bool Controller::may_message(const pubsub::Principal& actor, const xml::Jid& to) const {
    const pubsub::Verdict verdict = check_message(actor, to);
    record_message(actor, to, verdict);
    return verdict.allowed && !is_blocked(actor.jid, to) && !is_blocked(to, actor.jid);
}

bool Controller::is_blocked(const xml::Jid& account, const xml::Jid& other) const {
    return state_->blocks.is_blocked(account.bare_view(), other);
}

bool Controller::is_archived(const xml::Jid& account, const xml::Jid& with) const {
    const bool is_contact =
        state_->rosters.of(account.bare_view()).find(with.bare_view()) != nullptr;
    return state_->archives.takes(account.bare_view(), with, is_contact);
}

std::optional<xml::Element> Controller::archive_metadata(const xml::Jid& account) const {
    if (!state_->configured.archive.messages) return std::nullopt;
    return requests::archive_metadata(*state_, account.bare_view());
}

Result<storage::Batch, xml::StanzaError> Controller::keep_message(
    const pubsub::Principal& actor, const Kept& message
) const {
    const State& state = *state_;
    const std::string_view account = message.to.bare_view();
    const Account* recipient = state.accounts.find(account);
    const bool has_room =
        !message.waits || state.offline.has_room(account, message.received.size());
    if (recipient == nullptr || !has_room) return xml::service_unavailable("nobody is there");
    storage::Batch batch;
    state.expect_gates(batch, actor);
    // Of others, expect_gates has seen to it.
    if (actor.origin == pubsub::Origin::System || actor.jid.bare_view() != account)
        batch.expect(storage::Family::Control, account_key(recipient->jid), recipient->revision);
    if (message.waits) state.offline.put(batch, account, actor.jid.str(), message.received);
    if (message.is_archived_here)
        state.archives.put(batch, actor.jid.bare_view(), message.to, message.id, message.sent);
    if (message.is_archived_there)
        state.archives.put(batch, account, actor.jid, message.id, message.received);
    if (batch.bytes() > storage::batch_bytes_max)
        return xml::resource_constraint("the message is too large to be kept");
    return batch;
}

OfflineMessages& Controller::offline() { return state_->offline; }
const OfflineMessages& Controller::offline() const { return state_->offline; }

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare_own(
    const pubsub::IqRequest& request
) const {
    return requests::prepare(*state_, request);
}

}   // namespace grid::controller
