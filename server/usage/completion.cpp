// server/usage/completion.cpp: see completion.hpp.
#include "server/usage/completion.hpp"

#include <functional>

namespace grid::server::usage {
namespace {

/// For the shells, all of them: one word in single quotes.
std::string quoted_word(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// In fish a backslash escapes the quote inside of quotes.
std::string fish_word(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

/// Options of the program itself belong to every command: their pattern leaves the path open.
std::string pattern_of(const Command& command, const std::string& option) {
    return command.path.empty() ? "*" + quoted_word("|" + option)
                                : quoted_word(command.path + "|" + option);
}

using Wanted = std::function<bool(const Argument&)>;

/// `'accounts list|--state'|…`; empty: there is no such option.
std::string patterns(const Command& root, const Wanted& wanted) {
    std::string out;
    for (const Command* command : all_commands(root))
        for (const Argument& option : command->options)
            if (wanted(option)) out += (out.empty() ? "" : "|") + pattern_of(*command, option.name);
    return out;
}

std::string path_patterns(const Command& root) {
    std::string out;
    for (const Command* command : all_commands(root))
        if (!command->path.empty()) out += (out.empty() ? "" : "|") + quoted_word(command->path);
    return out;
}

/// Where a shell keeps the words of the line, and how the variable with the command is called.
struct Dialect {
    std::string words, first, current, path;
};

/// The part that bash and zsh share: the command so far is in `path`, and where an option waits for
/// its value that is in `option`.
std::string walk(const Command& root, const Dialect& shell) {
    const std::string valued =
        patterns(root, [](const Argument& option) { return option.kind != Argument::Kind::Flag; });
    const std::string& path = shell.path;
    const std::string longer = "${" + path + ":+$" + path + " }$word";
    return "    local " + path + "= option= word i\n    for ((i = " + shell.first + "; i < " +
           shell.current + "; i++)); do\n        word=${" + shell.words +
           "[i]}\n"
           "        [[ $word == '=' ]] && continue\n"
           "        if [[ -n $option ]]; then option=; continue; fi\n"
           "        case \"$" +
           path + "|$word\" in\n            " + valued +
           ") option=$word; continue ;;\n        esac\n        case \"" + longer +
           "\" in\n            " + path_patterns(root) + ") " + path + "=\"" + longer +
           "\" ;;\n        esac\n    done\n";
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

/// Arms of a case over "$path|$option": what completes the value of an option.
std::string value_arms(
    const Command& root,
    const std::string& files,
    const std::string& folders,
    const std::function<std::string(const Argument&)>& words
) {
    std::string out;
    for (const auto& [kind, action] :
         {std::pair(Argument::Kind::File, &files), std::pair(Argument::Kind::Folder, &folders)}) {
        const auto wanted = [wanted_kind = kind](const Argument& option) {
            return option.kind == wanted_kind;
        };
        if (const std::string all = patterns(root, wanted); !all.empty())
            out += "            " + all + ") " + *action + " ;;\n";
    }
    for (const Command* command : all_commands(root))
        for (const Argument& option : command->options)
            if (option.kind == Argument::Kind::Words)
                out += "            " + pattern_of(*command, option.name) + ") " + words(option) +
                       " ;;\n";
    return out;
}

bool takes_files(const Command& command) {
    for (const Argument& argument : command.positional)
        if (argument.kind == Argument::Kind::File) return true;
    return false;
}

std::vector<std::string> positional_words(const Command& command) {
    for (const Argument& argument : command.positional)
        if (argument.kind == Argument::Kind::Words) return argument.words;
    return {};
}

/// Names of the options that may stand behind a command: its own, and the program's.
std::vector<const Argument*> options_at(const Command& root, const Command& command) {
    std::vector<const Argument*> all;
    for (const Argument& option : command.options) all.push_back(&option);
    if (&command == &root) return all;
    for (const Argument& option : root.options)
        if (option.name != "--help") all.push_back(&option);
    return all;
}

std::string bash(const Command& root, const std::string& program) {
    const std::string name = "_" + program;
    std::string out = "# bash completion for " + program + ": made by `" + program +
                      " completion bash`.\n" + name + "() {\n" +
                      "    local cur=${COMP_WORDS[COMP_CWORD]} words= options=\n" +
                      walk(root, {"COMP_WORDS", "1", "COMP_CWORD", "path"});
    out +=
        "    [[ $cur == '=' ]] && cur=\n"
        "    COMPREPLY=()\n"
        "    if [[ -n $option ]]; then\n"
        "        case \"$path|$option\" in\n";
    out += value_arms(
        root, "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
        "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")",
        [](const Argument& option) {
            return "mapfile -t COMPREPLY < <(compgen -W " + quoted_word(joined(option.words)) +
                   " -- \"$cur\")";
        }
    );
    out +=
        "        esac\n"
        "        return\n"
        "    fi\n"
        "    case $path in\n";
    for (const Command* command : all_commands(root)) {
        std::vector<std::string> words = positional_words(*command), options;
        for (const Command& below : command->commands) words.push_back(below.name);
        for (const Argument* option : options_at(root, *command)) options.push_back(option->name);
        out += "        " + quoted_word(command->path) +
               ")\n            words=" + quoted_word(joined(words)) +
               "\n            options=" + quoted_word(joined(options)) + "\n";
        if (takes_files(*command))
            out +=
                "            [[ $cur == -* ]] || { compopt -o filenames; mapfile -t COMPREPLY < "
                "<(compgen -f -- \"$cur\"); }\n";
        out += "            ;;\n";
    }
    out +=
        "    esac\n"
        "    [[ $cur == -* ]] && words=$options\n"
        "    [[ -z $words ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < "
        "<(compgen -W \"$words\" -- \"$cur\")\n"
        "}\n";
    return out + "complete -F " + name + " " + program + "\n";
}

/// An entry of _describe: "name:what it is".
std::string zsh_entry(const std::string& name, std::string help) {
    std::string escaped;
    for (const char c : name) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
    return quoted_word(escaped + ":" + help);
}

std::string zsh(const Command& root, const std::string& program) {
    const std::string name = "_" + program;
    std::string out = "#compdef " + program + "\n# zsh completion: made by `" + program +
                      " completion zsh`.\n" + name + "() {\n" +
                      "    local -a names flags\n    local cur=${words[CURRENT]}\n";
    out += walk(root, {"words", "2", "CURRENT", "where"});
    out +=
        "    if [[ -n $option ]]; then\n"
        "        case \"$where|$option\" in\n";
    out += value_arms(root, "_files", "_files -/", [](const Argument& option) {
        return "compadd -- " + joined(option.words);
    });
    out +=
        "        esac\n"
        "        return\n"
        "    fi\n"
        "    case $where in\n";
    for (const Command* command : all_commands(root)) {
        out += "        " + quoted_word(command->path) + ")\n            names=(";
        for (const Command& below : command->commands)
            out += "\n                " + zsh_entry(below.name, below.help);
        for (const std::string& word : positional_words(*command))
            out += "\n                " + quoted_word(word);
        out += ")\n            flags=(";
        for (const Argument* option : options_at(root, *command))
            out += "\n                " + zsh_entry(option->name, option->help);
        out += ")\n";
        if (takes_files(*command)) out += "            [[ $cur == -* ]] || _files\n";
        out += "            ;;\n";
    }
    out +=
        "    esac\n"
        "    if [[ $cur == -* ]]; then\n"
        "        _describe -o option flags\n"
        "    elif ((${#names})); then\n"
        "        _describe command names\n"
        "    fi\n"
        "}\n";
    // As a function of $fpath it is the body of itself; where it is read by `source`, it is bound.
    return out + "if [[ $funcstack[1] == " + name + " ]]; then " + name + " \"$@\"; else compdef " +
           name + " " + program + "; fi\n";
}

std::string fish_line(const std::string& program, const std::string& path, bool is_everywhere) {
    std::string line = "complete -c " + program;
    if (!is_everywhere)
        line += " -n " + fish_word("test (__" + program + "_path) = \"" + path + "\"");
    return line;
}

std::string fish_value(const Argument& option) {
    switch (option.kind) {
        case Argument::Kind::Flag:
            return "";
        case Argument::Kind::Words:
            return " -x -a " + fish_word(joined(option.words));
        case Argument::Kind::File:
            return " -r -F";
        case Argument::Kind::Folder:
            return " -x -a '(__fish_complete_directories)'";
        case Argument::Kind::Text:
            return " -x";
    }
    return "";
}

/// The command that stands before the cursor, as one word.
std::string fish_path(const Command& root, const std::string& program) {
    std::string paths, valued;
    for (const Command* command : all_commands(root)) {
        if (!command->path.empty()) paths += " " + fish_word(command->path);
        for (const Argument& option : command->options)
            if (option.kind != Argument::Kind::Flag)
                valued +=
                    " " + (command->path.empty() ? "$at" + fish_word("|" + option.name)
                                                 : fish_word(command->path + "|" + option.name));
    }
    return "function __" + program +
           "_path\n"
           "    set -l at ''\n"
           "    set -l option ''\n"
           "    for word in (commandline -opc)[2..-1]\n"
           "        if test -n \"$option\"\n"
           "            set option ''\n"
           "            continue\n"
           "        end\n"
           "        if contains -- \"$at|$word\"" +
           valued +
           "\n"
           "            set option $word\n"
           "            continue\n"
           "        end\n"
           "        set -l longer (string trim -- \"$at $word\")\n"
           "        if contains -- \"$longer\"" +
           paths +
           "\n"
           "            set at $longer\n"
           "        end\n"
           "    end\n"
           "    echo \"$at\"\n"
           "end\n";
}

std::string fish(const Command& root, const std::string& program) {
    std::string out = "# fish completion for " + program + ": made by `" + program +
                      " completion fish`.\n" + fish_path(root, program) + "complete -c " + program +
                      " -f\n";
    for (const Command* command : all_commands(root)) {
        const std::string here = fish_line(program, command->path, false);
        for (const Command& below : command->commands)
            out += here + " -a " + fish_word(below.name) + " -d " + fish_word(below.help) + "\n";
        if (const auto words = positional_words(*command); !words.empty())
            out += here + " -a " + fish_word(joined(words)) + "\n";
        if (takes_files(*command)) out += here + " -F\n";
        for (const Argument& option : command->options) {
            if (option.name == "--help" && !command->path.empty()) continue;
            out += fish_line(program, command->path, command->path.empty()) + " -l " +
                   fish_word(option.name.substr(2)) + fish_value(option) + " -d " +
                   fish_word(option.help) + "\n";
        }
    }
    return out;
}

}   // namespace

const std::vector<std::string>& completion_shells() {
    static const std::vector<std::string> all{"bash", "zsh", "fish"};
    return all;
}

std::string completion(const Command& root, const std::string& program, std::string_view shell) {
    if (shell == "bash") return bash(root, program);
    return shell == "zsh" ? zsh(root, program) : fish(root, program);
}

}   // namespace grid::server::usage
