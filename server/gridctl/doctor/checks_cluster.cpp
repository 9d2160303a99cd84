// server/gridctl/doctor/checks_cluster.cpp: etcd, and the members of a cluster.
#include <cstdio>
#include <set>

#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/survey.hpp"
#include "server/cluster/etcd/values.hpp"
#include "server/gridctl/client.hpp"
#include "server/gridctl/doctor/checks.hpp"
#include "server/gridctl/doctor/probe.hpp"
#include "server/gridctl/table.hpp"
#include "server/log.hpp"
#include "server/pki/files.hpp"
#include "server/pki/pki.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;
namespace cluster = server::cluster;

constexpr auto etcd_timeout = std::chrono::milliseconds(3'000);
constexpr auto member_probe = std::chrono::seconds(5);
/// Certificates go by the clock, and so do the times of records.
constexpr std::int64_t clocks_to_warn = 1'000, clocks_to_fail = 30'000;
constexpr std::int64_t lag_to_warn = 1'000;
constexpr std::int64_t disk_to_warn = 2LL * 1024 * 1024 * 1024;

void check_dates(const std::string& key, const std::string& file, Report& report) {
    if (file.empty()) return;
    const auto text = pki::read_file(file);
    const auto read = pki::describe(text ? text->text : "");
    if (!read)
        report.fail("cluster", key + ": " + file + ": " + read.error(), "see gridd --check");
    else
        report.add(dates_line(key, read->not_before, read->not_after, now_ms()));
}

cluster::EtcdSettings etcd_settings(const server::Config::Cluster& from) {
    cluster::EtcdSettings settings;
    settings.endpoints = from.etcd;
    settings.ca = from.etcd_ca;
    settings.certificate = from.etcd_certificate;
    settings.key = from.etcd_key;
    settings.prefix = from.name;
    settings.timeout = etcd_timeout;
    return settings;
}

std::string word_in(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes / (1024 * 1024)) + " MiB";
}

/// "3.4.23" is of 3.4 or later.
bool is_known_version(const std::string& version) {
    unsigned major = 0, minor = 0;
    return std::sscanf(version.c_str(), "%u.%u", &major, &minor) == 2 &&
           (major > 3 || (major == 3 && minor >= 4));
}

/// The version; empty: it does not answer.
std::string check_one_etcd(
    const std::string& url, cluster::EtcdSettings settings, server::Log& log, Report& report
) {
    settings.endpoints = {url};
    cluster::EtcdCaller caller(settings, log);
    const auto answer = caller.call("/v3/maintenance/status", json::object());
    if (!answer) {
        report.fail("etcd", answer.error().text, "see that it runs, and its own log");
        return {};
    }
    std::string version = word_in(*answer, "version");
    const std::string room = mebibytes(cluster::number_in(*answer, "dbSizeInUse")) + " of " +
                             mebibytes(cluster::number_in(*answer, "dbSize")) + " in use";
    const json::value* errors = answer->if_contains("errors");
    const bool is_full =
        errors != nullptr && json::serialize(*errors).find("NOSPACE") != std::string::npos;
    if (!is_known_version(version))
        report.fail("etcd", url + " is version " + version, "gridd needs etcd 3.4 or later");
    else if (is_full)
        report.fail(
            "etcd", url + ": its database is at its quota, " + room, cluster::etcd_full_remedy
        );
    else if (cluster::number_in(*answer, "leader") == 0)
        report.fail("etcd", url + " knows of no leader", "see that most etcds run, and reach it");
    else
        report.ok("etcd", url + " answers: version " + version + ", " + room);
    return version;
}

void check_etcds(const server::Config::Cluster& config, Report& report) {
    server::Log log{server::LogSettings{"error", "text"}};
    const auto settings = etcd_settings(config);
    if (const auto why = cluster::why_not_one_etcd(cluster::etcds_at(settings)); !why.empty())
        report.fail("etcd", why, "correct cluster.etcd of every member");
    std::set<std::string> versions;
    std::size_t answering = 0;
    for (const std::string& url : config.etcd) {
        const std::string version = check_one_etcd(url, settings, log, report);
        if (version.empty()) continue;
        ++answering;
        versions.insert(version);
    }
    if (answering == 0) return;
    if (versions.size() > 1)
        report.warn("etcd", "its members have different versions", "finish the upgrade of etcd");
    cluster::EtcdCaller caller(settings, log);
    const cluster::EtcdKeys keys(config.name);
    const auto head = caller.call("/v3/kv/range", cluster::range_request(keys.head()));
    if (head)
        report.ok("etcd", "has a quorum");
    else
        report.fail("etcd", "has no quorum: " + head.error().text, "start most of its members");
}

std::int64_t number_at(const json::object& object, const char* name, std::int64_t otherwise) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_number()) return otherwise;
    return value->is_int64() ? value->get_int64()
                             : static_cast<std::int64_t>(value->to_number<double>());
}

