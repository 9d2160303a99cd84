// server/gridctl/act_commands.cpp: `settings`, `announce`, `motd`, `welcome`, `administrators`,
// `shutdown`, `reload`: what an administrator does to the grid as a whole.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

struct SettingsArguments {
    std::string auto_approve;
    std::vector<std::string> groups;
    bool no_groups = false;
};

void set_settings(const Options& options, const SettingsArguments& given) {
    boost::json::object body;
    if (!given.auto_approve.empty()) body["auto_approve"] = given.auto_approve == "on";
    if (given.no_groups || !given.groups.empty()) {
        boost::json::array groups;
        for (const std::string& group : given.groups) groups.emplace_back(group);
        body["default_groups"] = std::move(groups);
    }
    if (body.empty())
        throw Failed(Exit::Usage, "say --auto-approve on|off, --group or --no-groups");
    Client client = connect_to(options);
    print_object(options, client.call("PUT", "settings", body));
}

/// `motd` and `welcome`: a text that is shown, set and deleted.
void add_greeting(
    CLI::App& app, const Options& options, const std::string& path, const std::string& what
) {
    CLI::App* group = app.add_subcommand(path, what);
    group->require_subcommand(1);
    group->add_subcommand("show", "the text that is sent")->callback([&options, path] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", path));
    });
    group->add_subcommand("delete", "send no text any more")->callback([&options, path] {
        Client client = connect_to(options);
        print_object(options, client.call("DELETE", path));
    });
    const auto text = std::make_shared<std::string>();
    const auto corrects = std::make_shared<bool>(false);
    CLI::App* setting = group->add_subcommand("set", "send this text from now on");
    setting->add_option("text", *text, "the text")->required();
    if (path == "motd")
        setting->add_flag(
            "--correct", *corrects, "accounts that had the text before are not sent it again"
        );
    setting->callback([&options, path, text, corrects] {
        Client client = connect_to(options);
        boost::json::object body{{"text", *text}};
        if (*corrects) body["corrects"] = true;
        print_object(options, client.call("PUT", path, body));
    });
}

struct ShutdownArguments {
    bool restarts = false;
    std::uint32_t delay = 0;
    std::string announcement;
};

void add_shutdown(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<ShutdownArguments>();
    CLI::App* ending = app.add_subcommand("shutdown", "end the server in good order");
    ending->add_flag("--restart", given->restarts, "and start it again");
    ending->add_option("--delay", given->delay, "seconds to wait before it");
    ending->add_option("--announce", given->announcement, "a message to all who are online");
    ending->callback([&options, given] {
        Client client = connect_to(options);
        boost::json::object body{{"restart", given->restarts}, {"delay_seconds", given->delay}};
        if (!given->announcement.empty()) body["announcement"] = given->announcement;
        print_object(options, client.call("POST", "shutdown", body));
    });
}

/// "FILE:3:7: what is wrong", as compilers do, so that editors jump there.
std::string remark_lines(const boost::json::object& answer, const char* name) {
    std::string out;
    const boost::json::value* remarks = answer.if_contains(name);
    if (remarks == nullptr || !remarks->is_array()) return out;
    for (const boost::json::value& remark : remarks->get_array()) {
        const std::string where = cell_of(remark, "where");
        out += "\n" + (where.empty() || where == "-" ? "" : where + ": ") + cell_of(remark, "text");
    }
    return out;
}

std::string words(const boost::json::object& answer, const char* name) {
    std::string out;
    const boost::json::value* list = answer.if_contains(name);
    if (list == nullptr || !list->is_array()) return out;
    for (const boost::json::value& word : list->get_array())
        if (word.is_string()) out += (out.empty() ? "" : ", ") + printable(word.get_string());
    return out;
}

void reload(const Options& options) {
    Client client = connect_to(options);
    const Answer answer = client.request("POST", "/api/v1/reload", "{}");
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(answer.body, error);
    if (error || !value.is_object())
        throw Failed(Exit::Refused, "the server's answer is no JSON object");
    const boost::json::object& object = value.get_object();
    if (options.json) print_object(options, object);
    if (to_exit(answer.status) != Exit::Ok)
        throw Failed(
            to_exit(answer.status), cell_of(value, "detail") + remark_lines(object, "mistakes")
        );
    if (options.json) return;
    const std::string changed = words(object, "changed"), later = words(object, "needs_restart");
    print("changed: " + (changed.empty() ? "nothing" : changed) + "\n");
    if (!later.empty()) print("a restart is needed for: " + later + "\n");
    if (const std::string warnings = remark_lines(object, "warnings"); !warnings.empty())
        print("warnings:" + warnings + "\n");
}

/// The whole list: accounts that are not in it cease to be administrators.
void add_administrators(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("administrators", "the accounts that administer the grid");
    group->require_subcommand(1);
    group->add_subcommand("show", "the list of administrators")->callback([&options] {
        Client client = connect_to(options);
        print_object(options, list_all(client, "administrators", "administrators"));
    });
    const auto names = std::make_shared<std::vector<std::string>>();
    CLI::App* setting = group->add_subcommand("set", "a new list: these accounts and no others");
    setting->add_option("accounts", *names, "name or name@domain")->required();
    setting->callback([&options, names] {
        Client client = connect_to(options);
        boost::json::array jids;
        for (const std::string& name : *names)
            jids.emplace_back(account_at(options, client, name).str());
        print_object(
            options,
            client.call("PUT", "administrators", {{"administrators", std::move(jids)}}, "*")
        );
    });
}

}   // namespace

void add_act_commands(CLI::App& app, const Options& options) {
    CLI::App* settings =
        app.add_subcommand("settings", "what can be changed while the grid runs; it stays changed");
    settings->require_subcommand(1);
    settings->add_subcommand("show", "the settings in force, and as configured")
        ->callback([&options] {
            Client client = connect_to(options);
            print_object(options, client.call("GET", "settings"));
        });
    const auto given = std::make_shared<SettingsArguments>();
    CLI::App* setting = settings->add_subcommand("set", "change settings");
    setting->add_option("--auto-approve", given->auto_approve, "approve accounts by themselves")
        ->check(CLI::IsMember({"on", "off"}));
    setting->add_option("--group", given->groups, "default group; repeat it for more");
    setting->add_flag("--no-groups", given->no_groups, "no default groups");
    setting->callback([&options, given] { set_settings(options, *given); });

    const auto text = std::make_shared<std::string>();
    const auto subject = std::make_shared<std::string>();
    CLI::App* announcing = app.add_subcommand("announce", "a message to all who are online");
    announcing->add_option("text", *text, "what to say")->required();
    announcing->add_option("--subject", *subject, "its subject");
    announcing->callback([&options, text, subject] {
        Client client = connect_to(options);
        boost::json::object body{{"text", *text}};
        if (!subject->empty()) body["subject"] = *subject;
        print_object(options, client.call("POST", "announce", body));
    });
    add_greeting(app, options, "motd", "a message to each account once");
    add_greeting(app, options, "welcome", "a message to new accounts with their first login");
    add_administrators(app, options);
    add_shutdown(app, options);
    app.add_subcommand(
           "reload", "read configuration, certificates, revocation lists and policy file anew"
    )
        ->callback([&options] { reload(options); });
}

}   // namespace grid::gridctl
