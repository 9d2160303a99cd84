// server/gridctl/main.cpp: the command line of a grid: local keys, a running server over REST, and
// a light client over XMPP.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string_view>

#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/layout.hpp"
#include "server/usage/not_empty.hpp"
#include "server/version.hpp"

namespace gridctl = grid::gridctl;

namespace {

using grid::server::usage::not_empty;

void add_options(CLI::App& app, gridctl::Options& options) {
    const char* data = std::getenv("GRIDD_DATA");
    options.data = data != nullptr && *data != '\0' ? data : "/var/lib/gridd";
    app.add_option(
           "--data", options.data,
           "gridd's data directory (default: $GRIDD_DATA, else "
           "/var/lib/gridd)"
    )
        ->type_name("DIR")
        ->check(not_empty());
    app.add_option(
           "--server", options.server,
           "HOST:PORT of gridd's HTTPS, for publish, subscribe, query and topics find of its XMPP "
           "(default: found by --data)"
    )
        ->envname("GRIDCTL_SERVER")
        ->check(gridctl::why_no_server, "");
    app.add_option(
           "--server-name", options.server_name,
           "the name in the server's certificate (default: the domain, else HOST)"
    )
        ->check(not_empty());
    app.add_option("--cert", options.certificate, "the client's certificate, PEM")
        ->type_name("FILE")
        ->envname("GRIDCTL_CERT")
        ->check(not_empty());
    app.add_option("--key", options.key, "its key, PEM")
        ->type_name("FILE")
        ->envname("GRIDCTL_KEY")
        ->check(not_empty());
    app.add_option("--ca", options.ca, "CA that issued the server's certificate, PEM")
        ->type_name("FILE")
        ->envname("GRIDCTL_CA")
        ->check(not_empty());
    app.add_option("--timeout", options.timeout_seconds, "seconds for a request")
        ->check(CLI::Range(1U, 3600U))
        ->capture_default_str();
    app.add_flag("--json", options.json, "the server's JSON in place of tables");
}

/// With --json: one line on standard error, as the results are lines on standard output.
int fail(bool json, gridctl::Exit exit, const std::string& text) {
    const auto code = static_cast<int>(exit);
    if (json)
        std::cerr << gridctl::json_line(
            {{"error", {{"exit", code}, {"code", gridctl::name_of(exit)}, {"text", text}}}}
        );
    else
        std::cerr << "gridctl: " << text << "\n";
    return code;
}

/// A name that is empty, as of a shell's variable that is not set, would be another question, or
/// none: `topics show ""` asked for all.
void refuse_empty(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (option->get_required() || option->check_lname("out") || option->check_lname("id") ||
            option->check_lname("id-prefix"))
            option->check([](const std::string& value) {
                return value.empty() ? "it is empty" : std::string();
            });
    for (CLI::App* command : app.get_subcommands(nullptr)) refuse_empty(*command);
}

/// The command as far as it was understood, whose help says what is right.
std::string help_of(const CLI::App& app) {
    std::string words = "gridctl";
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().back();
        words += " " + at->get_name();
    }
    return "; see " + words + " --help";
}

/// Whether an option is among the arguments, also where they could not be taken apart.
bool is_among(int argc, char** argv, const std::string& option) {
    return std::any_of(argv + 1, argv + argc, [&](const std::string_view argument) {
        return argument == option || argument.starts_with(option + "=");
    });
}

/// Whether the command was given another place to look at than a server: gridd's configuration.
bool names_configuration(const CLI::App& app) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().back();
    const CLI::Option* config = command->get_option_no_throw("--config");
    return config != nullptr && config->count() + command->count("--set") > 0;
}

/// A place that is named on the command line wins over those of the environment, which would be
/// those of another grid: --data with what it has, --config and --set.
void put_arguments_first(
    const CLI::App& app, gridctl::Options& options, const std::function<bool(const char*)>& is_given
) {
    options.is_server_given = is_given("--server");
    const bool is_configured = names_configuration(app);
    if (options.is_server_given && is_configured)
        throw CLI::ValidationError(
            "--config and --set are of the gridd on this machine, --server of another one: "
            "give one of them"
        );
    const bool has_data = is_given("--data");
    if (!options.is_server_given && (is_configured || has_data)) options.server.clear();
    if (!has_data || options.is_server_given) return;
    const grid::pki::Layout layout{options.data};
    std::error_code unreadable;
    if (!is_given("--ca") && std::filesystem::exists(layout.ca_certificate(), unreadable))
        options.ca.clear();
    const bool has_identity = is_given("--cert") || is_given("--key");
    if (!has_identity && std::filesystem::exists(layout.admin_key(), unreadable)) {
        options.certificate.clear();
        options.key.clear();
    }
}

}   // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "gridctl: looks after an XMPP-Grid served by gridd, and is a client of it", "gridctl"
    );
    gridctl::Options options;
    const bool json = is_among(argc, argv, "--json");
    app.fallthrough();
    app.require_subcommand(1);
    app.footer(gridctl::exit_help);
    app.set_version_flag("--version", std::string("gridctl ") + grid::server::version);
    add_options(app, options);
    gridctl::add_pki_commands(app, options);
    gridctl::add_admin_commands(app, options);
    gridctl::add_account_commands(app, options);
    gridctl::add_group_commands(app, options);
    gridctl::add_policy_commands(app, options);
    gridctl::add_topic_commands(app, options);
    gridctl::add_schema_commands(app, options);
    gridctl::add_server_commands(app, options);
    gridctl::add_audit_commands(app, options);
    gridctl::add_act_commands(app, options);
    gridctl::add_check_commands(app, options);
    gridctl::add_health_command(app, options);
    gridctl::add_trace_command(app, options);
    gridctl::add_top_command(app, options);
    gridctl::add_backup_commands(app, options);
    gridctl::add_light_commands(app, options);
    gridctl::add_bulk_commands(app, options);
    gridctl::add_doctor_command(app, options);
    gridctl::add_enrol_command(app, options);
    gridctl::add_cert_commands(app, options);
    gridctl::add_shell_commands(app);
    refuse_empty(app);
    app.parse_complete_callback([&] {
        put_arguments_first(app, options, [&](const char* option) {
            return is_among(argc, argv, option);
        });
    });
    try {
        app.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        // "A subcommand is required" does not help a user who mistyped one.
        const auto unknown = app.remaining(true);
        return fail(
            json, gridctl::Exit::Usage,
            (unknown.empty() ? error.what() : "there is no '" + unknown.front() + "' here") +
                help_of(app)
        );
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {   // --help
            app.exit(error);
            if (std::cout.flush()) return static_cast<int>(gridctl::Exit::Ok);
            return fail(json, gridctl::Exit::Refused, "cannot write to standard output");
        }
        return fail(json, gridctl::Exit::Usage, error.what() + help_of(app));
    } catch (const gridctl::Failed& failed) {
        return fail(json, failed.exit, failed.what());
    } catch (const std::exception& error) {
        return fail(json, gridctl::Exit::Refused, error.what());
    }
    return static_cast<int>(gridctl::Exit::Ok);
}
