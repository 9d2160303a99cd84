// server/gridctl/doctor/commands.cpp: `doctor`: what is wrong, and what to do about it.
#include <memory>

#include "server/gridctl/doctor/checks.hpp"

namespace grid::gridctl {
namespace {

void look_here(const Options& options, const LocalOptions& given, Report& report) {
    const Local local = read_local(options, given);
    const Ready ready = read_ready(options);
    check_configuration(local, report);
    check_disk(local, report);
    check_own_clock(report);
    check_certificates(options, local, report);
    check_names(
        ready.domain.empty() ? local.app.config.domain : ready.domain, options.timeout_seconds,
        report
    );
    check_files_limit(local, ready, report);
    check_cluster_files(local, report);
    if (!check_running(options, ready, report)) return;
    check_ports(ready, local.tls.certificate, report);
    check_status(options, report);
    if (local.app.config.cluster.is_on()) check_members(options, report);
}

void look_elsewhere(const Options& options, Report& report) {
    check_elsewhere(options, report);
    check_names(find_target(options).name, options.timeout_seconds, report);
    check_status(options, report);
    check_members(options, report);
}

void examine(const Options& options, const LocalOptions& given) {
    Report report;
    if (options.server.empty())
        look_here(options, given, report);
    else
        look_elsewhere(options, report);
    report.print(options);
    const std::size_t failures = report.count(Grade::Fail);
    if (failures > 0)
        throw Failed(
            Exit::Refused,
            std::to_string(failures) + (failures == 1 ? " check failed" : " checks failed")
        );
}

constexpr const char* doctor_help =
    "Looks at configuration, store, disk, clock, certificates, names in DNS, the limit of open\n"
    "files, ports, what the server says of itself, and of a cluster at etcd and the other\n"
    "members. It works while gridd is down, and changes nothing. Run it as root or as gridd's\n"
    "user. With --server it looks at a server elsewhere, as far as that can be seen. The exit\n"
    "code is 1 when a check failed; a warning is no failure.";

}   // namespace

void add_doctor_command(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<LocalOptions>();
    CLI::App* command = app.add_subcommand("doctor", "find out what is wrong, and what to do");
    command->footer(doctor_help);
    add_local_options(*command, *given);
    command->callback([&options, given] { examine(options, *given); });
}

}   // namespace grid::gridctl
