// controller/commands/users.cpp: XEP-0133: add, delete, disable, re-enable, end session,
// announce.
#include <array>

#include "controller/administration/account_acts.hpp"
#include "controller/administration/credentials/password_acts.hpp"
#include "controller/administration/session_acts.hpp"
#include "controller/commands/forms.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view add_user_node = "http://jabber.org/protocol/admin#add-user";
constexpr std::string_view delete_user_node = "http://jabber.org/protocol/admin#delete-user";
constexpr std::string_view disable_user_node = "http://jabber.org/protocol/admin#disable-user";
constexpr std::string_view reenable_user_node = "http://jabber.org/protocol/admin#reenable-user";
constexpr std::string_view end_node = "http://jabber.org/protocol/admin#end-user-session";
constexpr std::string_view announce_node = "http://jabber.org/protocol/admin#announce";
constexpr std::string_view password_node = "http://jabber.org/protocol/admin#change-user-password";

/// The passwords of both fields, which are one; nothing where both are empty.
Result<std::optional<std::string>, xml::StanzaError> password_in(const Call& call) {
    const auto text = [&](std::string_view var) {
        const xml::FormField* field = call.field(var);
        return field != nullptr ? std::string(field->value()) : std::string();
    };
    std::string password = text("password");
    // XEP-0133 §4.6 asks for one password, §4.1 for two.
    if (call.field("password-verify") != nullptr && text("password-verify") != password)
        return xml::StanzaError(bad_payload("password and password-verify differ"));
    if (password.empty()) return std::optional<std::string>{};
    return std::optional(std::move(password));
}

const Credentials* credentials_of(const Call& call) {
    return call.memo ? std::any_cast<Credentials>(call.memo.get()) : nullptr;
}

Step make_credentials_first(const Call& call, const std::string& password) {
    auto work = administration::password_work(call, password);
    if (!work) return refusal(work.error());
    return First{[work = std::move(*work), memo = call.memo] { *memo = work(); }};
}

/// §4.1: bound to the first certificate that logs in under the name, or with a password.
Step add_user(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(
            admin_form, "Adding a User",
            "Without a password the account belongs to the first certificate that logs in with "
            "this name."
        )};
        add_required(ask.form, "accountjid", "jid-single", "The Jabber ID for the account");
        if (call.state.settings.passwords) {
            add_field(ask.form, "password", "text-private", "The password for this account");
            add_field(ask.form, "password-verify", "text-private", "Retype password");
        }
        add_field(ask.form, "x-grid#group", "text-multi", "Groups (none: the default groups)");
        return ask;
    }
    const auto password = password_in(call);
    if (!password) return password.error();
    const auto jids = accounts_in(call, "accountjid");
    if (!jids) return jids.error();
    const auto groups = groups_in(call, "x-grid#group");
    if (!groups) return groups.error();
    const Credentials* credentials = credentials_of(call);
    if (*password && credentials == nullptr) return make_credentials_first(call, **password);
    auto change = administration::create_account(call, jids->front(), *groups, credentials);
    if (!change) return refusal(change.error());
    return Done{std::move(change->batch)};
}

/// §4.6: the streams of an account that had another one end.
Step change_password(const Call& call) {
    if (!call.state.settings.passwords)
        return refusal(administration::password_work(call, "any").error());
    if (call.is_first()) {
        Ask ask{form(admin_form, "Changing a User Password")};
        add_required(ask.form, "accountjid", "jid-single", "The Jabber ID for this account");
        add_required(ask.form, "password", "text-private", "The password for this account");
        return ask;
    }
    const auto password = password_in(call);
    if (!password) return password.error();
    if (!*password) return bad_payload("the form must have a password");
    const auto jids = accounts_in(call, "accountjid");
    if (!jids) return jids.error();
    const Credentials* credentials = credentials_of(call);
    if (credentials == nullptr) return make_credentials_first(call, **password);
    auto change = administration::set_password(call, jids->front(), *credentials);
    if (!change) return refusal(change.error());
    return Done{std::move(change->batch)};
}

