// controller/commands/service_commands.cpp: settings and stats of the grid.
#include <array>

#include "controller/administration/settings_acts.hpp"
#include "controller/commands/forms.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view settings_node = "com.domain.gi.gcl.controller#settings";
constexpr std::string_view stats_node = "com.domain.gi.gcl.controller#stats";

Step settings(const Call& call) {
    administration::LiveSettings wanted = administration::live_settings(call.state.settings);
    if (call.is_first()) {
        Ask ask{form(
            settings_node, "Settings", "In force until they are changed, also after a restart."
        )};
        add_field(
            ask.form, "x-grid#auto-approve", "boolean", "Approve accounts by themselves",
            {wanted.auto_approve ? "1" : "0"}
        );
        add_field(
            ask.form, "x-grid#default-group", "text-multi", "Groups of a newly approved account",
            wanted.default_groups
        );
        return ask;
    }
    if (const std::string text = call.value("x-grid#auto-approve"); !text.empty()) {
        const auto flag = xml::parse_boolean(text);
        if (!flag) return bad_payload("x-grid#auto-approve is 0 or 1");
        wanted.auto_approve = *flag;
    }
    // A field that is not in the form stays as it is; one without values empties the list.
    if (call.field("x-grid#default-group") != nullptr) {
        auto groups = groups_in(call, "x-grid#default-group");
        if (!groups) return groups.error();
        wanted.default_groups = groups->value_or(Groups{});
    }
    return done_with(administration::change_settings(call, wanted));
}

Step stats(const Call& call) {
    const State& state = call.state;
    const pubsub::Broker* broker = state.directory.broker();
    std::size_t online = 0, sessions = 0;
    std::uint64_t in = 0, out = 0;
    for (const SessionView& session : state.sessions.sessions()) {
        ++sessions;
        online += session.is_active ? 1U : 0U;
        in += session.stanzas_in;
        out += session.stanzas_out;
    }
    const auto number = [](std::uint64_t value) {
        return std::vector<std::string>{std::to_string(value)};
    };
    const Accounts& accounts = state.accounts;
    Done done;
    done.payloads.push_back(result(
        stats_node,
        {{"x-grid#accounts-pending", number(accounts.count(AccountState::Pending))},
         {"x-grid#accounts-enabled", number(accounts.count(AccountState::Enabled))},
         {"x-grid#accounts-disabled", number(accounts.count(AccountState::Disabled))},
         {"x-grid#sessions", number(sessions)},
         {"x-grid#sessions-active", number(online)},
         {"x-grid#stanzas-in", number(in)},
         {"x-grid#stanzas-out", number(out)},
         {"x-grid#topics", number(broker == nullptr ? 0 : broker->node_count())},
         {"x-grid#items", number(broker == nullptr ? 0 : broker->item_count())},
         {"x-grid#subscriptions", number(broker == nullptr ? 0 : broker->subscription_count())},
         {"x-grid#policy-version", number(state.policy.head().version)},
         {"x-grid#policy-rules", number(state.policy.compiled().rules().size())},
         {"x-grid#audit-queued", number(state.audit.size())},
         {"x-grid#audit-dropped", number(state.audit.dropped())}}
    ));
    return done;
}

}   // namespace

std::span<const Command> service_commands() {
    static constexpr std::array commands{
        Command{settings_node, "Settings", Act::ChangeSettings, settings},
        Command{stats_node, "Statistics", Act::ReadStatus, stats},
    };
    return commands;
}

}   // namespace grid::controller::commands
