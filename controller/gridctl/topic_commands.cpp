// controller/gridctl/topic_commands.cpp: `topics list|show`: what is published, by whom.
#include <memory>

#include "controller/gridctl/rest_commands.hpp"

namespace grid::controller::gridctl {

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
            {"PUBLISHERS", "publishers"}
        };
        print_list(options, list_all(client, "topics", "topics"), "topics", columns);
    });
    CLI::App* showing = group->add_subcommand("show", "one topic with its providers");
    showing->add_option("name", *name, "its name")->required();
    showing->callback([&options, name] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", "topics/" + encoded(*name)));
    });
}

}   // namespace grid::controller::gridctl
