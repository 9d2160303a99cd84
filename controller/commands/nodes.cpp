// controller/commands/nodes.cpp: which commands there are, and for whom (XEP-0050 §2.1, §2.2).
#include <algorithm>
#include <array>

#include "controller/commands/command.hpp"
#include "controller/commands/service.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::commands {

namespace {

using xml::Element;

bool is_list(std::string_view node) { return node == xml::ns::commands.uri(); }

}   // namespace

std::array<std::span<const Command>, 8> all_commands() {
    return {own_commands(),     account_commands(), topic_commands(),     policy_commands(),
            service_commands(), user_commands(),    user_list_commands(), grid_commands()};
}

xml::StanzaError bad_command(const char* condition, std::string text) {
    xml::StanzaError error = xml::bad_request(std::move(text));
    error.application = Element(condition, xml::ns::commands);
    return error;
}

xml::StanzaError bad_payload(std::string text) {
    return bad_command("bad-payload", std::move(text));
}

const Command* find_command(std::string_view node) {
    for (std::span<const Command> table : all_commands()) {
        const auto found = std::ranges::find(table, node, &Command::node);
        if (found != table.end()) return &*found;
    }
    return nullptr;
}

std::optional<xml::StanzaError> refuse(
    const State& state, const pubsub::Principal& actor, const Command& command
) {
    if (least_role(command.act) == Role::Anybody) return std::nullopt;
    if (auto failure = state.entitled(actor)) return to_stanza_error(*failure);
    if (state.may(actor, command.act)) return std::nullopt;
    xml::StanzaError error = xml::forbidden(role_needed(command.act, state.role_of(actor)).text);
    error.type = "cancel";   // XEP-0050 §4.4, and not auth
    return error;
}

bool is_command_node(std::string_view node) {
    return is_list(node) || find_command(node) != nullptr;
}

static bool is_listed(const State& state, const Command& command) {
    using Listed = Command::Listed;
    return command.listed == Listed::Always ||
           (command.listed == Listed::WithPasswords && state.settings.passwords);
}

pubsub::Decision list_commands(
    const State& state, const pubsub::Context& context, const xml::Jid& asked
) {
    Element query("query", xml::ns::disco_items, {{"node", std::string(xml::ns::commands.uri())}});
    for (std::span<const Command> table : all_commands())
        for (const Command& command : table)
            if (is_listed(state, command) && !refuse(state, context.actor, command))
                query.add(Element(
                    "item", {{"jid", asked.str()},
                             {"node", std::string(command.node)},
                             {"name", std::string(command.name)}}
                ));
    return pubsub::Reply(std::move(query));
}

pubsub::Decision describe_command(
    const State& state, const std::string& node, const pubsub::Context& context
) {
    const Command* command = find_command(node);
    // §2.2: a command that is not available to the requester is forbidden.
    if (command != nullptr)
        if (auto error = refuse(state, context.actor, *command)) return *error;
    Element query("query", xml::ns::disco_info, {{"node", node}});
    query.add(Element(
        "identity", {{"category", "automation"},
                     {"type", command == nullptr ? "command-list" : "command-node"},
                     {"name", command == nullptr ? "Commands" : std::string(command->name)}}
    ));
    for (const xml::Ns& ns : {xml::ns::commands, xml::ns::data})
        query.add(Element("feature", {{"var", std::string(ns.uri())}}));
    return pubsub::Reply(std::move(query));
}

}   // namespace grid::controller::commands

namespace grid::controller {

bool is_about_commands(const xml::Element& payload) {
    if (payload.is("command", xml::ns::commands)) return true;
    return (payload.is("query", xml::ns::disco_info) || payload.is("query", xml::ns::disco_items)
           ) &&
           commands::is_command_node(payload.attr_or("node", ""));
}

}   // namespace grid::controller
