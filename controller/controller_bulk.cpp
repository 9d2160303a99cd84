// controller/controller_bulk.cpp: bulk data from one account to another: the policy's `bulk`, and
// block lists.
#include "controller/bulk/transfer.hpp"
#include "controller/controller.hpp"
#include "controller/state.hpp"

namespace grid::controller {

namespace {

const std::string own_rule = "own account";
const std::string blocked_rule = "block list";
const std::string no_recipient_rule = "no enabled account";

const Account* account_in_use(const State& state, std::string_view bare) {
    const Account* account = state.accounts.find(bare);
    return account != nullptr && account->state == AccountState::Enabled ? account : nullptr;
}

}   // namespace

pubsub::Verdict Controller::check_bulk(const pubsub::Principal& actor, const xml::Jid& to) const {
    const State& state = *state_;
    const Account* recipient = account_in_use(state, to.bare_view());
    if (recipient == nullptr) return {false, no_recipient_rule};
    const bool is_own = actor.jid.bare_view() == to.bare_view();
    if (is_own) return {state.state_of(actor) == AccountState::Enabled, own_rule};
    if (is_blocked(actor.jid.bare(), to) || is_blocked(to.bare(), actor.jid))
        return {false, blocked_rule};
    const policy::Match match = state.decide(
        actor, policy::Right::BulkTo, policy::Object{recipient->jid, {}, {}, recipient->groups}
    );
    return {match.allowed, *match.rule};
}

pubsub::Verdict Controller::check_bulk_between(const xml::Jid& from, const xml::Jid& to) const {
    const State& state = *state_;
    const Account* sender = account_in_use(state, from.bare_view());
    const Account* recipient = account_in_use(state, to.bare_view());
    if (sender == nullptr || recipient == nullptr) return {false, no_recipient_rule};
    if (sender == recipient) return {true, own_rule};
    if (is_blocked(from.bare(), to) || is_blocked(to.bare(), from)) return {false, blocked_rule};
    const policy::Match match = state.policy.of(
        *sender, policy::Right::BulkTo, policy::Object{recipient->jid, {}, {}, recipient->groups},
        policy::SessionKnown::Possible
    );
    return {match.allowed, *match.rule};
}

bool Controller::may_send_bulk(const pubsub::Principal& actor) const {
    const Account* account = state_->account_of(actor);
    return account != nullptr && account->state == AccountState::Enabled &&
           state_->policy.may_some(*account, policy::Right::BulkTo);
}

void Controller::record_offer(
    const pubsub::Principal& actor, const xml::Jid& to, const pubsub::Verdict& verdict
) const {
    audit::Record record = audit::by(
        actor, verdict.allowed ? audit::Outcome::Allow : audit::Outcome::Deny, "bulk-offer"
    );
    record.target = to.str();
    record.rule = verdict.rule;
    state_->audit.add(std::move(record));
}

void Controller::record_transfer(audit::Record record) const {
    state_->audit.add(std::move(record));
}

void Controller::attach(const bulk::Table* transfers) { state_->transfers = transfers; }

}   // namespace grid::controller
