// server/gridctl/shell/commands.cpp: `completion` and `manual-page`: gridctl as shells and man see
// it.
#include <memory>

#include "server/gridctl/options.hpp"
#include "server/gridctl/shell/options_page.hpp"
#include "server/usage/completion.hpp"
#include "server/usage/manual_page.hpp"

namespace grid::gridctl {
namespace {

using server::usage::Page;

Page page_of_gridctl() {
    Page page;
    page.name = "gridctl";
    page.section = "1";
    page.summary = "looks after an XMPP-Grid, and is a client of it";
    page.description =
        "gridctl administers the gridd(8) of a grid over its REST interface with an "
        "administrator's certificate, makes keys and certificates in a data directory, and "
        "publishes, "
        "subscribes and queries over XMPP as any client does.\n\n"
        "On the machine of an evaluation --data alone finds the server, the certificate of the "
        "first administrator and the CA. From elsewhere --server, --cert, --key and --ca name "
        "them.";
    page.more = {
        {"FILES",
         "/var/lib/gridd is gridd's data directory; run/ready.json in it says where a running "
         "gridd "
         "listens.\n\n/etc/gridd/gridd.toml is its configuration, which doctor and cert check read."
        },
        {"EXAMPLES",
         "    gridctl doctor\n"
         "    gridctl --server grid.example:8443 --cert alice.crt --key alice.key --ca ca.crt "
         "status\n"
         "    gridctl accounts list --state pending\n"
         "    gridctl enrol sensor7 --out sensor7\n"
         "    gridctl cert check sensor7.crt\n"
         "    source <(gridctl completion bash)"},
        {"SEE ALSO", "gridd(8), gridd.toml(5)"}
    };
    return page;
}

Page page_of_options() {
    Page page;
    page.name = "gridd.toml";
    page.section = "5";
    page.summary = "the configuration of gridd";
    page.description =
        "gridd.toml is a TOML file. Each option below stands with its default and the kind of its "
        "value; [limits] means that keys behind it begin with limits.";
    page.more = {
        {"FILES", "/etc/gridd/gridd.toml is read by the service, and in the image."},
        {"SEE ALSO", "gridd(8), gridctl(1)"}
    };
    return page;
}

void print_manual_page(const CLI::App& app, const std::string& file) {
    if (file.empty()) return print(server::usage::manual_page(app, page_of_gridctl()));
    const auto page = options_page(read_text(file), page_of_options());
    if (!page) throw Failed(Exit::Refused, file + ": " + page.error());
    print(*page);
}

}   // namespace

void add_shell_commands(CLI::App& app) {
    CLI::App* completing =
        app.add_subcommand("completion", "print a script by which a shell completes gridctl");
    const auto shell = std::make_shared<std::string>();
    completing->add_option("shell", *shell, "bash: source <(gridctl completion bash)")
        ->required()
        ->check(CLI::IsMember(server::usage::completion_shells()));
    completing->callback([&app, shell] {
        print(server::usage::completion(server::usage::command_tree(app), "gridctl", *shell));
    });

    // For the build: the page of this program, or with gridd.toml that of its options.
    CLI::App* paging = app.add_subcommand("manual-page", "print a page for man");
    const auto file = std::make_shared<std::string>();
    paging->add_option("file", *file, "the commented file of all defaults: its page");
    paging->group("");
    paging->callback([&app, file] { print_manual_page(app, *file); });
}

}   // namespace grid::gridctl
