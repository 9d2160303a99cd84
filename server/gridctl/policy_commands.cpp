// server/gridctl/policy_commands.cpp: `policy show|set|check|versions|rollback`: what is in
// force.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct PolicyArguments {
    std::string file;
    std::uint64_t version = 0;   // 0: the one in force
    std::int64_t expect_version = -1;
    bool dry_run = false;
};

/// "FILE:3:7: unknown operation", as compilers do, so that editors jump there.
std::string to_lines(const json::object& answer, const std::string& file) {
    std::string out;
    const json::value* errors = answer.if_contains("errors");
    if (errors == nullptr || !errors->is_array()) return out;
    for (const json::value& error : errors->get_array())
        out += file + ":" + cell_of(error, "line") + ":" + cell_of(error, "column") + ": " +
               cell_of(error, "text") + "\n";
    return out;
}

void show_policy(const Options& options, const PolicyArguments& given) {
    Client client = connect_to(options);
    const json::object policy = client.call(
        "GET", given.version == 0 ? "policy" : "policy/versions/" + std::to_string(given.version)
    );
    if (options.json) return print_object(options, policy);
    // The text alone, so that `policy show >file` and `policy set file` are each other's opposite.
    const json::value* text = policy.if_contains("text");
    if (text == nullptr || !text->is_string() || text->get_string().empty())
        throw Failed(Exit::NotFound, "there is no policy yet: everything is denied");
    const std::string body(text->get_string());
    print_text(body.ends_with('\n') ? body : body + "\n");
}

void set_policy(const Options& options, const PolicyArguments& given) {
    json::object body{{"text", read_utf8(given.file)}};
    if (given.dry_run) body["dry_run"] = true;
    if (given.expect_version >= 0) body["expect_version"] = given.expect_version;
    Client client = connect_to(options);
    const Answer answer = client.request(
        "PUT", "/api/v1/policy", json::serialize(body), given.expect_version >= 0 ? "" : "*"
    );
    boost::system::error_code error;
    const json::value value = json::parse(answer.body, error);
    if (error || !value.is_object())
        throw Failed(Exit::Refused, "the server's answer is no JSON object");
    const json::object& object = value.get_object();
    if (options.json) print_object(options, object);
    if (to_exit(answer.status) != Exit::Ok) {
        const std::string lines = to_lines(object, given.file);
        throw Failed(
            to_exit(answer.status),
            cell_of(value, "detail") +
                (lines.empty() ? "" : "\n" + lines.substr(0, lines.size() - 1))
        );
    }
    if (options.json) return;
    print(
        std::string("the policy ") + (given.dry_run ? "would be" : "is") + " version " +
        cell_of(value, "version") + ", " + cell_of(value, "rules") + " rules\n"
    );
}

void check_policy(const Options& options, const PolicyArguments& given) {
    Client client = connect_to(options);
    const json::object answer =
        client.call("POST", "policy/check", json::object{{"text", read_utf8(given.file)}});
    const json::value* ok = answer.if_contains("ok");
    const bool is_ok = ok != nullptr && ok->is_bool() && ok->get_bool();
    if (options.json) {
        print_object(options, answer);
    } else {
        print(
            is_ok ? "ok, " + cell_of(answer, "rules") + " rules\n" : to_lines(answer, given.file)
        );
    }
    if (!is_ok) throw Failed(Exit::Refused, given.file + " is no valid policy");
}

void list_versions(const Options& options) {
    Client client = connect_to(options);
    const Columns columns{
        {"VERSION", "version"},
        {"CHANGED", "changed"},
        {"BY", "changed_by"},
        {"BYTES", "bytes"},
        {"IN FORCE", "in_force"}
    };
    print_list(options, list_all(client, "policy/versions", "versions"), "versions", columns);
}

void roll_back(const Options& options, const PolicyArguments& given) {
    if (given.version == 0)
        throw Failed(
            Exit::Usage,
            "the number of a version is needed: gridctl policy versions lists those that are kept, "
            "and gridctl policy rollback NUMBER installs one again"
        );
    json::object body{{"version", given.version}};
    if (given.expect_version >= 0) body["expect_version"] = given.expect_version;
    Client client = connect_to(options);
    const json::object answer = client.call("POST", "policy/rollback", body);
    if (options.json) return print_object(options, answer);
    print(
        "the policy is version " + cell_of(answer, "version") + ", " + cell_of(answer, "rules") +
        " rules, as version " + std::to_string(given.version) + "\n"
    );
}

}   // namespace

void add_policy_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("policy", "who may do what with which topic");
    group->require_subcommand(1);
    const auto given = std::make_shared<PolicyArguments>();
    CLI::App* showing = group->add_subcommand("show", "the text in force, or an earlier one");
    showing->add_option("--version", given->version, "a version that is kept");
    showing->callback([&options, given] { show_policy(options, *given); });

    CLI::App* setting = group->add_subcommand("set", "install a text; takes effect at once");
    setting->add_option("file", given->file, "the text; - for standard input")->required();
    setting->add_flag("--dry-run", given->dry_run, "only say whether it would be taken");
    setting
        ->add_option(
            "--expect-version", given->expect_version, "refuse when another one is in force"
        )
        ->check(CLI::NonNegativeNumber);
    setting->callback([&options, given] { set_policy(options, *given); });

    CLI::App* checking = group->add_subcommand("check", "is this text a valid policy?");
    checking->add_option("file", given->file, "the text; - for standard input")->required();
    checking->callback([&options, given] { check_policy(options, *given); });

    group->add_subcommand("versions", "who changed it when, newest first")->callback([&options] {
        list_versions(options);
    });

    CLI::App* rolling = group->add_subcommand("rollback", "an earlier text becomes a new version");
    rolling
        ->add_option(
            "version", given->version, "the number of a version that `policy versions` lists"
        )
        ->check(CLI::NonNegativeNumber);
    rolling
        ->add_option(
            "--expect-version", given->expect_version, "refuse when another one is in force"
        )
        ->check(CLI::NonNegativeNumber);
    rolling->callback([&options, given] { roll_back(options, *given); });

    add_policy_questions(*group, options);
}

}   // namespace grid::gridctl
