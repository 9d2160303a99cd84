// controller/commands/accounts.cpp: accounts-list, account-approve, account-decline,
// account-group.
#include <algorithm>
#include <array>
#include <map>

#include "controller/administration/account_acts.hpp"
#include "controller/commands/forms.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view accounts_list_node = "com.domain.gi.gcl.controller#accounts-list";
constexpr std::string_view approve_node = "com.domain.gi.gcl.controller#account-approve";
constexpr std::string_view decline_node = "com.domain.gi.gcl.controller#account-decline";
constexpr std::string_view group_node = "com.domain.gi.gcl.controller#account-group";
constexpr std::string_view rebind_node = "com.domain.gi.gcl.controller#account-rebind";
constexpr std::size_t options_max = 100;   // that a form offers

std::vector<std::string> names_in(const State& state, AccountState wanted) {
    std::vector<std::string> names;
    for (const Account* account : state.accounts.page({}, options_max, wanted))
        names.push_back(account->jid);
    return names;
}

/// Created groups and those in use.
std::vector<std::string> group_names(const State& state) {
    std::vector<std::string> names;
    for (const GroupView& group : state.groups.page(state.accounts, state.policy, {}, options_max))
        names.push_back(group.name);
    return names;
}

/// Where an account's live sessions come from, and since when.
struct Online {
    std::vector<std::string> addresses;
    storage::Millis since = 0;
};
std::map<std::string, Online, std::less<>> who_is_online(const State& state) {
    std::map<std::string, Online, std::less<>> online;
    for (const SessionView& session : state.sessions.sessions()) {
        Online& entry = online[std::string(session.jid.bare_view())];
        if (std::ranges::find(entry.addresses, session.address) == entry.addresses.end())
            entry.addresses.push_back(session.address);
        entry.since = std::max(entry.since, session.since);
    }
    return online;
}

std::vector<std::vector<std::string>> row_of(const Account& account, const Online& online) {
    const auto text = [](storage::Millis time) {
        return time == 0 ? std::vector<std::string>{}
                         : std::vector<std::string>{xml::to_datetime(time)};
    };
    return {
        {account.jid},
        {account.jid.substr(0, account.jid.find('@'))},
        {std::string(to_string(account.state))},
        account.groups,
        account.wished,
        {account.subject},
        {account.issuer},
        text(account.not_after),
        text(online.since),
        online.addresses
    };
}

Step list_accounts(const Call& call) {
    if (call.is_first() && !call.page) {
        Ask ask{form(accounts_list_node, "Accounts", "Which accounts to list.")};
        add_field(
            ask.form, "x-grid#state", "list-single", "State", {"all"},
            {"all", "pending", "enabled", "disabled"}
        );
        return ask;
    }
    std::optional<AccountState> state;
    if (const std::string name = call.value("x-grid#state"); !name.empty() && name != "all") {
        state = parse_account_state(name);
        if (!state || *state == AccountState::Init)
            return bad_payload("x-grid#state is all, pending, enabled or disabled");
    }
    const auto asked = page_of(call);
    if (!asked) return asked.error();
    const Accounts& accounts = call.state.accounts;
    const auto found = asked->max == 0 ? std::vector<const Account*>{}
                                       : accounts.page(asked->after, asked->max, state);
    Table table(
        accounts_list_node, "Accounts",
        {{"accountjid", "jid-single", "Account"},
         {"x-grid#username", "text-single", "Username"},
         {"x-grid#state", "text-single", "State"},
         {"x-grid#group", "text-multi", "Groups"},
         {"x-grid#wished-group", "text-multi", "Groups it wishes to be in"},
         {"x-grid#subject", "text-single", "Certificate subject"},
         {"x-grid#issuer", "text-single", "Certificate issuer"},
         {"x-grid#not-after", "text-single", "Certificate valid until"},
         {"x-grid#last-login", "text-single", "Connected since"},
         {"x-grid#address", "text-multi", "Connected from"}}
    );
    const auto online = who_is_online(call.state);
    for (const Account* account : found) {
        const auto place = online.find(account->jid);
        table.add(row_of(*account, place == online.end() ? Online{} : place->second));
    }
    Done done;
    done.payloads.push_back(table.take());
    done.payloads.push_back(page_element(
        found.empty() ? "" : found.front()->jid, found.empty() ? "" : found.back()->jid,
        state ? accounts.count(*state) : accounts.size()
    ));
    return done;
}

