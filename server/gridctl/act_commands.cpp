// server/gridctl/act_commands.cpp: `settings`, `announce`: what an administrator does to the
// grid as a whole.
#include <memory>

#include "server/gridctl/rest_commands.hpp"

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

}   // namespace

void add_act_commands(CLI::App& app, const Options& options) {
    CLI::App* settings =
        app.add_subcommand("settings", "what can be changed while the grid runs; it stays changed");
    settings->require_subcommand(1);
    settings->add_subcommand("show", "in force, and as configured")->callback([&options] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", "settings"));
    });
    const auto given = std::make_shared<SettingsArguments>();
    CLI::App* setting = settings->add_subcommand("set", "change them");
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
}

}   // namespace grid::gridctl
