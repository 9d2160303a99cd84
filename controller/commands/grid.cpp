// controller/commands/grid.cpp: XEP-0133: message of the day, welcome, list of administrators,
// restart, shutdown.
#include <array>
#include <charconv>

#include "controller/administration/account_acts.hpp"
#include "controller/administration/greeting_acts.hpp"
#include "controller/administration/process_acts.hpp"
#include "controller/commands/forms.hpp"

namespace grid::controller::commands {

namespace {

/// Lines of a text-multi; the last one is not ended.
std::string text_in(const Call& call, std::string_view var) {
    std::string text = call.text(var);
    if (!text.empty()) text.pop_back();
    return text;
}

/// A text as the lines of a text-multi.
std::vector<std::string> to_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

Ask ask_for_text(
    const char* title, const char* var, const char* label, const std::optional<Greeting>& present
) {
    Ask ask{form(admin_form, title)};
    add_required(ask.form, var, "text-multi", label);
    if (present) ask.form.fields.back().values = to_lines(present->text);
    return ask;
}

/// §4.24.
Step set_motd(const Call& call) {
    if (call.is_first())
        return ask_for_text(
            "Setting the Message of the Day", "motd", "Message of the Day", std::nullopt
        );
    return done_with(administration::set_motd(call, text_in(call, "motd"), false));
}

/// §4.25.
Step edit_motd(const Call& call) {
    if (call.is_first())
        return ask_for_text(
            "Editing the Message of the Day", "motd", "Message of the Day",
            call.state.greetings.motd
        );
    return done_with(administration::set_motd(call, text_in(call, "motd"), true));
}

/// §4.26.
Step delete_motd(const Call& call) { return Done{administration::delete_motd(call)}; }

/// §4.27.
Step set_welcome(const Call& call) {
    if (call.is_first())
        return ask_for_text(
            "Setting Welcome Message", "welcome", "Welcome Message", call.state.greetings.welcome
        );
    return done_with(administration::set_welcome(call, text_in(call, "welcome")));
}

/// §4.28.
Step delete_welcome(const Call& call) { return Done{administration::delete_welcome(call)}; }

/// §4.29.
Step edit_admin(const Call& call) {
    constexpr std::size_t administrators_shown_max = 500;
    if (call.is_first()) {
        Ask ask{form(
            admin_form, "Editing the Admin List",
            "Accounts that are added or taken out log in again; yours stays in the list."
        )};
        std::vector<std::string> names;
        if (const auto* members = call.state.accounts.members(administrators_group))
            names.assign(members->begin(), members->end());
        if (names.size() > administrators_shown_max)
            return Step(xml::not_allowed("there are too many administrators for a form"));
        add_field(ask.form, "adminjids", "jid-multi", "The admin list", std::move(names));
        return ask;
    }
    const auto jids = accounts_in(call, "adminjids", administrators_shown_max);
    if (!jids) return jids.error();
    return done_with(administration::set_administrators(call, *jids));
}

/// §4.30, §4.31.
Step stop(const Call& call, bool restarts) {
    if (call.is_first()) {
        Ask ask{form(admin_form, restarts ? "Restarting the Service" : "Shutting Down the Service")
        };
        add_field(
            ask.form, "delay", "list-single",
            restarts ? "Seconds before restarting" : "Seconds before shutting down", {"30"},
            {"0", "30", "60", "90", "120", "180", "240", "300"}
        );
        add_field(ask.form, "announcement", "text-multi", "Announcement");
        return ask;
    }
    administration::Stop wanted{restarts, 0, text_in(call, "announcement")};
    if (const std::string text = call.value("delay"); !text.empty()) {
        const char* const end = text.data() + text.size();
        const auto [to, error] = std::from_chars(text.data(), end, wanted.delay_seconds);
        if (error != std::errc{} || to != end) return bad_payload("delay is a number of seconds");
    }
    return done_with(administration::stop_server(call, wanted));
}
Step restart(const Call& call) { return stop(call, true); }
Step shut_down(const Call& call) { return stop(call, false); }

/// §4.11, §4.12.
Step edit_list(const Call&) {
    return Step(xml::not_allowed(
        "this grid has no black or white lists: the policy says which accounts may do what "
        "(command "
        "policy-set), and an account that may do nothing is disabled (command disable-user)"
    ));
}

}   // namespace

std::span<const Command> grid_commands() {
    static constexpr std::array commands{
        Command{
            "http://jabber.org/protocol/admin#set-motd", "Set Message of the Day",
            Act::SetGreetings, set_motd
        },
        Command{
            "http://jabber.org/protocol/admin#edit-motd", "Edit Message of the Day",
            Act::SetGreetings, edit_motd
        },
        Command{
            "http://jabber.org/protocol/admin#delete-motd", "Delete Message of the Day",
            Act::SetGreetings, delete_motd
        },
        Command{
            "http://jabber.org/protocol/admin#set-welcome", "Set Welcome Message",
            Act::SetGreetings, set_welcome
        },
        Command{
            "http://jabber.org/protocol/admin#delete-welcome", "Delete Welcome Message",
            Act::SetGreetings, delete_welcome
        },
        Command{
            "http://jabber.org/protocol/admin#edit-admin", "Edit Admin List",
            Act::ChooseAdministrators, edit_admin
        },
        Command{
            "http://jabber.org/protocol/admin#restart", "Restart Service", Act::StopServer, restart
        },
        Command{
            "http://jabber.org/protocol/admin#shutdown", "Shut Down Service", Act::StopServer,
            shut_down
        },
        // Refused with a reason; clients that look at the list are not led there.
        Command{
            "http://jabber.org/protocol/admin#edit-blacklist", "Edit Blacklist", Act::SetPolicy,
            edit_list, Command::Listed::Never
        },
        Command{
            "http://jabber.org/protocol/admin#edit-whitelist", "Edit Whitelist", Act::SetPolicy,
            edit_list, Command::Listed::Never
        },
    };
    return commands;
}

}   // namespace grid::controller::commands
