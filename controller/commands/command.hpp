// controller/commands/command.hpp: ad-hoc commands (XEP-0050) as rows of tables, one stage at a
// time.
#pragma once

#include <any>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/administration/act_context.hpp"
#include "controller/errors.hpp"
#include "controller/gi/request.hpp"
#include "controller/state.hpp"
#include "xml/form.hpp"
#include "xml/rsm.hpp"

namespace grid::controller::commands {

struct Note {
    const char* type;   // info, warn, error
    std::string text;
};
/// A form to fill in.
struct Ask {
    xml::Form form;
    bool has_next = false;   // another stage may follow; else this one completes
    std::vector<Note> notes = {};
};
/// The command is done, once `batch` is durable; without operations: at once.
struct Done {
    storage::Batch batch = {};
    std::vector<xml::Element> payloads = {};
    std::vector<Note> notes = {};
};
/// An answer that needs the store; runs on the reader pool.
struct Later {
    std::function<std::variant<xml::StanzaError, Done>(const storage::Snapshot&)> run;
};
/// Long work, before the stage is decided again; on the reader pool.
struct First {
    std::function<void()> run;
};
using Step = std::variant<xml::StanzaError, Ask, Done, Later, First>;

/// One stage being decided, on the core strand. Pure: it may be decided again.
struct Call : administration::ActContext {
    std::span<const xml::Form> forms;   // submitted so far, one per stage
    bool wants_next;                    // to see the next stage, not to be done
    const std::optional<xml::RsmRequest>& page;
    /// Of is-authorized: the Grid operation that the form means, with the verdict about its chain.
    const gi::Request* question = nullptr;
    /// The result of First, for the next time that the stage is decided.
    std::shared_ptr<std::any> memo = nullptr;

    bool is_first() const { return forms.empty(); }
    /// The latest answer to a field; null: not given.
    const xml::FormField* field(std::string_view var) const;
    std::string value(std::string_view var) const;   // trimmed
    /// Trimmed, without empty ones.
    std::vector<std::string> values(std::string_view var) const;
    /// Lines of a text-multi as one text.
    std::string text(std::string_view var) const;
};

struct Command {
    std::string_view node, name;
    Act act;
    Step (*run)(const Call& call);
    /// Whether the list of commands has it. One that is not listed is refused with a reason.
    enum class Listed { Always, WithPasswords, Never } listed = Listed::Always;
};
std::span<const Command> account_commands();
std::span<const Command> topic_commands();
std::span<const Command> policy_commands();
std::span<const Command> service_commands();
std::span<const Command> user_commands();        // XEP-0133: acts
std::span<const Command> grid_commands();        // XEP-0133: texts, administrators, the process
std::span<const Command> user_list_commands();   // XEP-0133: lists, counts, statistics
std::span<const Command> own_commands();         // for everybody: my-account, is-authorized

/// All of them, table by table, in the order in which they are listed.
std::array<std::span<const Command>, 8> all_commands();

inline constexpr std::string_view authorized_node = "com.domain.gi.gcl.controller#is-authorized";
/// The question of a form for is-authorized. Any thread.
gi::Request authorization_request(const xml::Form& form);

const Command* find_command(std::string_view node);
/// May this actor run it? Else why not.
std::optional<xml::StanzaError> refuse(
    const State& state, const pubsub::Principal& actor, const Command& command
);

// Refusals.
/// XEP-0050 §4.4: bad-request, and what of the command was bad.
xml::StanzaError bad_command(const char* condition, std::string text);
xml::StanzaError bad_payload(std::string text);

}   // namespace grid::controller::commands
