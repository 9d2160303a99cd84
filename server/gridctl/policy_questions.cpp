// server/gridctl/policy_questions.cpp: `policy test|dry-run`: the rule that decides, and the
// rights that a policy would take away.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct QuestionArguments {
    std::string file, client, topic, recipient, operation;
    std::string type, service, device, issuer, network, time;
    std::vector<std::string> groups, recipient_groups;
};

void test(const Options& options, const QuestionArguments& given) {
    Client client = connect_to(options);
    json::object body{
        {"client", account_at(options, client, given.client).str()}, {"operation", given.operation}
    };
    if (!given.topic.empty()) body["topic"] = given.topic;
    if (!given.recipient.empty())
        body["recipient"] = account_at(options, client, given.recipient).str();
    if (!given.recipient_groups.empty())
        body["recipient_groups"] =
            json::array(given.recipient_groups.begin(), given.recipient_groups.end());
    if (!given.groups.empty())
        body["groups"] = json::array(given.groups.begin(), given.groups.end());
    if (!given.file.empty()) body["text"] = read_utf8(given.file);
    const std::vector<std::pair<const char*, const std::string&>> attributes{
        {"type", given.type},     {"service", given.service}, {"device_type", given.device},
        {"issuer", given.issuer}, {"network", given.network}, {"time", given.time}
    };
    for (const auto& [name, value] : attributes)
        if (!value.empty()) body[name] = value;
    const json::object answer = client.call("POST", "policy/test", body);
    print_object(options, answer);
    const json::value* allowed = answer.if_contains("allowed");
    if (allowed == nullptr || !allowed->is_bool() || !allowed->get_bool())
        throw Failed(Exit::Refused, "denied");
}

/// Page by page: one looks at a bounded number of subscriptions.
void dry_run(const Options& options, const QuestionArguments& given) {
    Client client = connect_to(options);
    json::object body{{"text", read_utf8(given.file)}};
    json::array cuts;
    json::value rules;
    std::string after;
    for (;;) {
        json::object answer = client.call("POST", "policy/dry-run", body);
        rules = answer["rules"];
        if (const json::value* page = answer.if_contains("cuts"); page && page->is_array())
            cuts.insert(cuts.end(), page->get_array().begin(), page->get_array().end());
        const auto next = next_page(answer, after);
        if (!next) break;
        body["after"] = after = *next;
    }
    const std::size_t count = cuts.size();
    const json::object list{{"rules", rules}, {"cuts", std::move(cuts)}, {"next", nullptr}};
    const Columns columns{
        {"CUT", "kind"},
        {"CLIENT", "jid"},
        {"TOPIC", "topic"},
        {"ONLINE", "online"},
        {"RULE", "rule"}
    };
    if (options.json || count != 0) print_list(options, list, "cuts", columns);
    if (!options.json)
        print(cell_of(list, "rules") + " rules would cut " + std::to_string(count) + "\n");
}

}   // namespace

void add_policy_questions(CLI::App& group, const Options& options) {
    const auto given = std::make_shared<QuestionArguments>();
    CLI::App* testing = group.add_subcommand("test", "which rule decides, and why");
    testing->add_option("--client", given->client, "account")->required();
    testing->add_option("--topic", given->topic, "topic (node); of all operations but message");
    testing->add_option(
        "--to", given->recipient, "of message and bulk: the account that would get it"
    );
    testing->add_option("--operation", given->operation, "publish, subscribe, message, …")
        ->required();
    testing->add_option("--group", given->groups, "as if it were in these groups");
    testing->add_option(
        "--to-group", given->recipient_groups, "as if the recipient were in these groups"
    );
    testing->add_option("--type", given->type, "as if the topic had this type");
    testing->add_option("--service", given->service, "the service asked for");
    testing->add_option("--device", given->device, "as if it had this device type");
    testing->add_option("--issuer", given->issuer, "as if this one had issued its certificate");
    testing->add_option("--network", given->network, "as if it came from this address");
    testing->add_option("--time", given->time, "as if it were then: 2026-11-02T08:30:00Z");
    testing->add_option("--file", given->file, "ask this text instead of the one in force");
    testing->callback([&options, given] { test(options, *given); });

    CLI::App* running = group.add_subcommand(
        "dry-run",
        "which subscriptions and publishers would a text cut? changes nothing (about messages ask "
        "policy test)"
    );
    running->add_option("file", given->file, "the text; - for standard input")->required();
    running->callback([&options, given] { dry_run(options, *given); });
}

}   // namespace grid::gridctl
