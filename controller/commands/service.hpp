// controller/commands/service.hpp: ad-hoc commands at the controller's address: execute,
// discover.
#pragma once

#include <optional>
#include <string>

#include "controller/state.hpp"

namespace grid::controller::commands {

/// `<command xmlns='http://jabber.org/protocol/commands'/>`; nothing for any other payload.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_command(
    const State& state, const pubsub::IqRequest& iq
);
/// Whether a disco node is the list of commands or one of them.
bool is_command_node(std::string_view node);
/// disco#items of the list: the commands that this actor may run, at the address that was asked.
pubsub::Decision list_commands(
    const State& state, const pubsub::Context& context, const xml::Jid& asked
);
/// disco#info of the list or of one command.
pubsub::Decision describe_command(
    const State& state, const std::string& node, const pubsub::Context& context
);
/// Whether an account that is not ENABLED yet may run the command.
bool is_open_command(const xml::Element& payload);

}   // namespace grid::controller::commands
