// controller/gridctl/server_commands.cpp: `status`, `sessions list`, `audit`: what goes on right
// now.
#include <memory>

#include "controller/gridctl/rest_commands.hpp"

namespace grid::controller::gridctl {
namespace {

struct AuditArguments {
    std::string account, topic, decision, from, to;
    std::size_t count_max = 50;
    bool all = false;
};

void audit(const Options& options, const AuditArguments& given) {
    Client client = connect_to(options);
    const Query query{
        {"account", given.account},
        {"topic", given.topic},
        {"decision", given.decision},
        {"from", given.from},
        {"to", given.to}
    };
    const std::size_t count_max = given.all ? SIZE_MAX : given.count_max;
    print_list(
        options, list_all(client, "audit", "records", query, count_max), "records",
        {{"TIME", "time"},
         {"ACTOR", "actor"},
         {"OPERATION", "operation"},
         {"TOPIC", "topic"},
         {"TARGET", "target"},
         {"DECISION", "decision"},
         {"RULE", "rule"},
         {"COUNT", "count"},
         {"DETAIL", "detail"}}
    );
}

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
         {"QUEUED", "outbox_bytes"},
         {"IN", "stanzas_in"},
         {"OUT", "stanzas_out"}}
    );
}

}   // namespace

void add_server_commands(CLI::App& app, const Options& options) {
    app.add_subcommand("status", "the server, its store and its listeners")->callback([&options] {
        Client client = connect_to(options);
        print_object(options, client.call("GET", "status"));
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

    const auto given = std::make_shared<AuditArguments>();
    CLI::App* auditing = app.add_subcommand("audit", "decisions on record, newest first");
    auditing->require_subcommand(0, 1);
    auditing->add_subcommand("list", "the same");
    auditing->add_option("--account", given->account, "only of this account");
    auditing->add_option("--topic", given->topic, "only about this topic");
    auditing->add_option("--decision", given->decision, "only these")
        ->check(CLI::IsMember({"allow", "deny", "info"}));
    auditing->add_option("--from", given->from, "not before, 2026-11-01T12:00:00Z");
    auditing->add_option("--to", given->to, "not after");
    auditing->add_option("--max", given->count_max, "how many (default: 50)");
    auditing->add_flag("--all", given->all, "all of them");
    auditing->callback([&options, given] { audit(options, *given); });
}

}   // namespace grid::controller::gridctl
