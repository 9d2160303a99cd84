// controller/administration/act_event.hpp: the events of acts that change several accounts, or no
// record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/ports.hpp"
#include "controller/state.hpp"
#include "storage/store.hpp"

namespace grid::controller::administration {

/// Carried by the batch that has the audit record, so that every node of a grid does its part of it
/// once the act is durable.
struct ActEvent {
    enum class Kind : std::uint8_t {
        Accounts = 0,
        EndSessions = 1,
        Announce = 2,
        Motd = 3,
        Stop = 4
    };
    Kind kind = Kind::Accounts;
    /// Events of accounts; JIDs; the subject and the body; the text and its time; restart or
    /// shutdown, the delay in seconds, the announcement.
    std::vector<std::string> texts;
    bool operator==(const ActEvent&) const = default;
};
std::string encode(const ActEvent& act);
/// No value for the event of anything else.
std::optional<ActEvent> decode_act_event(std::string_view event);
/// Ends sessions, sends the announcement or the message of the day, or ends the process, after the
/// batch is applied. Events of accounts are the caller's.
void perform(
    const ActEvent& act, storage::Revision revision, State& state, SessionControl& control
);

}   // namespace grid::controller::administration
