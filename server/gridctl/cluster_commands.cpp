// server/gridctl/cluster_commands.cpp: `cluster`: the members of a cluster, and what an operator
// asks of them.
#include <array>
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

/// As the member that was asked sees it.
void show_cluster(const Options& options) {
    Client client = connect_to(options);
    boost::json::object cluster = client.call("GET", "cluster");
    if (options.json) return print_object(options, cluster);
    const boost::json::value members = cluster["members"];
    cluster.erase("members");
    print_object(options, cluster);
    print("\n");
    print_list(
        options, {{"members", members}, {"next", nullptr}}, "members",
        {{"MEMBER", "name"},
         {"ADDRESS", "address"},
         {"CLIENTS", "clients"},
         {"LEADER", "leader"},
         {"LINKED", "linked"},
         {"DRAINING", "draining"},
         {"ON DISK", "flushed_group"}}
    );
}

/// Without a name, of the member that is asked.
void ask_member(const Options& options, const std::string& act, std::string member) {
    Client client = connect_to(options);
    if (member.empty())
        member = std::string(client.call("GET", "cluster").at("member").as_string());
    print_object(
        options,
        client.call("POST", "cluster/members/" + encoded(member) + "/" + act, boost::json::object{})
    );
}

}   // namespace

void add_cluster_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("cluster", "the members of a cluster");
    group->require_subcommand(1);
    group->add_subcommand("status", "the members, who leads, and how far this one is")
        ->callback([&options] { show_cluster(options); });
    struct Row {
        const char *name, *about;
    };
    constexpr std::array rows{
        Row{"join", "a drained member takes clients again, and may lead"},
        Row{"leave", "drain a member, then stop its server"},
        Row{"drain", "no new clients: those that are there go to other members"},
        Row{"promote", "a member becomes the leader"},
    };
    for (const auto& [name, about] : rows) {
        CLI::App* command = group->add_subcommand(name, about);
        const auto member = std::make_shared<std::string>();
        command->add_option("member", *member, "its name; without, the member that is asked");
        command->callback([&options, member, act = std::string(name)] {
            ask_member(options, act, *member);
        });
    }
}

}   // namespace grid::gridctl
