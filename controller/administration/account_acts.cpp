// controller/administration/account_acts.cpp: see controller/administration/account_acts.hpp.
#include "controller/administration/account_acts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "controller/administration/act_event.hpp"
#include "controller/audit/record.hpp"
#include "controller/audit/refusals.hpp"
#include "storage/keys.hpp"

namespace grid::controller::administration {

namespace {

// Of one batch of rebind_accounts.
constexpr std::size_t accounts_looked_at_max = 2'000, accounts_moved_max = 50;

/// A record without content, which each list of administrators writes: two lists name different
/// accounts, and would both be taken else.
std::string administrators_key() {
    return std::string(1, static_cast<char>(storage::Tag::Settings)).append("administrators");
}

/// An account that no CA can vouch for any more would be lost by a slip.
std::optional<Failure> check_authority(const State& state, const Rebinding& wanted) {
    if (state.chains == nullptr || state.chains->trusts(wanted.authority)) return std::nullopt;
    return Failure{
        Errc::MalformedRequest,
        "no certificate authority in tls.client_ca has the key '" + wanted.authority +
            "' (SHA-256 of the public key in 64 lower-case hexadecimal digits): add its "
            "certificate there first",
        {}
    };
}

/// The change, as long as the actor has the right to it.
Outcome<AccountChange> by_right(const ActContext& call, Outcome<AccountChange> change) {
    if (change) call.expect_right(change->batch);
    return change;
}

/// The actor's role is enough for the act, and not for this account.
Failure beyond_role(const ActContext& call, Act act, const xml::Jid& jid, Failure failure) {
    note_refusal(call.state.audit, call.actor(), act, jid.bare_view(), role_rule(Act::Administer));
    return failure;
}

/// `act`: what the caller's role was asked for.
Outcome<AccountChange> act_on(
    const ActContext& call,
    Act act,
    AccountAction action,
    const xml::Jid& jid,
    const std::optional<Groups>& groups = {},
    const std::optional<std::string>& device_type = {}
) {
    const Groups* const wanted = groups ? &*groups : nullptr;
    if (auto failure = call.beyond_reach(jid.bare_view(), wanted))
        return beyond_role(call, act, jid, std::move(*failure));
    return by_right(call, call.state.machine().act(action, jid, groups, call.context, device_type));
}

/// Changes of several accounts in one batch, with the events of all of them.
class AccountBatch {
public:
    void add(AccountChange change) {
        if (!change.is_change()) return;
        if (!change.batch.event.empty())
            events_.push_back(std::exchange(change.batch.event, std::string()));
        audit::join(batch_, std::move(change.batch));
    }

