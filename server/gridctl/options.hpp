// server/gridctl/options.hpp: the options that every command has, and the way commands are
// added.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "server/gridctl/exit_code.hpp"
#include "xml/jid.hpp"

namespace grid::gridctl {

struct Options {
    std::filesystem::path data;
    std::string server, server_name;   // HOST:PORT; the name that its certificate must carry
    bool is_server_given = false;      // on the command line, not by the environment
    std::string certificate, key, ca;
    unsigned timeout_seconds = 30;
    bool json = false;
};

/// The key of a CA: SHA-256 of its public key in hex as given, or that of a certificate in a file.
std::string authority_key(const std::string& text);
std::int64_t now_ms();
/// The text of a file, or of standard input for "-".
std::string read_text(const std::string& path);
/// The same of a text that goes to the server: UTF-8, or Failed (Usage) with the place of the first
/// byte that is none.
std::string read_utf8(const std::string& path);
/// The first line of a file ("@FILE") or of standard input ("-"); empty: asked for at the terminal,
/// where it is not shown. Never an argument: those are seen by others on the machine.
std::string read_password(const std::string& source);
void print(const std::string& text);
/// Columns of the terminal that standard output is; 0: it is none.
std::size_t terminal_width();
/// A whole text of others: unchanged into a file or pipe, printable to a terminal.
void print_text(const std::string& text);

// One file per group of commands. `options` outlives the app.
void add_pki_commands(CLI::App& app, const Options& options);
void add_admin_commands(CLI::App& app, const Options& options);
void add_account_commands(CLI::App& app, const Options& options);
void add_group_commands(CLI::App& app, const Options& options);
void add_policy_commands(CLI::App& app, const Options& options);
void add_topic_commands(CLI::App& app, const Options& options);
void add_schema_commands(CLI::App& app, const Options& options);   // after topics
void add_server_commands(CLI::App& app, const Options& options);   // sessions, status, store
void add_act_commands(CLI::App& app, const Options& options);      // settings, announce
void add_audit_commands(CLI::App& app, const Options& options);
void add_check_commands(CLI::App& app, const Options& options);   // in light/
void add_health_command(CLI::App& app, const Options& options);
void add_trace_command(CLI::App& app, const Options& options);
void add_top_command(CLI::App& app, const Options& options);
/// backup, backups (server/gridctl/light/backup_commands.cpp)
void add_backup_commands(CLI::App& app, const Options& options);
/// publish, subscribe, query, topics find (server/gridctl/light/commands.cpp); after topics.
void add_light_commands(CLI::App& app, const Options& options);
/// server/gridctl/light/bulk_commands.cpp
void add_bulk_commands(CLI::App& app, const Options& options);
/// doctor (server/gridctl/doctor/commands.cpp)
void add_doctor_command(CLI::App& app, const Options& options);
/// enrol, cert check (server/gridctl/keys/)
void add_enrol_command(CLI::App& app, const Options& options);
void add_cert_commands(CLI::App& app, const Options& options);
/// completion and manual-page (server/gridctl/shell/commands.cpp); `app` outlives the run.
void add_shell_commands(CLI::App& app);

}   // namespace grid::gridctl
