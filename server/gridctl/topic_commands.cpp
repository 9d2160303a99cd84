// server/gridctl/topic_commands.cpp: `topics …`: topics with their providers, subscribers,
// switch and schema.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {

namespace json = boost::json;

void add_topic_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("topics", "what is published on the grid");
    group->require_subcommand(1);
    const auto name = std::make_shared<std::string>();
    group->add_subcommand("list", "all topics")->callback([&options] {
        Client client = connect_to(options);
        const Columns columns{
            {"TOPIC", "name"},
            {"TYPE", "type"},
            {"ACCESS", "access_model"},
            {"ITEMS", "items"},
            {"SUBSCRIPTIONS", "subscriptions"},
            {"PUBLISHERS", "publishers"},
            {"ENABLED", "enabled"}
        };
        print_list(options, list_all(client, "topics", "topics"), "topics", columns);
    });
    const auto add_switch = [&](const char* verb, const char* what, bool is_enabled) {
        CLI::App* command = group->add_subcommand(verb, what);
        command->add_option("name", *name, "the topic's name")->required();
        command->callback([&options, name, is_enabled, verb] {
            Client client = connect_to(options);
            const json::object topic =
                client.call("PUT", "topics/" + encoded(*name), {{"enabled", is_enabled}});
            if (options.json) return print_object(options, topic);
            print(cell_of(topic, "name") + " " + verb + "d\n");
        });
    };
    add_switch("disable", "refuse publishing, subscribing and retrieving there", false);
    add_switch("enable", "take a topic into use again", true);
    CLI::App* deleting = group->add_subcommand("delete", "a topic with all its items, for good");
    deleting->add_option("name", *name, "the topic's name")->required();
    deleting->callback([&options, name] {
        Client client = connect_to(options);
        print_object(options, client.call("DELETE", "topics/" + encoded(*name)));
    });
    CLI::App* subscribers = group->add_subcommand("subscribers", "the subscriptions to one topic");
    subscribers->add_option("name", *name, "the topic's name")->required();
    subscribers->callback([&options, name] {
        Client client = connect_to(options);
        const Columns columns{
            {"SUBSCRIBER", "jid"}, {"STATE", "state"}, {"FILTER", "filter"}, {"TOPIC", "topic"}
        };
        const auto list = list_all(client, "subscribers/" + encoded(*name), "subscribers");
        print_list(options, list, "subscribers", columns);
    });
    CLI::App* showing = group->add_subcommand("show", "one topic with its providers");
    showing->add_option("name", *name, "the topic's name")->required();
    showing->callback([&options, name] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", "topics/" + encoded(*name)));
    });
}

}   // namespace grid::gridctl
