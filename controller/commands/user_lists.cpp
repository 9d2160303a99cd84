// controller/commands/user_lists.cpp: XEP-0133: lists and counts of users, statistics of one.
#include <algorithm>
#include <array>
#include <set>

#include "controller/commands/forms.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::commands {

namespace {

/// Names from an ordered set of accounts, a page of them.
struct Names {
    std::vector<std::string> names;
    std::size_t count = 0;   // of all
};

Names registered(const Call& call, const PageAsked& page, std::optional<AccountState> state) {
    const Accounts& accounts = call.state.accounts;
    Names found;
    found.count = state ? accounts.count(*state) : accounts.size();
    if (page.max > 0)
        for (const Account* account : accounts.page(page.after, page.max, state))
            found.names.push_back(account->jid);
    return found;
}

/// Accounts with at least one session that is logged in.
std::set<std::string> online(const Call& call) {
    std::set<std::string> accounts;
    for (const SessionView& session : call.state.sessions.sessions())
        if (session.is_active) accounts.emplace(session.jid.bare_view());
    return accounts;
}

/// An account whose clients have sent nothing for so long is idle (§4.17).
constexpr storage::Millis idle_after_ms = 10LL * 60 * 1000;

/// Of the accounts that are online: those of which a session sent a stanza lately.
std::set<std::string> active(const Call& call) {
    const Sessions& sessions = call.state.sessions;
    std::set<std::string> accounts;
    for (const SessionView& session : sessions.sessions()) {
        if (!session.is_active) continue;
        const auto seen = sessions.activity(session.id);
        const storage::Millis heard = std::max(session.since, seen ? seen->heard : 0);
        if (call.context.now - heard < idle_after_ms) accounts.emplace(session.jid.bare_view());
    }
    return accounts;
}
std::set<std::string> idle(const Call& call) {
    std::set<std::string> accounts = online(call);
    for (const std::string& name : active(call)) accounts.erase(name);
    return accounts;
}

Step listed(const char* var, Names found) {
    Done done;
    std::string first = found.names.empty() ? "" : found.names.front();
    std::string last = found.names.empty() ? "" : found.names.back();
    if (found.names.size() < found.count)
        done.notes.push_back(
            {"info", std::to_string(found.names.size()) + " of " + std::to_string(found.count)}
        );
    done.payloads.push_back(result(admin_form, {{var, std::move(found.names), "jid-multi"}}));
    done.payloads.push_back(page_element(std::move(first), std::move(last), found.count));
    return done;
}

/// §4.20–§4.22: at once while a page holds them all, else a form asks how many.
Step list(
    const Call& call,
    const char* var,
    const char* title,
    Names (*names)(const Call&, const PageAsked&)
) {
    const auto page = page_of(call);
    if (!page) return page.error();
    Names found = names(call, *page);
    const bool asks = call.is_first() && !call.page && found.count > found.names.size();
    if (!asks) return listed(var, std::move(found));
    Ask ask{form(admin_form, title, "How many to show.")};
    add_field(
        ask.form, "max_items", "list-single", "Maximum number of items to show", {"100"},
        {"25", "50", "75", "100", "150", "200", "none"}
    );
    return ask;
}

Names all_names(const Call& call, const PageAsked& page) { return registered(call, page, {}); }
Names disabled_names(const Call& call, const PageAsked& page) {
    return registered(call, page, AccountState::Disabled);
}
Names page_of_names(const std::set<std::string>& accounts, const PageAsked& page) {
    Names found;
    found.count = accounts.size();
    for (auto at = accounts.upper_bound(page.after);
         at != accounts.end() && found.names.size() < page.max; ++at)
        found.names.push_back(*at);
    return found;
}
Names online_names(const Call& call, const PageAsked& page) {
    return page_of_names(online(call), page);
}
Names active_names(const Call& call, const PageAsked& page) {
    return page_of_names(active(call), page);
}
Names idle_names(const Call& call, const PageAsked& page) {
    return page_of_names(idle(call), page);
}

Step registered_list(const Call& call) {
    return list(call, "registereduserjids", "Requesting List of Registered Users", all_names);
}
Step disabled_list(const Call& call) {
    return list(call, "disableduserjids", "Requesting List of Disabled Users", disabled_names);
}
Step online_list(const Call& call) {
    return list(call, "onlineuserjids", "Requesting List of Online Users", online_names);
}

Step active_list(const Call& call) {
    return list(call, "activeuserjids", "Requesting List of Active Users", active_names);
}
Step idle_list(const Call& call) {
    return list(call, "idleuserjids", "Requesting List of Idle Users", idle_names);
}

Step counted(const char* var, std::size_t count) {
    Done done;
    done.payloads.push_back(result(admin_form, {{var, {std::to_string(count)}}}));
    return done;
}
Step registered_count(const Call& call) {
    return counted("registeredusersnum", call.state.accounts.size());
}
Step disabled_count(const Call& call) {
    return counted("disabledusersnum", call.state.accounts.count(AccountState::Disabled));
}
Step online_count(const Call& call) { return counted("onlineusersnum", online(call).size()); }
Step active_count(const Call& call) { return counted("activeusersnum", active(call).size()); }
Step idle_count(const Call& call) { return counted("idleusersnum", idle(call).size()); }

/// The account that a form names; a refusal when there is none.
Result<const Account*, xml::StanzaError> account_in(const Call& call) {
    const auto jids = accounts_in(call, "accountjid");
    if (!jids) return jids.error();
    const Account* account = call.state.accounts.find(jids->front().str());
    if (account == nullptr)
        return to_stanza_error({Errc::UnknownAccount, "no account " + jids->front().str(), {}});
    return account;
}

/// §4.9.
Step last_login(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(admin_form, "Getting a User's Last Login Time")};
        add_required(
            ask.form, "accountjid", "jid-single",
            "The Jabber ID for which to retrieve last login time"
        );
        return ask;
    }
    const auto account = account_in(call);
    if (!account) return account.error();
    const Visit* visit = call.state.visits.find(**account);
    std::vector<std::string> time;
    if (visit != nullptr) time.push_back(xml::to_datetime(visit->last));
    Done done;
    if (visit == nullptr) done.notes.push_back({"info", "this account has not logged in yet"});
    done.payloads.push_back(result(
        admin_form,
        {{"accountjid", {(*account)->jid}, "jid-single"}, {"lastlogin", std::move(time)}}
    ));
    return done;
}

