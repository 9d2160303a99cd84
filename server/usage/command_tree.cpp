// server/usage/command_tree.cpp: see command_tree.hpp.
#include "server/usage/command_tree.hpp"

namespace grid::server::usage {
namespace {

/// CLI11 keeps what IsMember takes only in the name of the type: "TEXT:{pending,enabled}".
std::vector<std::string> words_of(const std::string& type) {
    const auto begin = type.find(":{");
    const auto end = type.rfind('}');
    std::vector<std::string> words;
    if (begin == std::string::npos || end == std::string::npos || end < begin) return words;
    std::string word;
    for (const char c : type.substr(begin + 2, end - begin - 2)) {
        if (c != ',') {
            word += c;
            continue;
        }
        words.push_back(std::move(word));
        word.clear();
    }
    words.push_back(std::move(word));
    return words;
}

Argument::Kind kind_of(const CLI::Option& option, const Argument& argument) {
    using Kind = Argument::Kind;
    if (!argument.is_positional && option.get_items_expected_max() == 0) return Kind::Flag;
    if (!argument.words.empty()) return Kind::Words;
    if (argument.type.starts_with("DIR") || argument.name == "--out") return Kind::Folder;
    const bool names_file = argument.type.starts_with("FILE") || argument.name.ends_with("file") ||
                            argument.name.ends_with("files");
    return names_file ? Kind::File : Kind::Text;
}

Argument read_argument(const CLI::Option& option) {
    Argument argument;
    argument.is_positional = !option.nonpositional();
    argument.name = option.get_name(argument.is_positional);
    if (!argument.is_positional && !option.get_snames().empty() && !option.get_lnames().empty())
        argument.short_name = "-" + option.get_snames().front();
    argument.help = option.get_description();
    argument.type = option.get_type_name();
    argument.words = words_of(argument.type);
    argument.default_value = option.get_default_str();
    argument.environment = option.get_envname();
    argument.is_required = option.get_required();
    argument.may_repeat = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
    argument.kind = kind_of(option, argument);
    return argument;
}

Command read_command(const CLI::App& app, std::string path) {
    Command command;
    command.name = app.get_name();
    command.help = app.get_description();
    command.footer = app.get_footer();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        Argument argument = read_argument(*option);
        (argument.is_positional ? command.positional : command.options)
            .push_back(std::move(argument));
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!below->get_group().empty())
            command.commands.push_back(read_command(
                *below, path.empty() ? below->get_name() : path + " " + below->get_name()
            ));
    command.path = std::move(path);
    return command;
}

void gather(const Command& command, std::vector<const Command*>& to) {
    to.push_back(&command);
    for (const Command& below : command.commands) gather(below, to);
}

}   // namespace

Command command_tree(const CLI::App& app) { return read_command(app, ""); }

std::vector<const Command*> all_commands(const Command& root) {
    std::vector<const Command*> all;
    gather(root, all);
    return all;
}

}   // namespace grid::server::usage
