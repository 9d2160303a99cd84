// server/command_line.cpp: gridd's options.
#include "server/command_line.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "server/app.hpp"
#include "server/complain.hpp"
#include "server/config/file.hpp"
#include "server/process/evaluation_end.hpp"
#include "server/process/open_store.hpp"
#include "server/process/restore.hpp"
#include "server/process/startup_check.hpp"
#include "server/usage/manual_page.hpp"
#include "server/usage/not_empty.hpp"
#include "server/version.hpp"

namespace grid::server {
namespace {

constexpr int usage_error = 2;

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        names.emplace_back(text.substr(0, text.find('=')));
    }
    return names;
}

/// A standard stream that is closed would become a file of the store, and the log its content.
void fill_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(stream, F_GETFD) < 0)
            (void)::open("/dev/null", O_RDWR);   // the lowest free one
}

/// The text in the quotes that make it one word of a shell.
std::string shell_word(const std::string& text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@+";
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string own_command(const ConfigSources& sources, const std::string& data) {
    std::string command = "gridd";
    if (!sources.file.empty()) command += " --config " + shell_word(sources.file);
    command += " --data " + shell_word(data);
    for (const std::string& set : sources.sets) command += " --set " + shell_word(set);
    return command;
}

void append(Findings& findings, Findings more) {
    for (auto& finding : more) findings.push_back(std::move(finding));
}

/// Everything at once: an option that cannot be read keeps nobody from looking at the others.
Findings findings_of(const AppOptions& options, const ConfigRead& read) {
    Findings findings = read.findings;
    if (!read.is_whole) return findings;
    for (auto& finding : check_startup(options))
        if (!is_said(finding, read.findings)) findings.push_back(std::move(finding));
    if (!read.findings.empty()) return findings;
    // A store that cannot be read now may be in the making; a start names its fault.
    if (const auto store = look_at_store(options); store && *store) {
        append(findings, check_store(**store, options));
        append(findings, check_store_clock(**store));
    }
    return findings;
}

int check_configuration(const AppOptions& options, const ConfigRead& read) {
    const Findings findings = findings_of(options, read);
    std::size_t warnings = 0;
    for (const Finding& finding : findings) {
        warnings += finding.is_warning ? 1 : 0;
        complain((finding.is_warning ? "warning: " : "") + to_text(finding, options.config));
    }
    if (has_errors(findings)) return 1;
    std::cout << "the configuration is good";
    if (warnings > 0)
        std::cout << ", with " << warnings << (warnings > 1 ? " warnings" : " warning");
    std::cout << '\n';
    return 0;
}

usage::Page page_of_gridd() {
    usage::Page page;
    page.name = "gridd";
    page.section = "8";
    page.summary = "the XMPP-Grid server";
    page.description =
        "gridd serves an XMPP-Grid (RFC 8600): streams of clients, a broker of topics, accounts "
        "that "
        "are bound to certificates, and one policy that says who may do what. It runs in the "
        "foreground and logs to standard error.\n\n"
        "Without --config it is an evaluation: it makes a CA, a server certificate and a first "
        "administrator in the data directory.\n\n"
        "SIGTERM and SIGINT end it in order: answers that are due are sent, streams are closed, "
        "the "
        "store is flushed. SIGHUP has it read its configuration and certificates anew; "
        "gridd.toml(5) says what comes into force.";
    page.more = {
        {"EXIT STATUS",
         "0: it was asked to end, or --check found no error. 1: it could not start, or --check "
         "found "
         "errors, which are on standard error. 2: the command line is wrong."},
        {"ENVIRONMENT",
         "GRIDD_DATA is the default of --data. Each option has a variable: GRIDD_LIMITS_DEPTH_MAX "
         "is "
         "limits.depth_max. --set comes before the environment, the environment before the file."},
        {"FILES",
         "/etc/gridd/gridd.toml is the configuration of the service.\n\n"
         "/var/lib/gridd is its data directory, for its user alone: the store, keys of an "
         "evaluation, revocation lists, run/ready.json."},
        {"EXAMPLES",
         "    gridd --check --config /etc/gridd/gridd.toml\n"
         "    gridd --data /tmp/grid --set listen.c2s=127.0.0.1:5222"},
        {"SEE ALSO", "gridctl(1), gridd.toml(5)"}
    };
    return page;
}

}   // namespace

int run_command_line(int argc, char** argv, std::shared_ptr<rocksdb::FileSystem> file_system) {
    fill_standard_streams();
    ::umask(S_IRWXG | S_IRWXO);   // files are for the server's user alone
    CLI::App cli("gridd, the XMPP-Grid server");
    ConfigSources sources;
    sources.environment = environment;
    sources.environment_names = environment_names();
    AppOptions options;
    options.file_system = std::move(file_system);
    std::string data = environment("GRIDD_DATA").value_or("");
    if (data.empty()) data = options.data.string();
    bool is_check = false, is_end = false, is_page = false;
    std::string backup;
    cli.add_option("--config", sources.file, "gridd.toml; without it: defaults and evaluation keys")
        ->check(usage::not_empty());
    cli.add_option("--data", data, "directory of the store and of everything gridd writes")
        ->capture_default_str()
        ->check(usage::not_empty());
    cli.add_option("--set", sources.sets, "one option, KEY=VALUE or KEY=@FILE; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    cli.add_option(
           "--ready-file", options.ready_file, "written, as JSON, once connections are taken"
    )
        ->check(usage::not_empty());
    // Each of these three is all that a command does.
    auto* check = cli.add_flag("--check", is_check, "check the configuration and exit");
    auto* end = cli.add_flag(
        "--end-evaluation", is_end,
        "take the evaluation's policy, administrator and CA out of --data, and exit"
    );
    end->excludes(check);
    cli.add_option(
           "--restore", backup,
           "fill the empty directory --data from a backup of this grid (gridctl backup), and exit"
    )
        ->type_name("BACKUP")
        ->check(usage::not_empty())
        ->excludes(check)
        ->excludes(end);
    cli.set_version_flag("--version", std::string("gridd ") + version);
    cli.add_flag("--manual-page", is_page, "print the page for man, and exit")->group("");
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return cli.exit(error) == 0 ? 0 : usage_error;
    }
    if (is_page) {
        std::cout << usage::manual_page(cli, page_of_gridd());
        return 0;
    }

    const ConfigRead read = read_config(sources);
    options.config = read.config;
    options.data = data;
    options.own_command = own_command(sources, data);
    options.arguments.assign(argv, argv + argc);
    options.read_again = [sources] { return read_config(sources); };
    // A start that the values refuse says what --check says.
    if (is_check || !read.findings.empty()) return check_configuration(options, read);
    if (is_end) return end_evaluation(options);
    if (!backup.empty()) return restore_backup(options, backup);
    return run_app(std::move(options));
}

}   // namespace grid::server
