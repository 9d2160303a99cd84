// server/usage/command_tree.hpp: a command line as data: its commands, their arguments and options.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace grid::server::usage {

struct Argument {
    /// The value, for shells: nothing (a flag), any text, a file, a directory, or
    /// one of `words`.
    enum class Kind { Flag, Text, File, Folder, Words };

    std::string name;   // "--cert"; of a positional one as it was declared: "jid"
    std::string short_name;
    std::string help, type, default_value, environment;
    Kind kind = Kind::Text;
    std::vector<std::string> words;
    bool is_positional = false, is_required = false, may_repeat = false;
};

struct Command {
    std::string path;   // "accounts list"; of the program itself empty
    std::string name;   // "list"
    std::string help, footer;
    std::vector<Argument> positional, options;
    std::vector<Command> commands;
};

/// The commands and options of --help, in its order: those without a group are hidden.
Command command_tree(const CLI::App& app);

/// All commands, each before those below it.
std::vector<const Command*> all_commands(const Command& root);

}   // namespace grid::server::usage
