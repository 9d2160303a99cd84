// server/usage/manual_page.cpp: the page of a program.
#include "server/usage/manual_page.hpp"

#include <algorithm>

#include "server/usage/command_tree.hpp"
#include "server/usage/roff.hpp"

namespace grid::server::usage {
namespace {

std::string italic(std::string_view text) { return "\\fI" + roff_escaped(text) + "\\fR"; }

/// DIR, FILE, or what may be given: pending|enabled.
std::string value_of(const Argument& argument) {
    if (argument.kind == Argument::Kind::Flag) return "";
    std::string words;
    for (const std::string& word : argument.words) words += (words.empty() ? "" : "|") + word;
    if (!words.empty()) return words;
    const std::string type = argument.type.substr(0, argument.type.find(':'));
    return type.empty() ? "VALUE" : type;
}

std::string usage_of(const Argument& argument) {
    std::string text = italic(upper_case(argument.name)) + (argument.may_repeat ? " ..." : "");
    return argument.is_required ? text : "[" + text + "]";
}

/// One line: program, command, its arguments.
std::string usage_line(const std::string& program, const Command& command) {
    std::string line =
        ".B " + roff_escaped(program + (command.path.empty() ? "" : " " + command.path)) + "\n";
    std::string rest = "[" + italic("OPTIONS") + "]";
    for (const Argument& argument : command.positional) rest += " " + usage_of(argument);
    if (!command.commands.empty()) rest += " " + italic("COMMAND") + " ...";
    return line + rest + "\n";
}

/// The words of --help as a sentence.
std::string sentence(std::string text) {
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    // Of a word, not of a name such as gridd.toml.
    if (!text.empty() && std::ranges::all_of(text.substr(0, text.find_first_of(" ,:;")), is_lower))
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    if (!text.empty() && !text.ends_with('.') && !text.ends_with('?')) text += '.';
    return text;
}

std::string argument_entry(const Argument& argument) {
    std::string out = ".TP\n";
    if (argument.is_positional) {
        out += italic(upper_case(argument.name)) + "\n";
    } else {
        if (!argument.short_name.empty()) out += roff_bold(argument.short_name) + ", ";
        out += roff_bold(argument.name);
        if (const std::string value = value_of(argument); !value.empty())
            out += " " + italic(value);
        out += "\n";
    }
    std::string text = sentence(argument.help);
    if (argument.may_repeat) text += " May be given more than once.";
    if (!argument.default_value.empty() && argument.help.find("default") == std::string::npos)
        text += " The default is " + argument.default_value + ".";
    if (!argument.environment.empty())
        text += " In the environment it is " + argument.environment + ".";
    if (text.empty()) text = "See above.";
    return out + roff_filled(text);
}

std::string arguments_of(const Command& command) {
    std::string out;
    for (const Argument& argument : command.positional) out += argument_entry(argument);
    for (const Argument& argument : command.options)
        if (command.path.empty() || argument.name != "--help") out += argument_entry(argument);
    return out;
}

/// A command that does nothing without one of those below it.
bool is_group(const Command& command) {
    return !command.commands.empty() && command.positional.empty() &&
           std::ranges::all_of(command.options, [](const Argument& option) {
               return option.name == "--help";
           });
}

void append_command(
    const std::string& program, const Command& root, const Command& command, std::string& out
) {
    out += ".SS \"" + roff_escaped(program + " " + command.path) + "\"\n";
    if (is_group(command)) {
        out += roff_filled(sentence(command.help));
        return;
    }
    out += usage_line(program, command);
    out += ".PP\n" + roff_filled(sentence(command.help));
    // A footer is text that is broken for terminals; the program's is every command's, too.
    if (command.footer != root.footer) out += ".PP\n" + roff_filled(command.footer);
    out += arguments_of(command);
}

}   // namespace

std::string manual_page(const CLI::App& app, const Page& page) {
    const Command root = command_tree(app);
    std::string out = roff_head(page.name, page.section);
    out += ".SH NAME\n" + roff_escaped(page.name) + " \\- " + roff_escaped(page.summary) + "\n";
    out += ".SH SYNOPSIS\n" + usage_line(page.name, root);
    out += ".SH DESCRIPTION\n" + roff_text(page.description);
    out += ".SH OPTIONS\n" + arguments_of(root);
    if (!root.commands.empty()) {
        out += ".SH COMMANDS\n" + roff_filled("The options above belong to every command.");
        for (const Command* command : all_commands(root))
            if (command != &root) append_command(page.name, root, *command, out);
    }
    if (!root.footer.empty()) out += ".SH \"EXIT STATUS\"\n" + roff_filled(root.footer);
    for (const auto& [heading, text] : page.more)
        out += ".SH \"" + roff_escaped(heading) + "\"\n" + roff_text(text);
    return out;
}

}   // namespace grid::server::usage
