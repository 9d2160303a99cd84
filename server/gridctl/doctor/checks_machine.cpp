// server/gridctl/doctor/checks_machine.cpp: files, limits and clock of this machine.
#include <sys/statvfs.h>
#include <sys/timex.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "server/gridctl/doctor/checks.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "server/process/descriptors.hpp"
#include "server/process/open_store.hpp"
#include "server/process/startup_check.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/own_certificate.hpp"
#include "server/tls/pem_file.hpp"

namespace grid::gridctl {
namespace {

constexpr double mebibyte = 1024.0 * 1024.0;

std::string size_text(std::uint64_t bytes) {
    const double mib = static_cast<double>(bytes) / mebibyte;
    std::ostringstream out;
    out.precision(1);
    out << std::fixed << (mib >= 1024 ? mib / 1024 : mib) << (mib >= 1024 ? " GiB" : " MiB");
    return out.str();
}

/// Options that have a check of their own here.
bool is_told_elsewhere(const std::string& key) {
    return key == "storage.free_bytes_min" || key == "limits.connections_max";
}

/// The soft limit of a process; 0: not known.
std::size_t files_limit_of(std::int64_t pid) {
    std::ifstream limits("/proc/" + std::to_string(pid) + "/limits");
    std::string line;
    while (std::getline(limits, line)) {
        if (!line.starts_with("Max open files")) continue;
        std::istringstream words(line.substr(14));
        std::size_t soft = 0;
        words >> soft;
        return soft;
    }
    return 0;
}

void check_store_files(const Local& local, Report& report) {
    const auto store = server::look_at_store(local.app);
    if (!store)
        return report.fail(
            "store", store.error(), "run this as gridd's user or root; else see its log"
        );
    if (!*store) return report.ok("store", "there is none yet: the first start makes it");
    bool is_good = true;
    for (const auto& finding : server::check_store(**store, local.app)) {
        is_good = false;
        report.fail("store", finding.text, "do as it says");
    }
    if (is_good) report.ok("store", "can be read");
}

void check_authorities(const Local& local, std::int64_t now, Report& report) {
    std::error_code unreadable;
    if (local.is_evaluation && !std::filesystem::exists(local.tls.client_ca, unreadable)) return;
    const auto all = server::tls::read_certificates(local.tls.client_ca);
    if (!all) return report.fail("client CA", all.error(), "give it by tls.client_ca");
    for (const auto& one : *all) {
        auto line = dates_line(
            "client CA", server::tls::to_millis(X509_get0_notBefore(one.get())),
            server::tls::to_millis(X509_get0_notAfter(one.get())), now
        );
        line.text = server::tls::to_text(X509_get_subject_name(one.get())) + ": " + line.text;
        if (line.grade != Grade::Ok)
            line.todo =
                "put its successor beside it into tls.client_ca, then gridctl accounts "
                "rebind --from OLD.crt --ca NEW.crt";
        report.add(std::move(line));
    }
}

}   // namespace

void check_configuration(const Local& local, Report& report) {
    if (!local.error.empty())
        return report.fail(
            "config", local.error, "mend it; gridd --check says whether that was all"
        );
    bool is_good = true;
    for (const auto& finding : server::check_startup(local.app)) {
        if (is_told_elsewhere(finding.key)) continue;
        is_good = false;
        const std::string text = to_text(finding, local.app.config);
        if (finding.is_warning)
            report.warn("config", text, "see gridd.toml(5)");
        else
            report.fail("config", text, "a start refuses this: mend it");
    }
    if (is_good)
        report.ok(
            "config", local.file.empty() ? "no configuration file: all options have their defaults"
                                         : local.file + " is good"
        );
    check_store_files(local, report);
}

void check_disk(const Local& local, Report& report) {
    struct statvfs volume{};
    if (::statvfs(local.app.data.c_str(), &volume) != 0)
        return report.warn(
            "disk", local.app.data.string() + ": " + std::generic_category().message(errno),
            "a start makes the directory where it may"
        );
    const auto room = static_cast<std::uint64_t>(volume.f_bavail) * volume.f_frsize;
    const std::uint64_t needed = local.app.config.storage.free_bytes_min;
    const std::string text = size_text(room) + " free for " + local.app.data.string();
    const std::string least = size_text(needed) + " (storage.free_bytes_min)";
    if (room < needed)
        report.fail("disk", text + "; below " + least + " gridd takes no writes", "make room");
    else if (room < 2 * needed)
        report.warn("disk", text + "; below " + least + " gridd takes no writes", "make room soon");
    else
        report.ok("disk", text);
}

void check_files_limit(const Local& local, const Ready& ready, Report& report) {
    const std::size_t limit = ready.pid > 0 ? files_limit_of(ready.pid) : 0;
    if (limit == 0)
        return report.ok("open files", "gridd does not run: its limit is that of its unit");
    server::Config plan = local.app.config;
    const auto planned = server::plan_descriptors(plan, limit);
    const std::string text = "gridd may open " + std::to_string(limit) + " files";
    const char* todo = "raise LimitNOFILE in the unit, and restart gridd";
    if (!planned)
        report.fail("open files", text + ": " + planned.error(), todo);
    else if (!planned->cut.empty())
        report.warn("open files", text + ", so that these were cut: " + planned->cut, todo);
    else
        report.ok("open files", text);
}

void check_own_clock(Report& report) {
    struct timex state{};
    const int clock = ::adjtimex(&state);   // reads only
    if (clock < 0 || (state.status & STA_UNSYNC) != 0)
        report.warn(
            "clock", "the kernel does not know this machine's clock to be synchronized",
            "run systemd-timesyncd or chrony: certificates and leases go by the clock"
        );
    else
        report.ok("clock", "is synchronized");
}

void check_certificates(const Options& options, const Local& local, Report& report) {
    const auto now = now_ms();
    const std::string& file = local.tls.certificate;
    const auto text = pki::read_file(file);
    const auto read = pki::describe(text ? text->text : "");
    if (!text || !text->exists) {
        report.warn(
            "certificate", text ? file + " is not there" : text.error(),
            local.is_evaluation ? "the first start makes it" : "run this as gridd's user or root"
        );
    } else if (!read) {
        report.fail("certificate", file + ": " + read.error(), "give a PEM certificate");
    } else {
        ReportLine line = dates_line("certificate", read->not_before, read->not_after, now);
        line.text = file + " " + line.text;
        if (local.is_evaluation && line.grade != Grade::Ok)
            line.todo = "gridctl pki server, then restart gridd";
        report.add(std::move(line));
        const auto complaints = server::tls::check_own_certificate(file, local.app.config.domain);
        for (const auto& one : complaints) {
            const char* todo = "have one issued that names the domain and its services";
            if (one.is_warning)
                report.warn("certificate", one.text, todo);
            else
                report.fail("certificate", one.text, todo);
        }
        if (complaints.empty())
            report.ok("certificate", "names " + local.app.config.domain + " and its services");
    }
    check_authorities(local, now, report);
    const std::string own = options.certificate.empty()
                                ? pki::Layout{options.data}.admin_certificate().string()
                                : options.certificate;
    const auto ours = pki::read_file(own);
    if (!ours || !ours->exists) return;
    const auto admin = pki::describe(ours->text);
    if (!admin) return report.fail("our own", own + ": " + admin.error(), "give it by --cert");
    ReportLine line = dates_line("our own", admin->not_before, admin->not_after, now);
    line.text = own + " " + line.text;
    report.add(std::move(line));
}

}   // namespace grid::gridctl
