// server/gridctl/group_commands.cpp: `groups …`: the groups that the policy's rules speak of.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

void list_groups(const Options& options) {
    Client client = connect_to(options);
    print_list(
        options, list_all(client, "groups", "groups"), "groups",
        {{"GROUP", "name"},
         {"MEMBERS", "members"},
         {"RULES", "rules"},
         {"DESCRIPTION", "description"}}
    );
}

void create_group(const Options& options, const std::string& name, const std::string& description) {
    Client client = connect_to(options);
    json::object body;
    if (!description.empty()) body["description"] = description;
    const json::object made = client.call("PUT", "groups/" + encoded(name), body);
    if (options.json) return print_object(options, made);
    print("group " + cell_of(made, "name") + "\n");
}

void remove_group(const Options& options, const std::string& name) {
    Client client = connect_to(options);
    const json::object done = client.call("DELETE", "groups/" + encoded(name));
    if (options.json) return print_object(options, done);
    print("deleted " + cell_of(done, "deleted") + "\n");
}

}   // namespace

void add_group_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("groups", "authorization groups");
    group->require_subcommand(1);
    const auto name = std::make_shared<std::string>();
    const auto description = std::make_shared<std::string>();
    group->add_subcommand("list", "all groups")->callback([&options] { list_groups(options); });
    CLI::App* creating = group->add_subcommand("create", "make a group, or change its description");
    creating->add_option("name", *name, "the group's name")->required();
    creating->add_option("--description", *description, "what it is for");
    creating->callback([&options, name, description] { create_group(options, *name, *description); }
    );
    CLI::App* removing =
        group->add_subcommand("delete", "a group that no account and no rule uses");
    removing->add_option("name", *name, "the group's name")->required();
    removing->callback([&options, name] { remove_group(options, *name); });
}

}   // namespace grid::gridctl