Step decide_pending(const Call& call, std::string_view node, bool is_approval) {
    if (call.is_first()) {
        Ask ask{form(node, is_approval ? "Approve accounts" : "Decline accounts")};
        add_required(
            ask.form, "accountjids", "jid-multi", "Accounts",
            names_in(call.state, AccountState::Pending)
        );
        if (is_approval) {
            add_field(
                ask.form, "x-grid#group", "list-multi", "Groups (none: the default groups)", {},
                group_names(call.state)
            );
            add_field(
                ask.form, "x-grid#deviceType", "text-single",
                "Device type (none: what the client said when it registered)"
            );
        }
        return ask;
    }
    const auto jids = accounts_in(call, "accountjids");
    if (!jids) return jids.error();
    const auto groups = groups_in(call, "x-grid#group");
    if (!groups) return groups.error();
    std::optional<std::string> device;
    if (is_approval && !call.value("x-grid#deviceType").empty())
        device = call.value("x-grid#deviceType");
    return done_with(administration::change_accounts(*jids, [&](const xml::Jid& jid) {
        return is_approval ? administration::approve_account(call, jid, *groups, device)
                           : administration::decline_account(call, jid);
    }));
}

Step approve(const Call& call) { return decide_pending(call, approve_node, true); }
Step decline(const Call& call) { return decide_pending(call, decline_node, false); }

bool is_true(const std::string& value) { return value == "1" || value == "true"; }

/// Named accounts, or all of a CA, or the administrators.
Step rebind(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(
            rebind_node, "Move accounts to another certificate authority",
            "Name accounts, or the authority that they are bound to, or administrators. "
            "Authorities are named by the SHA-256 of their public key (hexadecimal)."
        )};
        add_field(ask.form, "x-grid#ca", "text-single", "The new certificate authority");
        add_field(ask.form, "x-grid#keep", "boolean", "The old ones stay as good", {"0"});
        add_field(ask.form, "accountjids", "jid-multi", "Accounts");
        add_field(ask.form, "x-grid#from-ca", "text-single", "All accounts of this authority");
        add_field(ask.form, "x-grid#administrators", "boolean", "Administrators only", {"0"});
        return ask;
    }
    const administration::Rebinding wanted{
        .authority = call.value("x-grid#ca"),
        .keeps_others = is_true(call.value("x-grid#keep")),
        .from = call.value("x-grid#from-ca"),
        .administrators = is_true(call.value("x-grid#administrators")),
        .after = call.value("x-grid#after")
    };
    if (call.values("accountjids").empty()) {
        auto moved = administration::rebind_accounts(call, wanted);
        if (!moved) return refusal(moved.error());
        std::string text = std::to_string(moved->moved.size()) + " accounts are moved";
        if (!moved->refused.empty())
            text += "; " + std::to_string(moved->refused.size()) + " stay, such as " +
                    moved->refused.front().first + ": " + moved->refused.front().second;
        if (!moved->next.empty())
            text += "; more are left: run this again with x-grid#after " + moved->next;
        return Done{std::move(moved->batch), {}, {{"info", std::move(text)}}};
    }
    const auto jids = accounts_in(call, "accountjids");
    if (!jids) return jids.error();
    return done_with(administration::change_accounts(*jids, [&](const xml::Jid& jid) {
        return administration::rebind_account(call, jid, wanted);
    }));
}

/// Two stages, so that the present groups can be shown; a form that names both account and groups
/// needs one.
Step set_groups(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(group_node, "Groups of an account", "Its sessions are ended."), true};
        add_required(ask.form, "accountjid", "jid-single", "Account");
        add_field(ask.form, "x-grid#group", "list-multi", "Groups", {}, group_names(call.state));
        return ask;
    }
    const auto jids = accounts_in(call, "accountjid");
    if (!jids) return jids.error();
    const Account* account = call.state.accounts.find(jids->front().str());
    if (account == nullptr)
        return refusal({Errc::UnknownAccount, "no account " + jids->front().str(), {}});
    const bool names_groups = !call.values("x-grid#group").empty();
    if (call.forms.size() == 1 && (call.wants_next || !names_groups)) {
        Ask ask{form(group_node, "Groups of " + account->jid, "Its sessions are ended.")};
        std::vector<std::string> options = group_names(call.state);
        add_field(ask.form, "x-grid#group", "list-multi", "Groups", account->groups, options);
        return ask;
    }
    const auto groups = groups_in(call, "x-grid#group");
    if (!groups) return groups.error();
    return done_with(administration::change_accounts(*jids, [&](const xml::Jid& jid) {
        return administration::set_account_groups(call, jid, groups->value_or(Groups{}));
    }));
}

}   // namespace

std::span<const Command> account_commands() {
    static constexpr std::array commands{
        Command{accounts_list_node, "List accounts", Act::ReadAccounts, list_accounts},
        Command{approve_node, "Approve accounts", Act::ApproveAccounts, approve},
        Command{decline_node, "Decline accounts", Act::DeclineAccounts, decline},
        Command{group_node, "Set the groups of an account", Act::SetGroupsOfAccounts, set_groups},
        Command{
            rebind_node, "Move accounts to another certificate authority", Act::RebindAccounts,
            rebind
        },
    };
    return commands;
}

}   // namespace grid::controller::commands
