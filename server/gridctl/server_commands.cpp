// server/gridctl/server_commands.cpp: `status`, `transfers`, `files`, `sessions`, `store`,
// `cluster`: what goes on right now.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/gridctl/exit_code.hpp"
#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

void sessions(const Options& options) {
    Client client = connect_to(options);
    print_list(
        options, list_all(client, "sessions", "sessions"), "sessions",
        {{"SESSION", "id"},
         {"ADDRESS", "jid"},
         {"FROM", "address"},
         {"MEMBER", "member"},
         {"BY", "transport"},
         {"SINCE", "since"},
         {"ACTIVE", "active"},
         {"STATE", "state"},
         {"QUEUED", "outbox_bytes"},
         {"IN", "stanzas_in"},
         {"OUT", "stanzas_out"}}
    );
}

/// Transfers under way, or those that ended.
void transfers(const Options& options, const char* which) {
    Client client = connect_to(options);
    boost::json::object answer = client.call("GET", "transfers");
    answer["next"] = nullptr;   // both lists are bounded, and whole
    print_list(
        options, answer, which,
        {{"ID", "id"},
         {"BY", "kind"},
         {"FROM", "from"},
         {"TO", "to"},
         {"WHAT", "what"},
         {"STATE", "state"},
         {"BYTES", "bytes"},
         {"SIZE", "size"},
         {"STARTED", "started"},
         {"ENDED", "ended"}}
    );
}

void list_files(const Options& options, const std::string& account) {
    Client client = connect_to(options);
    const std::string jid =
        account.empty() ? std::string() : account_at(options, client, account).str();
    print_list(
        options, list_all(client, "files", "files", {{"account", jid}}), "files",
        {{"ID", "id"},
         {"OWNER", "owner"},
         {"NAME", "name"},
         {"BYTES", "size"},
         {"STATE", "state"},
         {"EXPIRES", "expires"}}
    );
}

void remove_file(const Options& options, const std::string& id) {
    Client client = connect_to(options);
    const boost::json::object done = client.call("DELETE", "files/" + encoded(id));
    if (options.json) return print_object(options, done);
    print("deleted " + cell_of(done, "deleted") + "\n");
}

/// As the member that was asked sees it.
void show_cluster(const Options& options) {
    Client client = connect_to(options);
    boost::json::object cluster = client.call("GET", "cluster");
    if (options.json) return print_object(options, cluster);
    const boost::json::value members = cluster["members"];
    const boost::json::value warnings = cluster["warnings"];
    for (const char* name : {"members", "warnings"}) cluster.stable_erase(name);
    print_object(options, cluster);
    print("\n");
    print_list(
        options, {{"members", members}, {"next", nullptr}}, "members",
        {{"MEMBER", "name"},
         {"ADDRESS", "address"},
         {"CLIENTS", "clients"},
         {"LEADER", "leader"},
         {"LINKED", "linked"},
         {"DRAINING", "draining"},
         {"ON DISK", "flushed_group"},
         {"MAY LEAD", "may_lead"},
         {"CERTIFICATE UNTIL", "certificate_expires"},
         {"CLOCK AHEAD", "clock_ahead_ms"},
         {"FREE", "free_bytes"},
         {"CLIENT CAS", "client_cas"},
         {"WHY NOT LINKED", "link_failure"}}
    );
    if (const auto* list = warnings.if_array())   // an earlier server has none
        for (const auto& warning : *list) print("warning: " + to_cell(warning) + "\n");
}

/// Without a name, of the member that is asked.
void ask_member(const Options& options, const std::string& act, std::string member) {
    Client client = connect_to(options);
    if (member.empty())
        member = std::string(client.call("GET", "cluster").at("member").as_string());
    print_object(
        options,
        client.call("POST", "cluster/members/" + encoded(member) + "/" + act, boost::json::object{})
    );
}

/// The member's row as the one that is asked sees it; nullopt: there is no such member, or it is
/// the one that was asked and does not answer any more.
std::optional<boost::json::object> find_leaving(
    const Options& options, const std::string& member, bool is_asked_itself
) {
    try {
        const auto cluster = connect_to(options).call("GET", "cluster");
        const auto& rows = cluster.at("members").as_array();
        const bool is_needed = std::ranges::all_of(rows, [](const boost::json::value& row) {
            return row.at("draining").as_bool();
        });
        for (const auto& row : rows) {
            if (row.at("name").as_string() != member) continue;
            auto found = row.as_object();
            found["is_needed"] = is_needed;
            return found;
        }
    } catch (const Failed& failed) {
        if (failed.exit != Exit::Connection || !is_asked_itself) throw;
    }
    return std::nullopt;
}