Ask ask_for_accounts(const char* title, const char* label) {
    Ask ask{form(admin_form, title)};
    add_required(ask.form, "accountjids", "jid-multi", label);
    return ask;
}

Step for_each_account(
    const Call& call,
    Outcome<AccountChange> (*act)(const administration::ActContext&, const xml::Jid&)
) {
    const auto jids = accounts_in(call, "accountjids");
    if (!jids) return jids.error();
    return done_with(administration::change_accounts(*jids, [&](const xml::Jid& jid) {
        return act(call, jid);
    }));
}

Step delete_user(const Call& call) {
    if (call.is_first()) return ask_for_accounts("Deleting a User", "The Jabber ID(s) to delete");
    return for_each_account(call, administration::delete_account);
}

/// §4.3: its sessions end with it (controller/accounts/notice_texts.cpp).
Step disable_user(const Call& call) {
    if (call.is_first()) return ask_for_accounts("Disabling a User", "The Jabber ID(s) to disable");
    return for_each_account(call, administration::disable_account);
}

Step reenable_user(const Call& call) {
    if (call.is_first())
        return ask_for_accounts("Re-Enable a User", "The Jabber ID(s) to re-enable");
    return for_each_account(call, administration::enable_account);
}

/// §4.5: a bare JID means all sessions, a full one that session.
Step end_user_session(const Call& call) {
    if (call.is_first())
        return ask_for_accounts(
            "Ending a User Session", "The Jabber ID(s) for which to end sessions"
        );
    std::vector<xml::Jid> jids;
    for (const std::string& text : call.values("accountjids")) {
        const auto jid = xml::Jid::parse(text);
        if (!jid || jid->local().empty()) return bad_payload("'" + text + "' is no account");
        if (call.state.accounts.find(jid->bare_view()) == nullptr &&
            call.state.sessions.resources(jid->bare()).empty())
            return refusal({Errc::UnknownAccount, "no account " + std::string(jid->bare_view()), {}}
            );
        jids.push_back(*jid);
    }
    if (jids.empty() || jids.size() > accounts_at_once_max)
        return bad_payload("the form must name 1 to 20 accounts or sessions in accountjids");
    return done_with(administration::end_sessions(call, jids));
}

/// §4.23.
Step send_announcement(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(
            admin_form, "Making an Announcement", "It goes to all who are online at this time."
        )};
        add_field(ask.form, "subject", "text-single", "Subject");
        add_required(ask.form, "announcement", "text-multi", "Announcement");
        return ask;
    }
    std::string body = call.text("announcement");
    if (!body.empty()) body.pop_back();
    const std::string subject = call.value("subject");
    if (body.find_first_not_of(" \t\r\n") == std::string::npos)
        return bad_payload("the form must have a text in announcement");
    if (body.size() + subject.size() > administration::announcement_bytes_max)
        return bad_payload("an announcement has at most 16 KiB");
    return Done{administration::announce(call, subject, body)};
}

}   // namespace

std::span<const Command> user_commands() {
    static constexpr std::array commands{
        Command{add_user_node, "Add User", Act::CreateAccounts, add_user},
        Command{delete_user_node, "Delete User", Act::DeleteAccounts, delete_user},
        Command{disable_user_node, "Disable User", Act::DisableAccounts, disable_user},
        Command{reenable_user_node, "Re-Enable User", Act::EnableAccounts, reenable_user},
        Command{end_node, "End User Session", Act::EndSessions, end_user_session},
        Command{
            password_node, "Change User Password", Act::SetPasswords, change_password,
            Command::Listed::WithPasswords
        },
        Command{
            announce_node, "Send Announcement to Online Users", Act::Announce, send_announcement
        },
    };
    return commands;
}

}   // namespace grid::controller::commands