/// §4.10.
Step user_stats(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(admin_form, "Get User Statistics")};
        add_required(ask.form, "accountjid", "jid-single", "The Jabber ID for statistics");
        return ask;
    }
    const auto found = account_in(call);
    if (!found) return found.error();
    const Account* account = *found;
    const xml::Jid jid = xml::Jid::from_canonical(account->jid);
    std::vector<std::string> addresses, resources;
    std::uint64_t stanzas_in = 0, stanzas_out = 0;
    double per_second = 0;
    for (const SessionView& session : call.state.sessions.sessions()) {
        if (session.jid.bare_view() != jid.str()) continue;
        if (std::ranges::find(addresses, session.address) == addresses.end())
            addresses.push_back(session.address);
        resources.emplace_back(session.jid.resource());
        stanzas_in += session.stanzas_in;
        stanzas_out += session.stanzas_out;
        const auto lived = std::max<storage::Millis>(call.context.now - session.since, 1000);
        per_second += static_cast<double>(session.stanzas_in + session.stanzas_out) * 1000 /
                      static_cast<double>(lived);
    }
    const pubsub::Broker* broker = call.state.directory.broker();
    const std::size_t nodes = broker == nullptr ? 0 : broker->subscribed_nodes(jid).size();
    Done done;
    done.payloads.push_back(result(
        admin_form, {{"accountjid", {jid.str()}, "jid-single"},
                     {"ipaddresses", std::move(addresses), "text-multi"},
                     {"onlineresources", std::move(resources), "text-multi"},
                     {"stanzaspersecond", {std::to_string(per_second)}},
                     {"x-grid#state", {std::string(to_string(account->state))}},
                     {"x-grid#group", account->groups, "text-multi"},
                     {"x-grid#stanzas-in", {std::to_string(stanzas_in)}},
                     {"x-grid#stanzas-out", {std::to_string(stanzas_out)}},
                     {"x-grid#subscribed-topics", {std::to_string(nodes)}}}
    ));
    return done;
}

}   // namespace

std::span<const Command> user_list_commands() {
    static constexpr Act accounts = Act::ReadAccounts, sessions = Act::ReadSessions;
    static constexpr std::array commands{
        Command{
            "http://jabber.org/protocol/admin#get-registered-users-list",
            "Get List of Registered Users", accounts, registered_list
        },
        Command{
            "http://jabber.org/protocol/admin#get-disabled-users-list",
            "Get List of Disabled Users", accounts, disabled_list
        },
        Command{
            "http://jabber.org/protocol/admin#get-online-users-list", "Get List of Online Users",
            sessions, online_list
        },
        Command{
            "http://jabber.org/protocol/admin#get-registered-users-num",
            "Get Number of Registered Users", accounts, registered_count
        },
        Command{
            "http://jabber.org/protocol/admin#get-disabled-users-num",
            "Get Number of Disabled Users", accounts, disabled_count
        },
        Command{
            "http://jabber.org/protocol/admin#get-online-users-num", "Get Number of Online Users",
            sessions, online_count
        },
        Command{
            "http://jabber.org/protocol/admin#get-active-users-num", "Get Number of Active Users",
            sessions, active_count
        },
        Command{
            "http://jabber.org/protocol/admin#get-idle-users-num", "Get Number of Idle Users",
            sessions, idle_count
        },
        Command{
            "http://jabber.org/protocol/admin#get-active-users", "Get List of Active Users",
            sessions, active_list
        },
        Command{
            "http://jabber.org/protocol/admin#get-idle-users", "Get List of Idle Users", sessions,
            idle_list
        },
        Command{
            "http://jabber.org/protocol/admin#get-user-lastlogin", "Get User Last Login Time",
            accounts, last_login
        },
        Command{
            "http://jabber.org/protocol/admin#user-stats", "Get User Statistics", sessions,
            user_stats
        },
    };
    return commands;
}

}   // namespace grid::controller::commands