/// The answer comes before the member begins: until then it is not leaving either.
void leave_cluster(const Options& options, std::string member) {
    constexpr auto look_every = std::chrono::milliseconds(300);
    constexpr auto begins_within = std::chrono::seconds(10);
    Client client = connect_to(options);
    const std::string asked(client.call("GET", "cluster").at("member").as_string());
    if (member.empty()) member = asked;
    client.call("POST", "cluster/members/" + encoded(member) + "/leave", boost::json::object{});
    const auto began = std::chrono::steady_clock::now();
    auto needed_since = began;
    bool has_begun = false;
    std::string said;
    while (const auto row = find_leaving(options, member, member == asked)) {
        const boost::json::value& left = row->at("leaving");
        const bool stays = row->at("is_needed").as_bool() && left.is_null();
        if (!stays) needed_since = std::chrono::steady_clock::now();
        if (std::chrono::steady_clock::now() - needed_since > begins_within)
            throw Failed(
                Exit::Refused,
                member +
                    " stays, and serves its clients, until another member takes them: all are "
                    "drained"
            );
        if (!left.is_null()) {
            has_begun = true;
            std::string text = member + " leaves: " + cell_of(*row, "leaving") +
                               " sessions and transfers are still there" +
                               (row->at("leader").as_bool() ? ", and it leads" : "") + "\n";
            if (!options.json && text != said) print(text);
            said = std::move(text);
        } else if (has_begun && !row->at("draining").as_bool()) {
            throw Failed(
                Exit::Refused, member + " stays: it was asked to join, or has been started again"
            );
        } else if (!has_begun && std::chrono::steady_clock::now() - began > begins_within) {
            throw Failed(Exit::Refused, member + " does not begin to leave: see its log");
        }
        std::this_thread::sleep_for(look_every);
    }
    print_object(options, {{"left", member}});
}

}   // namespace

/// Optional; an empty one, as of a shell's variable that is not set, is not taken for none.
static void add_member_name(CLI::App& command, std::string& member) {
    command.add_option("member", member, "its name; without, the member that is asked")
        ->check([](const std::string& name) {
            return name.empty() ? "the name of the member is empty" : std::string();
        });
}

static void add_leave_command(CLI::App& group, const Options& options) {
    CLI::App* command = group.add_subcommand(
        "leave", "drain a member, and stop its server when its clients are gone"
    );
    const auto member = std::make_shared<std::string>();
    const auto is_short = std::make_shared<bool>(false);
    add_member_name(*command, *member);
    command->add_flag("--no-wait", *is_short, "do not wait until it has left");
    command->callback([&options, member, is_short] {
        if (*is_short) return ask_member(options, "leave", *member);
        leave_cluster(options, *member);
    });
}

static void add_cluster_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("cluster", "the members of a cluster");
    group->require_subcommand(1);
    group->add_subcommand("status", "the members, who leads, and how far this one is")
        ->callback([&options] { show_cluster(options); });
    struct Row {
        const char *name, *about;
    };
    constexpr std::array rows{
        Row{"join", "a drained member takes clients again, and may lead"},
        Row{"drain", "no new clients: those that are there go to other members"},
        Row{"promote", "a member becomes the leader"},
    };
    add_leave_command(*group, options);
    for (const auto& [name, about] : rows) {
        CLI::App* command = group->add_subcommand(name, about);
        const auto member = std::make_shared<std::string>();
        add_member_name(*command, *member);
        command->callback([&options, member, act = std::string(name)] {
            ask_member(options, act, *member);
        });
    }
}

static void add_file_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("files", "files that clients uploaded by HTTPS");
    group->require_subcommand(1);
    const auto account = std::make_shared<std::string>();
    const auto id = std::make_shared<std::string>();
    CLI::App* listing = group->add_subcommand("list", "all files and slots");
    listing->add_option("--account", *account, "only files of this account");
    listing->callback([&options, account] { list_files(options, *account); });
    CLI::App* removing =
        group->add_subcommand("remove", "remove a file or slot; transfers of it are cut off");
    removing->add_option("id", *id, "as `files list` shows it")->required();
    removing->callback([&options, id] { remove_file(options, *id); });
}

void add_server_commands(CLI::App& app, const Options& options) {
    add_file_commands(app, options);
    add_cluster_commands(app, options);
    app.add_subcommand("status", "the server, its store and its listeners")->callback([&options] {
        Client client = connect_to(options);
        auto status = client.call("GET", "status");
        if (!options.json) status.stable_erase("may");   // the role says it
        print_object(options, status);
    });

    CLI::App* bulk = app.add_subcommand("transfers", "transfers of bulk data");
    bulk->require_subcommand(1);
    bulk->add_subcommand("list", "transfers under way")->callback([&options] {
        transfers(options, "transfers");
    });
    bulk->add_subcommand("recent", "transfers that ended, and why")->callback([&options] {
        transfers(options, "recent");
    });

    CLI::App* store = app.add_subcommand("store", "where everything is kept");
    store->require_subcommand(1);
    store->add_subcommand("reopen", "after a failed write: open the files again, take writes again")
        ->callback([&options] {
            Client client = connect_to(options);
            print_object(options, client.call("POST", "store/reopen", boost::json::object{}));
        });

    CLI::App* connected = app.add_subcommand("sessions", "who is connected");
    connected->require_subcommand(1);
    connected->add_subcommand("list", "all sessions")->callback([&options] { sessions(options); });
    const auto jid = std::make_shared<std::string>();
    CLI::App* ending = connected->add_subcommand("end", "end the sessions of an account, or one");
    ending->add_option("jid", *jid, "the account, or the full address of a session")->required();
    ending->callback([&options, jid] {
        Client client = connect_to(options);
        const bool is_short = jid->find_first_of("@/") == std::string::npos;
        const boost::json::object body{
            {"jid", is_short ? account_at(options, client, *jid).str() : *jid}
        };
        print_object(options, client.call("POST", "sessions/end", body));
    });
}

}   // namespace grid::gridctl