bool is_true(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

void check_reached(
    const std::string& member, const char* what, const std::string& address, Report& report
) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return;
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    const auto until = std::chrono::steady_clock::now() + member_probe;
    const auto shown = probe_port(host, address.substr(colon + 1), host, "", until);
    const std::string text = member + ": " + what + " " + address;
    if (shown.failure.empty())
        report.ok("member", text + " is open");
    else
        report.fail(
            "member", text + " cannot be reached from here: " + shown.failure,
            "see that it runs, and the firewalls between"
        );
}

void check_clock_of_member(const std::string& name, const json::object& member, Report& report) {
    const std::int64_t ahead = number_at(member, "clock_ahead_ms", 0);
    const std::int64_t differs = ahead < 0 ? -ahead : ahead;
    const std::string text = name + ": its clock is " + std::to_string(differs) + " ms " +
                             (ahead < 0 ? "behind" : "ahead");
    if (differs >= clocks_to_fail)
        report.fail("member", text, "set the clocks of all members by NTP");
    else if (differs >= clocks_to_warn)
        report.warn("member", text, "set the clocks of all members by NTP");
}

std::string failure_of(const json::object& member) {
    const std::string failure = word_in(member, "link_failure");
    return failure.empty() ? failure : ": " + failure;
}

void check_member(const json::object& member, std::int64_t known_group, Report& report) {
    const std::string name = word_in(member, "name");
    const bool is_self = is_true(member, "self");
    if (!is_self && !is_true(member, "linked"))
        report.fail(
            "member", name + " has no link to the member that was asked" + failure_of(member),
            "see cluster_link_failed and cluster_link_refused in the logs of both"
        );
    else
        report.ok(
            "member", name + (is_self ? " was asked" : " is linked") +
                          (is_true(member, "leader") ? ", and leads" : "")
        );
    const std::string until = word_in(member, "certificate_expires");
    if (const auto time = xml::parse_datetime(until))
        report.add(dates_line("link of " + name, 0, *time, now_ms()));
    check_clock_of_member(name, member, report);
    if (const auto lag = known_group - number_at(member, "flushed_group", known_group);
        lag >= lag_to_warn)
        report.warn(
            "member", name + " is " + std::to_string(lag) + " groups behind", "see its log and disk"
        );
    const std::int64_t free = number_at(member, "free_bytes", disk_to_warn);
    if (!is_true(member, "may_lead"))
        report.fail("member", name + ": its store takes no writes", "see gridctl status there");
    else if (free < disk_to_warn)
        report.warn(
            "member", name + " has " + mebibytes(static_cast<std::uint64_t>(free)) + " left",
            "make space on its data volume"
        );
    check_reached(name, "cluster.address", word_in(member, "address"), report);
    check_reached(name, "cluster.clients", word_in(member, "clients"), report);
}

void check_view(const json::object& view, Report& report) {
    if (is_true(view, "cut_off"))
        report.fail("cluster", "the member is cut off from etcd", "see etcd, and its log");
    const std::string leader = word_in(view, "leader");
    if (leader.empty())
        report.fail("cluster", "no member leads", "see the lines about etcd and the members");
    else
        report.ok("cluster", word_in(view, "name") + " is led by " + leader);
    const std::int64_t known = number_at(view, "known_group", 0);
    if (const auto lag = known - number_at(view, "applied_group", 0); lag >= lag_to_warn)
        report.warn(
            "cluster", "the member is " + std::to_string(lag) + " groups behind the log",
            "see its disk; it refuses what it cannot know"
        );
    if (is_true(view, "needs_copy"))
        report.fail("cluster", "the member needs a copy of another one's store", "restart it");
    if (const json::value* all = view.if_contains("warnings"); all != nullptr && all->is_array())
        for (const json::value& one : all->get_array())
            report.warn("cluster", to_cell(one), "compare gridctl cluster status, CLIENT CAS");
    const json::value* members = view.if_contains("members");
    if (members == nullptr || !members->is_array()) return;
    for (const json::value& member : members->get_array())
        if (member.is_object()) check_member(member.get_object(), known, report);
}

}   // namespace

void check_cluster_files(const Local& local, Report& report) {
    const auto& config = local.app.config.cluster;
    if (!config.is_on()) return;
    check_dates("cluster.certificate", config.certificate, report);
    check_dates("cluster.ca", config.ca, report);
    check_dates("cluster.etcd_certificate", config.etcd_certificate, report);
    check_dates("cluster.etcd_ca", config.etcd_ca, report);
    check_etcds(config, report);
}

void check_members(const Options& options, Report& report) {
    try {
        Client client(find_target(options), options.timeout_seconds);
        check_view(client.call("GET", "cluster"), report);
    } catch (const Failed& failed) {
        // Said by check_status, or there is none.
        if (std::string(failed.what()).find("no member of a cluster") == std::string::npos)
            report.warn("cluster", failed.what(), "see the line connection");
    }
}

}   // namespace grid::gridctl
