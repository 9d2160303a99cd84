// server/gridctl/server_commands.cpp: `status`, `transfers`, `sessions`, `store`: what goes on
// right now.
#include <memory>

#include "server/gridctl/rest_commands.hpp"

namespace grid::gridctl {
namespace {

void sessions(const Options& options) {
    Client client = connect_to(options);
    print_list(
        options, list_all(client, "sessions", "sessions"), "sessions",
        {{"SESSION", "id"},
         {"ADDRESS", "jid"},
         {"FROM", "address"},
         {"BY", "transport"},
         {"SINCE", "since"},
         {"ACTIVE", "active"},
         {"STATE", "state"},
         {"QUEUED", "outbox_bytes"},
         {"IN", "stanzas_in"},
         {"OUT", "stanzas_out"}}
    );
}

/// Those under way, or those that ended.
void transfers(const Options& options, const char* which) {
    Client client = connect_to(options);
    const boost::json::object answer = client.call("GET", "transfers");
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

}   // namespace

void add_server_commands(CLI::App& app, const Options& options) {
    app.add_subcommand("status", "the server, its store and its listeners")->callback([&options] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", "status"));
    });

    CLI::App* bulk = app.add_subcommand("transfers", "of bulk data");
    bulk->require_subcommand(1);
    bulk->add_subcommand("list", "those under way")->callback([&options] {
        transfers(options, "transfers");
    });
    bulk->add_subcommand("recent", "those that ended, and why")->callback([&options] {
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
