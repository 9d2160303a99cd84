// server/gridctl/schema_commands.cpp: `schemas …`: what payloads of topics are checked against;
// `topics schema`: which topic by which.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct SchemaArguments {
    std::vector<std::string> files;
    std::string location, topic, mode;
};

std::string file_name_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

void put_schemas(const Options& options, const SchemaArguments& given) {
    if (!given.location.empty() && given.files.size() > 1)
        throw Failed(Exit::Usage, "--location is for one file: several are stored by their names");
    json::array documents;
    for (const std::string& file : given.files)
        documents.push_back(json::object{
            {"location", given.location.empty() ? file_name_of(file) : given.location},
            {"text", read_utf8(file)}
        });
    Client client = connect_to(options);
    const json::object answer =
        client.call("PUT", "schemas", json::object{{"documents", std::move(documents)}});
    if (options.json) return print_object(options, answer);
    for (const json::value& one : answer.at("schemas").as_array())
        print(cell_of(one, "location") + " stored, namespace " + cell_of(one, "namespace") + "\n");
}

void show_schemas(const Options& options, const SchemaArguments& given) {
    Client client = connect_to(options);
    const json::object answer = client.call("GET", "schemas/" + encoded(given.location));
    if (options.json) return print_object(options, answer);
    // The text alone, so that `schemas show >file` and `schemas put file` are each other's
    // opposite.
    print_text(std::string(answer.at("text").as_string()));
}

void set_topic(const Options& options, const SchemaArguments& given) {
    json::object body{{"validation", given.mode}};
    if (!given.location.empty()) body["schema"] = given.location;
    Client client = connect_to(options);
    const json::object answer = client.call("PUT", "topics/" + encoded(given.topic), body);
    if (options.json) return print_object(options, answer);
    const bool is_there = answer.at("exists").as_bool();
    print(
        printable(given.topic) + " validates " + given.mode +
        (is_there ? "\n" : "; there is no such topic yet\n")
    );
}

}   // namespace

void add_schema_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("schemas", "what payloads of topics are checked against");
    group->require_subcommand(1);
    const auto given = std::make_shared<SchemaArguments>();
    group->add_subcommand("list", "all schema documents")->callback([&options] {
        Client client = connect_to(options);
        const Columns columns{
            {"LOCATION", "location"},
            {"NAMESPACE", "namespace"},
            {"BYTES", "bytes"},
            {"TOPICS", "topics"}
        };
        print_list(options, list_all(client, "schemas", "schemas"), "schemas", columns);
    });
    CLI::App* putting = group->add_subcommand(
        "put", "store XSD files, those that need each other together; in place of what is there"
    );
    putting->add_option("files", given->files, "XSD files; - for standard input")->required();
    putting->add_option("--location", given->location, "the name it gets (default: the file's)");
    putting->callback([&options, given] { put_schemas(options, *given); });
    CLI::App* showing = group->add_subcommand("show", "the text of a document");
    showing->add_option("location", given->location, "the document's name")->required();
    showing->callback([&options, given] { show_schemas(options, *given); });
    CLI::App* deleting =
        group->add_subcommand("delete", "a document that no topic and no other document needs");
    deleting->add_option("location", given->location, "the document's name")->required();
    deleting->callback([&options, given] {
        Client client = connect_to(options);
        print_object(options, client.call("DELETE", "schemas/" + encoded(given->location)));
    });
    CLI::App* setting = app.get_subcommand("topics")->add_subcommand(
        "schema", "check what is published there against a schema, or not"
    );
    setting->add_option("name", given->topic, "the topic")->required();
    setting->add_option("mode", given->mode, "off, lax or strict")
        ->required()
        ->check(CLI::IsMember({"off", "lax", "strict"}));
    setting->add_option("--schema", given->location, "the schema document");
    setting->callback([&options, given] { set_topic(options, *given); });
}

}   // namespace grid::gridctl
