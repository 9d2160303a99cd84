// server/gridctl/light/commands.cpp: `publish`, `subscribe`, `query`, `topics find`: gridctl as a
// client of the grid, over XMPP.
#include <memory>
#include <utility>

#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/item_source.hpp"
#include "server/gridctl/light/login.hpp"
#include "server/gridctl/light/run.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/xmpp/askers.hpp"
#include "server/gridctl/xmpp/payload.hpp"
#include "server/gridctl/xmpp/publisher.hpp"
#include "server/gridctl/xmpp/subscriber.hpp"

namespace grid::gridctl {

namespace {

namespace json = boost::json;
using light::Console;

Exit exit_of(xmpp::Outcome outcome) {
    if (outcome == xmpp::Outcome::NotFound) return Exit::NotFound;
    return outcome == xmpp::Outcome::Refused ? Exit::Refused : Exit::Ok;
}

/// Asks once, over one connection, and has an answer.
template <class Job>
void ask_once(
    const Options& common,
    const light::LoginOptions& login,
    const light::Door& door,
    Job& job,
    Console& console
) {
    light::LoopSettings loop = light::loop_settings(common, login, 0);
    loop.job_seconds = common.timeout_seconds;
    light::run(door, job, console, loop);
    if (job.outcome() != xmpp::Outcome::Done) throw Failed(exit_of(job.outcome()), job.why());
}

/// The command's subject, and the file that goes to it.
void add_subject_and_file(
    CLI::App& command,
    std::pair<std::string, std::string> subject,
    std::string& name,
    const std::string& text,
    std::string& file
) {
    command.add_option(subject.first, name, subject.second)->required();
    command.add_option("file", file, text + "; - is standard input")->capture_default_str();
}

std::string count_of(std::uint64_t count, const char* noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// publish

struct PublishOptions {
    light::LoginOptions login;
    std::string topic, file = "-", id, prefix;
    bool is_by_lines = false, creates = false;
    std::size_t window = 256;
};

void say_published(
    const Options& common,
    Console& console,
    const PublishOptions& options,
    const xmpp::Publisher& publisher
) {
    console.show("");
    if (common.json)
        return console.print(json::serialize(json::object{
            {"topic", options.topic},
            {"published", publisher.published()},
            {"refused", publisher.refused()}
        }));
    if (console.is_watched())
        console.complain(
            count_of(publisher.published(), "item") + " published, " +
            std::to_string(publisher.refused()) + " refused"
        );
}

void show_progress(
    Console& console, const xmpp::Publisher& publisher, const light::ItemSource& source
) {
    if (!console.is_watched()) return;
    const double part = source.part();
    std::string line = part < 0 ? std::string() : light::bar(part) + "  ";
    line += count_of(publisher.published(), "item");
    if (publisher.refused() > 0) line += ", " + std::to_string(publisher.refused()) + " refused";
    console.show(line);
}

constexpr long publish_reconnect_seconds = 300;

void publish(const Options& common, const PublishOptions& options) {
    if (!options.id.empty() && options.is_by_lines)
        throw Failed(Exit::Usage, "--id names one item; with --lines give --id-prefix");
    if (options.file == "-" && options.login.password_file == "-")
        throw Failed(Exit::Usage, "standard input cannot be both the items and the password");
    const light::Door door = light::find_door(common, options.login);
    Console console;
    xmpp::PublishSettings settings;
    settings.broker = door.broker;
    settings.topic = options.topic;
    settings.window = options.window;
    settings.creates = options.creates;
    xmpp::Publisher publisher(settings, console);
    const bool is_new = options.prefix.empty();
    light::ItemSource source(
        options.file, options.is_by_lines,
        {options.id, is_new ? light::random_text().substr(0, 16) + "-" : options.prefix, is_new},
        publisher
    );
    light::RunExtras extras;
    extras.source = &source;
    extras.on_turn = [&] { show_progress(console, publisher, source); };
    extras.may_be_interrupted = true;
    bool is_interrupted = false;
    try {
        is_interrupted = light::run(
            door, publisher, console,
            light::loop_settings(common, options.login, publish_reconnect_seconds),
            std::move(extras)
        );
    } catch (const Failed&) {
        say_published(common, console, options, publisher);
        throw;
    }
    say_published(common, console, options, publisher);
    if (!publisher.why().empty()) throw Failed(exit_of(publisher.outcome()), publisher.why());
    if (is_interrupted && (!source.is_through() || publisher.waiting() > 0))
        throw Failed(
            Exit::Interrupted,
            "interrupted after " + count_of(publisher.published(), "item") +
                (publisher.waiting() > 0
                     ? "; " + std::to_string(publisher.waiting()) + " may be published or not"
                     : "")
        );
    if (!options.is_by_lines && !is_interrupted && publisher.published() + publisher.refused() == 0)
        throw Failed(
            Exit::Refused,
            "nothing was published: " + (options.file == "-" ? "standard input" : options.file) +
                " has no text"
        );
    if (publisher.refused() > 0)
        throw Failed(
            Exit::Refused, std::to_string(publisher.refused()) + " of " +
                               count_of(publisher.published() + publisher.refused(), "item") +
                               " refused"
        );
}

constexpr const char* publish_help =
    "Publishes a file, or standard input, as an item; with --lines, each line as an item of\n"
    "its own.\n"
    "A text that begins with '<' is an XML document; any other has to be JSON, which is\n"
    "published as <json xmlns='urn:xmpp:json:0'>. A line as `subscribe` prints it keeps its\n"
    "item's id.\n"
    "Each item is acknowledged when it is on the server's disk. After a lost connection\n"
    "gridctl goes on where it was, and repeats nothing that arrived. Items that are refused\n"
    "are named on standard error, the others are published, and the exit code is 1.";

void add_publish(CLI::App& app, const Options& common) {
    const auto options = std::make_shared<PublishOptions>();
    CLI::App* command = app.add_subcommand("publish", "publish items to a topic, over XMPP");
    command->footer(publish_help);
    add_subject_and_file(
        *command, {"topic", "the topic's name"}, options->topic, "the items", options->file
    );
    command->add_flag("--lines", options->is_by_lines, "each line is an item: XML or JSON");
    command->add_option("--id", options->id, "the item's id (default: a new one)");
    command->add_option(
        "--id-prefix", options->prefix,
        "ids are this and the number of the line: the same file gives the same ids"
    );
    command->add_flag("--create", options->creates, "make the topic where it is not there");
    command->add_option("--window", options->window, "items that may wait to be acknowledged")
        ->check(CLI::Range(std::size_t{1}, std::size_t{900}))
        ->capture_default_str();
    light::add_login_options(*command, options->login, std::to_string(publish_reconnect_seconds));
    command->callback([&common, options] { publish(common, *options); });
}

// subscribe

struct WatchOptions {
    light::LoginOptions login;
    std::vector<std::string> topics;
    std::string filter, since;
    std::uint64_t count = 0;
    bool keeps = false;
};

void take_since(xmpp::SubscribeSettings& settings, const std::string& since) {
    if (since.empty()) return;
    settings.begins_with_last = since == "last";
    if (settings.begins_with_last) return;
    settings.since = xml::parse_datetime(since);
    if (!settings.since)
        throw Failed(
            Exit::Usage,
            "--since takes a time such as 2026-11-01T12:00:00Z, or 'last', not '" + since + "'"
        );
}

void subscribe(const Options& common, const WatchOptions& options) {
    if (!options.since.empty() && !options.filter.empty())
        throw Failed(
            Exit::Usage,
            "--since reads the archive, to which filters do not apply: give one of both"
        );
    if (options.keeps && options.login.resource.empty())
        throw Failed(
            Exit::Usage, "--keep needs --resource NAME: the next run with the same name goes on"
        );
    light::Door door = light::find_door(common, options.login);
    xmpp::SubscribeSettings settings;
    settings.broker = door.broker;
    settings.topics = options.topics;
    settings.filter = options.filter;
    settings.count = options.count;
    settings.keeps = options.keeps;
    settings.as_json = common.json;
    take_since(settings, options.since);
    if (door.login.resource.empty())
        door.login.resource = "gridctl-" + light::random_text().substr(0, 12);
    Console console;
    xmpp::Subscriber subscriber(std::move(settings), console, now_ms);
    bool is_told = false;
    light::RunExtras extras;
    extras.may_be_interrupted = true;
    extras.on_turn = [&] {
        if (is_told || !subscriber.is_live()) return;
        is_told = true;
        console.remark("subscribed");
    };
    light::run(
        door, subscriber, console, light::loop_settings(common, options.login, -1),
        std::move(extras)
    );
    if (!subscriber.why().empty()) throw Failed(exit_of(subscriber.outcome()), subscriber.why());
}

constexpr const char* subscribe_help =
    "Prints each item as a line of XML, or of JSON with --json, when it is published, until\n"
    "Ctrl-C.\n"
    "It stays through broken connections and restarts of the server: no item is lost, none\n"
    "comes twice.\n"
    "The subscription is this run's own and ends with it; with --keep and --resource NAME it\n"
    "stays, and the next run with that name begins with what was published meanwhile. Where\n"
    "the reader of a pipe goes away, gridctl ends with 0.";

void add_subscribe(CLI::App& app, const Options& common) {
    const auto options = std::make_shared<WatchOptions>();
    CLI::App* command = app.add_subcommand("subscribe", "print the items of topics, over XMPP");
    command->footer(subscribe_help);
    command->add_option("topics", options->topics, "their names")->required();
    command->add_option(
        "--filter", options->filter,
        "only items that pass it: \"severity >= 7 and location = 'SJC'\""
    );
    command->add_option(
        "--since", options->since, "first the items since then (2026-11-01T12:00:00Z); or 'last'"
    );
    command->add_option("--count", options->count, "end after so many items")
        ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
    command->add_flag("--keep", options->keeps, "the subscription outlives this run");
    light::add_login_options(*command, options->login, "until it is there");
    command->callback([&common, options] { subscribe(common, *options); });
}

// query

struct QueryOptions {
    light::LoginOptions login;
    std::string service, file = "-", provider;
    bool is_set = false;
};

void query(const Options& common, const QueryOptions& options) {
    light::Door door = light::find_door(common, options.login);
    auto read = xmpp::read_payload(read_text(options.file));
    if (const auto* bad = std::get_if<xmpp::Unreadable>(&read))
        throw Failed(Exit::Usage, options.file + ": " + bad->why);
    Console console;
    xmpp::Query::Settings settings;
    settings.controller = door.controller;
    settings.service = options.service;
    settings.provider = options.provider;
    settings.payload = std::move(std::get<xmpp::Payload>(read).element);
    settings.is_set = options.is_set;
    settings.as_json = common.json;
    xmpp::Query job(std::move(settings), console);
    ask_once(common, options.login, door, job, console);
}

constexpr const char* query_help =
    "Finds the clients that serve SERVICE now (a service or a topic), sends the document in\n"
    "FILE to one of them as an iq, and prints the answer. Where it has left meanwhile, the\n"
    "next one is asked.";

void add_query(CLI::App& app, const Options& common) {
    const auto options = std::make_shared<QueryOptions>();
    CLI::App* command = app.add_subcommand("query", "ask a provider, over XMPP");
    command->footer(query_help);
    add_subject_and_file(
        *command, {"service", "the service, or its topic"}, options->service, "the query, XML",
        options->file
    );
    command->add_option(
        "--to", options->provider, "the provider's full address: none is looked for"
    );
    command->add_flag("--set", options->is_set, "an iq of type set, not get");
    light::add_login_options(*command, options->login, "0");
    command->callback([&common, options] { query(common, *options); });
}

// topics find

struct FindOptions {
    light::LoginOptions login;
    std::string text;
};

void find_topics(const Options& common, const FindOptions& options) {
    light::Door door = light::find_door(common, options.login);
    Console console;
    xmpp::FindTopics job(door.broker, options.text);
    ask_once(common, options.login, door, job, console);
    json::array topics;
    std::vector<Row> rows{{"TOPIC", "TITLE"}};
    for (const auto& topic : job.topics()) {
        topics.push_back(json::object{{"name", topic.name}, {"title", topic.title}});
        rows.push_back({printable(topic.name), topic.title.empty() ? "-" : printable(topic.title)});
    }
    print(
        common.json ? json_line(json::object{{"topics", std::move(topics)}})
                    : layout(rows, terminal_width())
    );
}

void add_find(CLI::App& app, const Options& common) {
    const auto options = std::make_shared<FindOptions>();
    CLI::App* command = app.get_subcommand("topics")->add_subcommand(
        "find", "the topics that this client may see, over XMPP"
    );
    command->add_option("text", options->text, "a part of the name or title");
    light::add_login_options(*command, options->login, "0");
    command->callback([&common, options] { find_topics(common, *options); });
}

}   // namespace

void add_light_commands(CLI::App& app, const Options& options) {
    add_publish(app, options);
    add_subscribe(app, options);
    add_query(app, options);
    add_find(app, options);
}

}   // namespace grid::gridctl