    storage::Batch take() {
        if (events_.size() == 1)
            batch_.event = std::move(events_.front());
        else if (!events_.empty())
            batch_.event = encode(ActEvent{ActEvent::Kind::Accounts, std::move(events_)});
        return std::move(batch_);
    }

private:
    storage::Batch batch_;
    std::vector<std::string> events_;
};

}   // namespace

Outcome<storage::Batch> change_accounts(
    const std::vector<xml::Jid>& jids,
    const std::function<Outcome<AccountChange>(const xml::Jid&)>& act
) {
    AccountBatch together;
    for (const xml::Jid& jid : jids) {
        auto change = act(jid);
        if (!change) return change.error();
        together.add(std::move(*change));
    }
    return together.take();
}

Outcome<AccountChange> create_account(
    const ActContext& call,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const Credentials* credentials
) {
    // Certificates name accounts of the grid's own domain; another would wait for ever.
    const std::string domain(call.state.settings.domain);
    if (jid.domain() != domain)
        return Failure{Errc::MalformedRequest, "accounts are in the domain " + domain, {}};
    return by_right(
        call, call.state.machine().act(
                  AccountAction::Create, jid, groups, call.context, std::nullopt, credentials
              )
    );
}

Outcome<AccountChange> approve_account(
    const ActContext& call,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const std::optional<std::string>& device_type
) {
    // An account that was let in is not approved again by an operator: that would set its groups.
    const Account* account = call.state.accounts.find(jid.bare_view());
    const bool is_in = account != nullptr && account->state == AccountState::Enabled;
    if (is_in && !call.state.is_administrator(call.actor()))
        return beyond_role(
            call, Act::ApproveAccounts, jid,
            call.for_administrators("new groups of an account that was let in are")
        );
    return act_on(call, Act::ApproveAccounts, AccountAction::Approve, jid, groups, device_type);
}

Outcome<AccountChange> decline_account(const ActContext& call, const xml::Jid& jid) {
    return act_on(call, Act::DeclineAccounts, AccountAction::Decline, jid);
}

Outcome<AccountChange> disable_account(const ActContext& call, const xml::Jid& jid) {
    return act_on(call, Act::DisableAccounts, AccountAction::Disable, jid);
}

Outcome<AccountChange> enable_account(const ActContext& call, const xml::Jid& jid) {
    return act_on(call, Act::EnableAccounts, AccountAction::Enable, jid);
}

Outcome<AccountChange> set_account_groups(
    const ActContext& call, const xml::Jid& jid, const Groups& groups
) {
    return act_on(call, Act::SetGroupsOfAccounts, AccountAction::SetGroups, jid, groups);
}

Outcome<AccountChange> edit_account(
    const ActContext& call, const xml::Jid& jid, const AccountEdit& edit
) {
    return by_right(call, call.state.machine().edit(jid, edit, call.context));
}

Outcome<AccountChange> delete_account(const ActContext& call, const xml::Jid& jid) {
    auto change = call.state.machine().remove(jid, call.context);
    // The factor is none of a later account of the name in any case.
    if (change && call.state.second_factors.at(jid.bare_view()) != nullptr)
        change->batch.erase(storage::Family::Control, second_factor_key(jid.bare_view()));
    return by_right(call, std::move(change));
}

Outcome<storage::Batch> set_administrators(
    const ActContext& call, const std::vector<xml::Jid>& jids
) {
    const std::string group(administrators_group);
    std::map<xml::Jid, Groups> changed;
    std::set<std::string> wanted;
    for (const xml::Jid& jid : jids) {
        wanted.insert(jid.str());
        const Account* account = call.state.accounts.find(jid.str());
        if (account == nullptr) return Failure{Errc::UnknownAccount, "no account " + jid.str(), {}};
        if (account->is_in(group)) continue;
        Groups groups = account->groups;
        groups.push_back(group);
        std::ranges::sort(groups);
        changed.emplace(jid, std::move(groups));
    }
    if (const auto* members = call.state.accounts.members(group))
        for (const std::string_view name : *members) {
            if (wanted.contains(std::string(name))) continue;
            Groups groups = call.state.accounts.find(name)->groups;
            std::erase(groups, group);
            changed.emplace(xml::Jid::from_canonical(std::string(name)), std::move(groups));
        }
    if (changed.size() > administrators_changed_max)
        return malformed("at most 20 accounts become administrators, or cease to be, at a time");
    AccountBatch together;
    for (const auto& [jid, groups] : changed) {
        auto change = set_account_groups(call, jid, groups);
        if (!change) return change.error();
        together.add(std::move(*change));
    }
    storage::Batch batch = together.take();
    if (batch.operations.empty()) return batch;
    call.expect_settings(batch, administrators_key());
    batch.put(storage::Family::Control, administrators_key(), "");
    return batch;
}

Outcome<AccountChange> rebind_account(
    const ActContext& call, const xml::Jid& jid, const Rebinding& rebinding
) {
    if (auto failure = check_authority(call.state, rebinding)) return *failure;
    return by_right(
        call,
        call.state.machine().rebind(jid, rebinding.authority, rebinding.keeps_others, call.context)
    );
}

Outcome<Rebound> rebind_accounts(const ActContext& call, const Rebinding& rebinding) {
    const State& state = call.state;
    if (auto failure = check_authority(state, rebinding)) return *failure;
    if (rebinding.from == rebinding.authority)
        return malformed("\"from\" and \"ca\" are the same certificate authority");
    if (rebinding.from.empty() && !rebinding.administrators)
        return Failure{
            Errc::MalformedRequest,
            "say which accounts: \"from\", the key of the certificate authority that they are "
            "bound to, or \"administrators\": true",
            {}
        };
    Rebound done;
    AccountBatch together;
    const auto move = [&](const Account& account) -> std::optional<Failure> {
        const bool is_meant = account.is_bound() &&
                              (rebinding.from.empty() || account.is_bound_to(rebinding.from)) &&
                              (!rebinding.administrators || account.is_in(administrators_group));
        // Accounts that are there already keep their pins.
        const bool is_there =
            account.anchor == rebinding.authority && account.other_anchors.empty();
        if (!is_meant || is_there) return std::nullopt;
        auto change = state.machine().rebind(
            xml::Jid::from_canonical(account.jid), rebinding.authority, rebinding.keeps_others,
            call.context
        );
        if (!change && change.error().code == Errc::MalformedRequest) return change.error();
        if (!change) {
            done.refused.emplace_back(account.jid, change.error().text);
            return std::nullopt;
        }
        if (!change->is_change()) return std::nullopt;
        done.moved.push_back(account.jid);
        if (!rebinding.is_trial) together.add(std::move(*change));
        return std::nullopt;
    };
    const std::string own(call.actor().jid.bare_view());
    const auto page = state.accounts.page(rebinding.after, accounts_looked_at_max, std::nullopt);
    for (const Account* account : page) {
        done.next = account->jid;
        if (account->jid == own) continue;
        if (auto failure = move(*account)) return *failure;
        if (done.moved.size() >= accounts_moved_max) break;
    }
    const bool is_end =
        page.size() < accounts_looked_at_max && (page.empty() || done.next == page.back()->jid);
    if (is_end) {
        done.next.clear();
        // Last, since its certificate is not taken any more from then on.
        if (const Account* account = state.accounts.find(own))
            if (auto failure = move(*account)) return *failure;
    }
    done.batch = together.take();
    call.expect_right(done.batch);
    return done;
}

}   // namespace grid::controller::administration
