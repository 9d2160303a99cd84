// controller/controller_contacts.cpp: rosters and subscriptions to presence under the policy's
// `message` (RFC 6121).
#include "controller/contacts/exchange.hpp"
#include "controller/controller.hpp"
#include "controller/requests/requests.hpp"
#include "controller/state.hpp"

namespace grid::controller {

namespace {

using contacts::Kind;

/// Contacts of a deleted account that one batch takes along.
constexpr std::size_t leaving_contacts_max = 16;
/// Deleted accounts that are looked at at once.
constexpr std::size_t leaving_accounts_max = 64;
/// Looks at a deleted account between two proposals of the same part.
constexpr int leaving_waits_max = 20;

const Account* enabled_account(const State& state, std::string_view bare) {
    const Account* account = state.accounts.find(bare);
    return account != nullptr && account->state == AccountState::Enabled ? account : nullptr;
}

Controller::RosterDecision change_of(contacts::Change change) {
    change.finish();
    return Controller::RosterDecision::Change{std::move(change.batch), {}};
}

/// Removal of an item: the subscriptions that it stood for end with it (RFC 6121 §2.5).
contacts::Exchange removal(const contacts::Contact& item, std::string owner, std::string contact) {
    contacts::Exchange end{std::move(owner), std::move(contact), {}};
    if (item.to || item.asks) end.kinds.push_back(Kind::Unsubscribe);
    if (item.from) end.kinds.push_back(Kind::Unsubscribed);
    end.removes_item = true;
    return end;
}

}   // namespace

const contacts::Rosters& Controller::rosters() const { return state_->rosters; }

bool Controller::may_share(const pubsub::Principal& actor, std::string_view to) const {
    const Account* recipient = enabled_account(*state_, to);
    if (recipient == nullptr) return false;
    const auto& blocks = state_->blocks;
    if (blocks.is_blocked(recipient->jid, actor.jid) ||
        blocks.is_blocked(actor.jid.bare_view(), xml::Jid::from_canonical(recipient->jid)))
        return false;
    const policy::Object object{recipient->jid, {}, {}, recipient->groups};
    return state_->decide(actor, policy::Right::Message, object).allowed;
}

bool Controller::may_reach(std::string_view from, std::string_view to) const {
    const Account* sender = enabled_account(*state_, from);
    const Account* recipient = enabled_account(*state_, to);
    return sender != nullptr && recipient != nullptr &&
           state_->policy
               .of(*sender, policy::Right::Message,
                   policy::Object{recipient->jid, {}, {}, recipient->groups},
                   policy::SessionKnown::Possible)
               .allowed;
}

Controller::RosterDecision Controller::decide_roster(
    const contacts::RosterRequest& request, const pubsub::Context& context
) const {
    const State& state = *state_;
    const std::string owner(context.actor.jid.bare_view());
    const bool is_enabled = !state.entitled(context.actor);
    if (!request.is_set)
        return is_enabled ? contacts::answer_get(state.rosters.of(owner), request.version)
                          : contacts::answer_get({}, std::nullopt);
    if (!is_enabled) return xml::not_allowed("an account has no contacts before it is enabled");
    const std::string& contact = request.item.contact;
    if (contact == owner) return xml::not_allowed("an account is no contact of its own");
    const contacts::Contact* item = state.rosters.of(owner).find(contact);
    if (request.is_removal && item == nullptr)
        return xml::item_not_found("there is no '" + contact + "' in the roster");
    Result<contacts::Change, xml::StanzaError> change = contacts::Change{};
    if (request.is_removal) {
        contacts::Exchange end = removal(*item, owner, contact);
        end.exists = state.accounts.find(contact) != nullptr;
        change = contacts::exchange(state.rosters, state.settings.contacts, end);
    } else {
        change = contacts::put_item(state.rosters, state.settings.contacts, owner, request.item);
    }
    if (!change) return change.error();
    state.expect_account(change->batch, context.actor);
    return change_of(std::move(*change));
}

Controller::RosterDecision Controller::decide_subscription(
    Kind kind, const xml::Jid& to, const std::string& stanza, const pubsub::Context& context
) const {
    const State& state = *state_;
    if (const auto failure = state.entitled(context.actor)) return to_plain_error(*failure);
    contacts::Exchange wanted{
        std::string(context.actor.jid.bare_view()), std::string(to.bare_view()), {kind}, stanza
    };
    const bool is_asking = kind == Kind::Subscribe || kind == Kind::Subscribed;
    const Account* other = state.accounts.find(wanted.contact);
    wanted.exists = other != nullptr;
    if (is_asking && is_blocked(context.actor.jid.bare(), to)) return requests::blocked();
    wanted.may_send = is_asking && may_message(context.actor, to);
    wanted.may_answer = is_asking && may_reach(wanted.contact, wanted.owner);
    if (kind == Kind::Subscribed && !wanted.may_send &&
        state.rosters.standing(wanted.owner, wanted.contact).is_asked)
        return xml::not_allowed("the policy does not let you share your presence with them");
    auto change = contacts::exchange(state.rosters, state.settings.contacts, wanted);
    if (!change) return change.error();
    if (!change->is_change()) return contacts::RosterAnswer{};
    state.expect_gates(change->batch, context.actor);
    change->batch.expect(
        storage::Family::Control, account_key(wanted.contact), other ? other->revision : 0
    );
    audit::Record record = audit::by(
        context.actor, audit::Outcome::Allow, "presence-" + std::string(contacts::to_string(kind))
    );
    record.target = wanted.contact;
    audit::append(change->batch, record);
    return change_of(std::move(*change));
}

void Controller::find_leaving() {
    auto owner = state_->rosters.next_owner({});
    for (; owner; owner = state_->rosters.next_owner(*owner))
        if (state_->accounts.find(*owner) == nullptr) state_->leaving.try_emplace(*owner);
}

std::vector<storage::Batch> Controller::leave_contacts(std::size_t batches_max) {
    std::vector<storage::Batch> batches;
    const contacts::Rosters& rosters = state_->rosters;
    std::size_t looked = 0;
    auto at = state_->leaving.begin();
    while (at != state_->leaving.end() && ++looked <= leaving_accounts_max) {
        auto& [owner, leaving] = *at;
        if (!rosters.holds_anything_of(owner) || state_->accounts.find(owner) != nullptr) {
            at = state_->leaving.erase(at);
            continue;
        }
        if (batches.size() >= batches_max) break;
        ++at;
        const contacts::Roster& roster = rosters.of(owner);
        const std::size_t size = roster.items.size() + roster.requests.size() + 1;
        // A part that is being committed is not proposed again.
        if (size == leaving.size && ++leaving.waits < leaving_waits_max) continue;
        leaving = {size, 0};
        contacts::Change change = contacts::leave(rosters, owner, leaving_contacts_max);
        change.batch.expect(storage::Family::Control, account_key(owner), 0);
        change.finish();
        batches.push_back(std::move(change.batch));
    }
    return batches;
}

}   // namespace grid::controller
