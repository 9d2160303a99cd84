// controller/rest/account_routes.cpp: accounts and groups by REST.
#include <array>

#include "controller/administration/account_acts.hpp"
#include "controller/administration/credentials/password_acts.hpp"
#include "controller/administration/credentials/second_factor_acts.hpp"
#include "controller/administration/group_acts.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"
#include "controller/rest/views.hpp"

namespace grid::controller::rest {

namespace {

HttpDecision list_accounts(const Call& call) {
    const std::string name = call.request.in_query("state");
    std::optional<AccountState> state;
    if (!name.empty()) {
        state = parse_account_state(name);
        if (!state || *state == AccountState::Init)
            return refuse({Errc::MalformedRequest, "state is pending, enabled or disabled", {}});
    }
    const auto found = call.state.accounts.search(
        call.request.in_query("after"), call.page_max(), state, call.request.in_query("find"),
        names_looked_at_max
    );
    json::array list;
    for (const Account* account : found.accounts) list.push_back(to_json(*account));
    return ok({{"accounts", std::move(list)}, {"next", cursor(found.next)}});
}

HttpDecision show_account(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const Account* account = call.state.accounts.find(jid->str());
    if (account == nullptr) return refuse({Errc::UnknownAccount, "no account " + jid->str(), {}});
    return ok(to_json(*account));
}

HttpDecision answered(Outcome<AccountChange> change, int status = 200) {
    if (!change) return refuse(change.error());
    HttpResponse response = ok(to_json(change->after), status);
    return changed(std::move(change->batch), std::move(response));
}

/// The credentials that an earlier step of this request has made; null: there was none.
const Credentials* credentials_of(const Call& call) {
    return std::any_cast<Credentials>(call.request.memo.get());
}

/// Makes them, for the next step.
HttpDecision make_credentials_first(const Call& call, const std::string& password) {
    auto work = administration::password_work(call, password);
    if (!work) return refuse(work.error());
    return HttpDecision::Work{[work = std::move(*work), memo = call.request.memo] {
        *memo = work();
    }};
}

HttpDecision create_account(const Call& call) {
    const auto name = required_text(call.request.body, "jid");
    if (!name) return refuse(name.error());
    const auto jid = bare_jid(*name);
    if (!jid) return refuse(jid.error());
    const auto groups = optional_groups(call.request.body);
    if (!groups) return refuse(groups.error());
    const auto password = optional_text(call.request.body, "password");
    if (!password) return refuse(password.error());
    const Credentials* credentials = credentials_of(call);
    if (*password && credentials == nullptr) return make_credentials_first(call, **password);
    return answered(administration::create_account(call, *jid, *groups, credentials), 201);
}

HttpDecision set_password(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const auto password = required_text(call.request.body, "password");
    if (!password) return refuse(password.error());
    if (call.state.accounts.find(jid->str()) == nullptr)
        return refuse({Errc::UnknownAccount, "no account " + jid->str(), {}});
    const Credentials* credentials = credentials_of(call);
    if (credentials == nullptr) return make_credentials_first(call, *password);
    return answered(administration::set_password(call, *jid, *credentials));
}

HttpDecision approve(const Call& call) {
    const auto device = optional_text(call.request.body, "device_type");
    if (!device) return refuse(device.error());
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const auto groups = optional_groups(call.request.body);
    if (!groups) return refuse(groups.error());
    return answered(administration::approve_account(call, *jid, *groups, *device));
}

/// An act that needs nothing but the account.
using AccountAct = Outcome<AccountChange> (*)(const administration::ActContext&, const xml::Jid&);
template <AccountAct act>
HttpDecision act_on(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    return answered(act(call, *jid));
}

HttpDecision set_groups(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const auto groups = optional_groups(call.request.body);
    if (!groups) return refuse(groups.error());
    if (!*groups)
        return refuse({Errc::MalformedRequest, "expected \"groups\": a list of names", {}});
    return answered(administration::set_account_groups(call, *jid, **groups));
}

Outcome<administration::Rebinding> rebinding_in(const json::object& body) {
    administration::Rebinding wanted;
    const auto authority = required_text(body, "ca");
    if (!authority) return authority.error();
    wanted.authority = *authority;
    const auto keeps = optional_flag(body, "keep");
    if (!keeps) return keeps.error();
    wanted.keeps_others = *keeps;
    const auto administrators = optional_flag(body, "administrators");
    if (!administrators) return administrators.error();
    wanted.administrators = *administrators;
    const auto is_trial = optional_flag(body, "dry_run");
    if (!is_trial) return is_trial.error();
    wanted.is_trial = *is_trial;
    for (const auto& [name, member] :
         {std::pair("from", &wanted.from), std::pair("after", &wanted.after)}) {
        auto text = optional_text(body, name);
        if (!text) return text.error();
        *member = text->value_or("");
    }
    return wanted;
}

HttpDecision rebind_account(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const auto wanted = rebinding_in(call.request.body);
    if (!wanted) return refuse(wanted.error());
    return answered(administration::rebind_account(call, *jid, *wanted));
}

HttpDecision rebind_accounts(const Call& call) {
    const auto wanted = rebinding_in(call.request.body);
    if (!wanted) return refuse(wanted.error());
    auto done = administration::rebind_accounts(call, *wanted);
    if (!done) return refuse(done.error());
    json::array refused;
    for (const auto& [jid, text] : done->refused)
        refused.push_back(json::object{{"jid", jid}, {"text", text}});
    HttpResponse response =
        ok({{"moved", to_json(done->moved)},
            {"refused", std::move(refused)},
            {"dry_run", wanted->is_trial},
            {"next", cursor(done->next)}});
    return changed(std::move(done->batch), std::move(response));
}

HttpDecision edit_account(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    AccountEdit edit;
    for (const auto& [name, member] :
         {std::pair("description", &edit.description), std::pair("device_type", &edit.device_type),
          std::pair("key_pin", &edit.key_pin)}) {
        auto text = optional_text(call.request.body, name);
        if (!text) return refuse(text.error());
        *member = std::move(*text);
    }
    return answered(administration::edit_account(call, *jid, edit));
}

HttpDecision delete_account(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    auto change = administration::delete_account(call, *jid);
    if (!change) return refuse(change.error());
    return changed(std::move(change->batch), ok({{"deleted", jid->str()}}));
}

HttpDecision set_second_factor(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    auto made = administration::set_second_factor(call, *jid);
    if (!made) return refuse(made.error());
    HttpResponse response =
        ok({{"account", jid->str()},
            {"uri", made->uri},
            {"secret", made->secret},
            {"recovery_codes", to_json(made->recovery_codes)}});
    return changed(std::move(made->batch), std::move(response));
}

HttpDecision remove_second_factor(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    auto batch = administration::remove_second_factor(call, *jid);
    if (!batch) return refuse(batch.error());
    const bool was_there = !batch->operations.empty();
    return changed(std::move(*batch), ok({{"removed", was_there}}));
}

json::object group_json(const GroupView& group) {
    return {
        {"name", group.name},
        {"description", group.description},
        {"members", group.members},
        {"rules", group.rules},
        {"stored", group.is_stored}
    };
}

HttpDecision list_groups(const Call& call) {
    const State& state = call.state;
    const std::size_t max = call.page_max();
    auto found =
        state.groups.page(state.accounts, state.policy, call.request.in_query("after"), max + 1);
    const bool has_more = found.size() > max;
    if (has_more) found.pop_back();
    json::array list;
    for (const GroupView& group : found) list.push_back(group_json(group));
    return ok(
        {{"groups", std::move(list)},
         {"next", cursor(has_more ? std::string_view(found.back().name) : std::string_view{})}}
    );
}

HttpDecision put_group(const Call& call) {
    const std::string& name = call.request.in_path("name");
    const auto description = optional_text(call.request.body, "description");
    if (!description) return refuse(description.error());
    auto change = administration::put_group(call, name, *description);
    if (!change) return refuse(change.error());
    return changed(std::move(change->batch), ok(group_json(change->after)));
}

HttpDecision delete_group(const Call& call) {
    const std::string& name = call.request.in_path("name");
    auto batch = administration::delete_group(call, name);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"deleted", name}}));
}

}   // namespace

