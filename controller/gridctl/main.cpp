// controller/gridctl/main.cpp: the command line of a grid: local keys, and a running server over
// REST.
#include <cstdlib>
#include <iostream>

#include "controller/gridctl/options.hpp"

namespace gridctl = grid::controller::gridctl;

namespace {

void add_options(CLI::App& app, gridctl::Options& options) {
    const char* data = std::getenv("GRIDD_DATA");
    options.data = data != nullptr && *data != '\0' ? data : "/var/lib/gridd";
    app.add_option(
           "--data", options.data,
           "gridd's data directory (default: $GRIDD_DATA, else "
           "/var/lib/gridd)"
    )
        ->type_name("DIR");
    app.add_option(
        "--server", options.server, "HOST:PORT of gridd's HTTPS (default: found by --data)"
    );
    app.add_option(
        "--server-name", options.server_name,
        "the name in the server's certificate (default: the domain, else HOST)"
    );
    app.add_option("--cert", options.certificate, "administrator's certificate, PEM")
        ->type_name("FILE");
    app.add_option("--key", options.key, "its key, PEM")->type_name("FILE");
    app.add_option("--ca", options.ca, "CA that issued the server's certificate, PEM")
        ->type_name("FILE");
    app.add_option("--timeout", options.timeout_seconds, "seconds for a request")
        ->check(CLI::Range(1U, 3600U));
    app.add_flag("--json", options.json, "the server's JSON in place of tables");
}

}   // namespace

int main(int argc, char** argv) {
    CLI::App app("gridctl: looks after an XMPP-Grid served by gridd", "gridctl");
    gridctl::Options options;
    app.fallthrough();
    app.require_subcommand(1);
    app.footer(gridctl::exit_help);
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
    try {
        app.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        // "A subcommand is required" does not help whoever mistyped one.
        const auto unknown = app.remaining(true);
        if (unknown.empty())
            app.exit(error);
        else
            std::cerr << "gridctl: there is no '" << unknown.front() << "' here; see --help\n";
        return static_cast<int>(gridctl::Exit::Usage);
    } catch (const CLI::ParseError& error) {
        const bool is_help = app.exit(error) == 0;
        return static_cast<int>(is_help ? gridctl::Exit::Ok : gridctl::Exit::Usage);
    } catch (const gridctl::Failed& failed) {
        std::cerr << "gridctl: " << failed.what() << "\n";
        return static_cast<int>(failed.exit);
    } catch (const std::exception& error) {
        std::cerr << "gridctl: " << error.what() << "\n";
        return static_cast<int>(gridctl::Exit::Refused);
    }
    return static_cast<int>(gridctl::Exit::Ok);
}
