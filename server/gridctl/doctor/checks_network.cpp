// server/gridctl/doctor/checks_network.cpp: gridd as it is reached.
#include <algorithm>
#include <ctime>

#include "server/gridctl/client.hpp"
#include "server/gridctl/doctor/checks.hpp"
#include "server/gridctl/doctor/probe.hpp"
#include "server/gridctl/table.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

constexpr auto probe_seconds = std::chrono::seconds(5);
constexpr std::int64_t skew_to_warn = 5'000, skew_to_fail = 120'000;

ProbeUntil probe_end() { return std::chrono::steady_clock::now() + probe_seconds; }

struct Listener {
    const char* name;
    std::string address;
    const char* alpn;   // empty: plain TCP
};

std::vector<Listener> listeners_of(const Ready& ready) {
    return {
        {"c2s", ready.c2s, ""},
        {"c2s_tls", ready.c2s_tls, "xmpp-client"},
        {"http", ready.http, "http/1.1"},
        {"socks5", ready.socks5, ""}
    };
}

/// Of the hosts of an address the first that answers.
Presented probe_listener(const Listener& listener, const std::string& domain) {
    Presented last;
    for (const std::string& host : hosts_of(listener.address)) {
        last = probe_port(host, port_of(listener.address), domain, listener.alpn, probe_end());
        if (last.failure.empty() || !last.pem.empty()) return last;
    }
    return last;
}

/// "Sun, 29 Nov 2026 15:00:00 GMT", in ms; 0: it is no date.
std::int64_t parse_http_date(const std::string& text) {
    std::tm parts{};
    if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &parts) == nullptr) return 0;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000;
}

void check_clock_of(const std::string& date, Report& report) {
    const std::int64_t theirs = parse_http_date(date);
    if (theirs == 0) return report.warn("clock", "the server says no time", "is it gridd?");
    // The header has whole seconds.
    const std::int64_t skew = now_ms() - theirs;
    const std::int64_t most = std::max<std::int64_t>(skew < 0 ? -skew : skew - 999, 0);
    const std::string text = "the server's clock and ours differ by " + duration_text(most);
    if (most >= skew_to_fail)
        report.fail("clock", text, "set both by NTP: certificates go by it");
    else if (most >= skew_to_warn)
        report.warn("clock", text, "set both by NTP");
    else
        report.ok("clock", text);
}

/// Of a server elsewhere, as it is shown.
void check_shown(const Target& target, const std::string& pem, Report& report) {
    const auto read = pki::describe(pem);
    if (!read) return report.fail("certificate", "the server shows none", "is it gridd?");
    report.add(dates_line("certificate", read->not_before, read->not_after, now_ms()));
    const auto& hosts = read->hosts;
    if (std::ranges::find(hosts, target.name) == hosts.end())
        report.warn(
            "certificate", "does not name " + target.name, "give its name by --server-name"
        );
    const auto ca = pki::read_file(target.ca);
    const auto verified = pki::verify(pem, ca ? ca->text : "", true, now_ms());
    if (verified)
        report.ok("certificate", "was issued by the CA in " + target.ca);
    else
        report.warn(
            "certificate", "by " + target.ca + " alone: " + verified.error(),
            "see the line `connection`; a CA between both is sent by the server"
        );
}

void check_problems(const json::value& status, Report& report) {
    const auto* object = status.if_object();
    const auto* problems = object == nullptr ? nullptr : object->if_contains("problems");
    if (problems == nullptr || !problems->is_array()) return;
    for (const auto& one : problems->get_array())
        report.fail(
            "server", one.is_string() ? std::string(one.get_string()) : json::serialize(one),
            "see gridd's log"
        );
}

}   // namespace

bool check_running(const Options& options, const Ready& ready, Report& report) {
    const auto folder = pki::Layout{options.data}.ready().parent_path();
    Answered answered = ask_socket(folder / "health.sock", "/readyz", probe_end());
    if (answered.error && !ready.http.empty())
        for (const std::string& host : hosts_of(ready.http)) {
            if (!answered.error) break;
            answered = ask_https(host, port_of(ready.http), "/readyz", probe_end());
        }
    if (answered.error) {
        report.fail(
            "server",
            "no gridd answers on " + options.data.string() + ": " + answered.error.message(),
            "systemctl start gridd; journalctl -u gridd says why it ended"
        );
        return false;
    }
    if (answered.status == 200)
        report.ok("server", "runs and is ready");
    else
        report.fail(
            "server", "runs and is not ready: " + answered.body.substr(0, 500), "see gridd's log"
        );
    return true;
}

void check_ports(const Ready& ready, const std::string& certificate, Report& report) {
    const auto file = pki::read_file(certificate);
    const auto expected = pki::describe(file ? file->text : "");
    for (const Listener& listener : listeners_of(ready)) {
        if (listener.address.empty()) {
            report.ok("port", std::string(listener.name) + " is off");
            continue;
        }
        const Presented shown = probe_listener(listener, ready.domain);
        const std::string name = std::string(listener.name) + " " + listener.address;
        // A client without certificate may be refused once the server has shown its own.
        if (!shown.failure.empty() && shown.pem.empty()) {
            report.fail("port", name + ": " + shown.failure, "is gridd too busy? see its log");
            continue;
        }
        const auto read = pki::describe(shown.pem);
        if (read && expected && read->fingerprint != expected->fingerprint)
            report.warn(
                "port", name + " answers, with another certificate than " + certificate,
                "systemctl reload gridd"
            );
        else
            report.ok("port", name + " answers");
    }
}

void check_elsewhere(const Options& options, Report& report) {
    const Target target = find_target(options);
    const Answered answered = ask_https(target.host, target.port, "/readyz", probe_end());
    if (answered.error)
        return report.fail(
            "server",
            target.host + ":" + target.port + " does not answer: " + answered.error.message(),
            "does gridd run there (listen.http), and is a firewall between?"
        );
    if (answered.status == 200)
        report.ok("server", target.host + ":" + target.port + " is ready");
    else
        report.fail("server", "is not ready: " + answered.body.substr(0, 500), "see its log");
    check_clock_of(answered.date, report);
    const auto shown = probe_port(target.host, target.port, target.name, "http/1.1", probe_end());
    check_shown(target, shown.pem, report);
    const auto own = pki::read_file(target.certificate);
    const auto read = pki::describe(own ? own->text : "");
    if (!read)
        report.fail("our own", target.certificate + ": " + read.error(), "give it by --cert");
    else
        report.add(dates_line("our own", read->not_before, read->not_after, now_ms()));
}

void check_status(const Options& options, Report& report) {
    try {
        Client client(find_target(options), options.timeout_seconds);
        const json::object status = client.call("GET", "status");
        report.ok("connection", "we administer as " + cell_of(status, "administrator"));
        if (cell_of(status, "store.writable") == "no")
            report.fail(
                "store", "takes no writes: " + cell_of(status, "store.reason"),
                "mend the cause, then gridctl store reopen"
            );
        else
            report.ok("store", "takes writes; revision " + cell_of(status, "store.revision"));
        check_problems(status, report);
    } catch (const Failed& failed) {
        report.warn("connection", failed.what(), "gridctl check connect goes through it in steps");
    }
}

}   // namespace grid::gridctl
