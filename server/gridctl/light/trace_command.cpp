// server/gridctl/light/trace_command.cpp: `trace`: why an account did or did not get an item.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct TraceArguments {
    std::string account, topic, item;
};

std::string head_of(const std::string& verdict, const TraceArguments& given) {
    if (given.item.empty())
        return verdict == "yes" ? "the next item goes to the account"
                                : "the next item does not go to the account";
    if (verdict == "delivered") return "the item was delivered";
    if (verdict == "sent") return "the item was sent";
    if (verdict == "unknown") return "this member does not know";
    return verdict == "waits" ? "the item waits for the account"
                              : "the item does not go to the account";
}

void print_steps(const json::object& answer, const TraceArguments& given) {
    std::vector<Row> rows;
    for (const json::value& step : answer.at("steps").as_array()) {
        const json::value& ok = step.at("ok");
        rows.push_back(
            {cell_of(step, "step"), ok.is_null() ? "?" : to_cell(ok), cell_of(step, "reason")}
        );
    }
    print(layout(rows));
    print(head_of(cell_of(answer, "verdict"), given) + ": " + cell_of(answer, "because") + "\n");
}

void trace(const Options& options, const TraceArguments& given) {
    Client client = connect_to(options);
    const std::string path = "trace/" + encoded(account_at(options, client, given.account).str()) +
                             "/" + encoded(given.topic);
    const json::object answer = client.call("GET", with_query(path, {{"item", given.item}}));
    if (options.json)
        print_object(options, answer);
    else
        print_steps(answer, given);
    const std::string verdict = cell_of(answer, "verdict");
    if (verdict == "no" || verdict == "waits" || verdict == "unknown")
        throw Failed(Exit::Refused, head_of(verdict, given));
}

}   // namespace

void add_trace_command(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<TraceArguments>();
    CLI::App* tracing = app.add_subcommand("trace", "why an account did or did not get an item");
    tracing->footer(
        "Exit code 0: the account got it, or gets the next one; 1: it did not, or not yet, or "
        "another\nmember of the cluster has to be asked; the first step with \"no\" or \"?\" says "
        "why."
    );
    tracing->add_option("account", given->account, "NAME@DOMAIN, or NAME")->required();
    tracing->add_option("topic", given->topic, "the topic's name")->required();
    tracing->add_option("item", given->item, "its id; without: the next one");
    tracing->callback([&options, given] { trace(options, *given); });
}

}   // namespace grid::gridctl