std::span<const Route> account_routes() {
    static const std::array routes{
        Route{
            "GET",
            "accounts",
            {"state", "find", "after", "max"},
            {},
            list_accounts,
            Act::ReadAccounts
        },
        Route{
            "POST",
            "accounts",
            {},
            {"jid", "groups", "password"},
            create_account,
            Act::CreateAccounts
        },
        Route{"GET", "accounts/{jid}", {}, {}, show_account, Act::ReadAccounts, account_tag},
        Route{
            "PATCH",
            "accounts/{jid}",
            {},
            {"description", "device_type", "key_pin"},
            edit_account,
            Act::EditAccounts,
            account_tag
        },
        Route{"DELETE", "accounts/{jid}", {}, {}, delete_account, Act::DeleteAccounts, account_tag},
        Route{
            "POST",
            "accounts/{jid}/approve",
            {},
            {"groups", "device_type"},
            approve,
            Act::ApproveAccounts,
            account_tag
        },
        Route{
            "POST",
            "accounts/{jid}/rebind",
            {},
            {"ca", "keep"},
            rebind_account,
            Act::RebindAccounts,
            account_tag
        },
        Route{
            "POST",
            "rebind",
            {},
            {"ca", "keep", "from", "administrators", "after", "dry_run"},
            rebind_accounts,
            Act::RebindAccounts
        },
        Route{
            "POST",
            "accounts/{jid}/decline",
            {},
            {},
            act_on<administration::decline_account>,
            Act::DeclineAccounts,
            account_tag
        },
        Route{
            "POST",
            "accounts/{jid}/disable",
            {},
            {},
            act_on<administration::disable_account>,
            Act::DisableAccounts,
            account_tag
        },
        Route{
            "POST",
            "accounts/{jid}/enable",
            {},
            {},
            act_on<administration::enable_account>,
            Act::EnableAccounts,
            account_tag
        },
        Route{
            "PUT",
            "accounts/{jid}/groups",
            {},
            {"groups"},
            set_groups,
            Act::SetGroupsOfAccounts,
            account_tag
        },
        Route{
            "PUT",
            "accounts/{jid}/password",
            {},
            {"password"},
            set_password,
            Act::SetPasswords,
            account_tag
        },
        Route{
            "DELETE",
            "accounts/{jid}/password",
            {},
            {},
            act_on<administration::remove_password>,
            Act::SetPasswords,
            account_tag
        },
        Route{
            "PUT",
            "accounts/{jid}/second-factor",
            {},
            {},
            set_second_factor,
            Act::SetSecondFactors,
            account_tag
        },
        Route{
            "DELETE",
            "accounts/{jid}/second-factor",
            {},
            {},
            remove_second_factor,
            Act::SetSecondFactors,
            account_tag
        },
        Route{"GET", "groups", {"after", "max"}, {}, list_groups, Act::ReadGroups},
        Route{
            "PUT", "groups/{name...}", {}, {"description"}, put_group, Act::EditGroups, group_tag
        },
        Route{"DELETE", "groups/{name...}", {}, {}, delete_group, Act::EditGroups, group_tag},
    };
    return routes;
}

}   // namespace grid::controller::rest
