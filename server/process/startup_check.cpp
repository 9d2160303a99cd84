// server/process/startup_check.cpp: see startup_check.hpp.
#include "server/process/startup_check.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <sstream>

#include "controller/policy/parser.hpp"
#include "server/audit/sink.hpp"
#include "server/clock.hpp"
#include "server/cluster/link/tls.hpp"
#include "server/http/pages/static_files.hpp"
#include "server/net/listener.hpp"
#include "server/pki/administrators.hpp"
#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/process/data_directory.hpp"
#include "server/process/descriptors.hpp"
#include "server/process/evaluation.hpp"
#include "server/process/evaluation_end.hpp"
#include "server/process/policy_file.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/context.hpp"
#include "server/tls/own_certificate.hpp"
#include "server/tls/pem_file.hpp"
#include "server/tls/revocation/crl_check.hpp"
#include "server/tls/revocation/crl_file.hpp"
#include "server/tls/revocation/crl_watch.hpp"
#include "storage/keys.hpp"
#include "storage/rocks_settings.hpp"
#include "xml/datetime.hpp"
#include "xml/domain.hpp"
#include "xml/jid.hpp"

namespace grid::server {
namespace {

namespace fs = std::filesystem;
using tcp = boost::asio::ip::tcp;

void add(Findings& findings, std::vector<tls::Complaint> complaints) {
    for (auto& one : complaints)
        findings.push_back({std::move(one.key), std::move(one.text), one.is_warning});
}

/// The option that a text of `make_context` is about: it begins with its name or its file.
std::string blamed(const Config::Tls& tls, const std::string& text) {
    if (text.starts_with("tls.")) return text.substr(0, text.find_first_of(" :"));
    if (!tls.key.empty() && text.starts_with(tls.key + ":")) return "tls.key";
    if (!tls.client_ca.empty() && text.starts_with(tls.client_ca + ":")) return "tls.client_ca";
    return "tls.certificate";
}

void check_key_file(const char* key, const std::string& file, Findings& findings) {
    struct stat about{};
    if (::stat(file.c_str(), &about) != 0 || (about.st_mode & (S_IROTH | S_IWOTH)) == 0) return;
    findings.push_back(
        {key,
         file + ": every user of this machine may " +
             ((about.st_mode & S_IROTH) != 0 ? "read" : "write") +
             " the private key: chmod o-rwx " + file,
         true}
    );
}

void check_tls(const Config& config, Findings& findings) {
    const auto& tls = config.tls;
    if (!tls.certificate.empty()) {
        if (const auto context = tls::make_context(tls, tls::Use::Xmpp); !context) {
            findings.push_back({blamed(tls, context.error()), context.error()});
            return;
        }
        add(findings, tls::check_own_certificate(tls.certificate, config.domain));
        add(findings, tls::check_own_chain(tls));
        check_key_file("tls.key", tls.key, findings);
    }
    add(findings, tls::check_ciphers(tls));
    if (!tls.client_ca.empty()) add(findings, tls::check_client_cas(tls.client_ca));
}

/// As the start reads them for the links.
void check_membership(const Config& config, Findings& findings) {
    const auto& member = config.cluster;
    if (member.ca.empty() || member.certificate.empty() || member.key.empty()) return;
    cluster::LinksSettings settings;
    settings.certificate = member.certificate;
    settings.key = member.key;
    settings.ca = member.ca;
    settings.self.name = member.member;
    const auto tls = cluster::make_member_tls(settings);
    if (!tls)
        findings.push_back({"cluster.certificate", "cluster.certificate: " + tls.error()});
    else if (cluster::shown_to_others(tls->accepting.get()).path.empty())
        findings.push_back(
            {"cluster.ca",
             "cluster.ca: no CA in " + member.ca + " has issued " + member.certificate +
                 ": members with the same CAs would not let this one in",
             true}
        );
    if (member.ca == config.tls.client_ca)
        findings.push_back(
            {"cluster.ca",
             "cluster.ca is tls.client_ca: whoever has a member's certificate of it reads and "
             "changes all; give the links a CA of their own",
             true}
        );
}

/// The files of the links and of etcd: readable, and what they should be.
void check_cluster_files(const Config& config, Findings& findings) {
    const auto& cluster = config.cluster;
    if (!cluster.is_on()) return;
    const auto look = [&](const char* key, const std::string& file, bool is_key) {
        if (file.empty()) return;   // said by check_values
        std::string why;
        if (is_key) {
            if (const auto read = tls::read_key(file); !read) why = read.error();
        } else if (const auto read = tls::read_certificates(file); !read) {
            why = read.error();
        }
        if (!why.empty()) findings.push_back({key, std::string(key) + ": " + why});
    };
    const std::size_t before = findings.size();
    look("cluster.ca", cluster.ca, false);
    look("cluster.certificate", cluster.certificate, false);
    look("cluster.key", cluster.key, true);
    if (findings.size() == before) check_membership(config, findings);
    look("cluster.etcd_ca", cluster.etcd_ca, false);
    look("cluster.etcd_certificate", cluster.etcd_certificate, false);
    look("cluster.etcd_key", cluster.etcd_key, true);
    if (!cluster.key.empty()) check_key_file("cluster.key", cluster.key, findings);
    if (!cluster.etcd_key.empty()) check_key_file("cluster.etcd_key", cluster.etcd_key, findings);
}

void check_static_files(const Config& config, Findings& findings) {
    if (config.http.static_dir.empty()) return;
    if (const auto files = http::StaticFiles::read(config.http.static_dir); !files)
        findings.push_back({"http.static_dir", "http.static_dir: " + files.error()});
}

/// A mistake in the file has its place there, not where the file is named.
void check_policy(const Config& config, Findings& findings) {
    const std::string& file = config.policy.file;
    if (file.empty()) return;
    const auto text = read_policy_file(config);
    if (text) return;
    std::istringstream lines(text.error());
    for (std::string line; std::getline(lines, line);) {
        const auto end =
            line.starts_with(file + ":") ? line.find(": ", file.size()) : std::string::npos;
        const bool has_place = end != std::string::npos && end > file.size();
        if (has_place)
            findings.push_back({"policy.file", line.substr(end + 2), false, line.substr(0, end)});
        else
            findings.push_back({"policy.file", std::move(line)});
    }
}

/// Lists that cannot be read, or whose time is over. A start goes on without a list of a directory
/// that it cannot read, and says so.
void check_crl_files(const tls::CrlSources& sources, bool is_start, Findings& findings) {
    const auto now_there = now();
    for (const tls::FileStamp& stamp : tls::find_files(sources.paths).files) {
        const bool is_named = std::ranges::find(sources.paths, stamp.path) != sources.paths.end();
        const auto lists = tls::read_crls(stamp.path);
        if (!lists) {
            if (!is_start || !is_named)   // else said by unreadable_crl_source
                findings.push_back({sources.option, sources.option + ": " + lists.error(), is_start}
                );
            continue;
        }
        for (const auto& list : *lists) {
            const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get());
            const auto until = next == nullptr ? 0 : tls::to_millis(next);
            if (until == 0 || until >= now_there) continue;
            findings.push_back(
                {sources.option,
                 sources.option + ": " + stamp.path + ": the nextUpdate of the list of " +
                     tls::to_text(X509_CRL_get_issuer(list.get())) + " was " +
                     xml::to_datetime(until) + ": what was revoked since then is not known here",
                 true}
            );
        }
    }
}

/// A clock that was never set refuses every certificate, and stamps what it stores with the past.
void check_clock(Findings& findings) {
    constexpr storage::Millis released = 1'764'547'200'000;   // 2025-12-01
    if (now() < released)
        findings.push_back(
            {"",
             "the clock of this machine says " + xml::to_datetime(now()) +
                 ": set it, and see that the host's time service runs",
             true}
        );
}

/// The process that said it listens there is still alive: then the port is taken by ourselves.
bool is_running_there(const fs::path& data, const std::string& name, const tcp::endpoint& there) {
    const auto file = pki::read_file(pki::Layout{data}.ready());
    if (!file || !file->exists) return false;
    boost::json::error_code failed;
    const auto ready = boost::json::parse(file->text, failed);
    const auto* object = failed ? nullptr : ready.if_object();
    const auto* pid = object == nullptr ? nullptr : object->if_contains("pid");
    const auto* listen = object == nullptr ? nullptr : object->if_contains("listen");
    if (pid == nullptr || !pid->is_int64() || listen == nullptr || !listen->is_object())
        return false;
    if (::kill(static_cast<pid_t>(pid->get_int64()), 0) != 0 && errno == ESRCH) return false;
    const auto* address = listen->get_object().if_contains(name);
    if (address == nullptr || !address->is_string()) return false;
    const auto bound = net::parse_address(std::string(address->get_string()));
    return bound && *bound == there;
}

/// Whether the kernel gives us the address: of this machine, a family it has, a port that is free.
void check_bind(
    const AppOptions& options, const std::string& name, const std::string& address, Findings& out
) {
    if (address.empty()) return;
    const auto endpoint = net::parse_address(address);
    if (!endpoint) return;   // said by check_values
    boost::asio::io_context context;
    if (auto opened = net::Listener::open(context, address); opened)
        return;
    else if (!is_running_there(options.data, name, *endpoint))
        out.push_back({"listen." + name, "listen." + name + ": " + opened.error()});
}

void check_listening(const AppOptions& options, Findings& out) {
    const auto& listen = options.config.listen;
    check_bind(options, "c2s", listen.c2s, out);
    check_bind(options, "c2s_tls", listen.c2s_tls, out);
    check_bind(options, "http", listen.http, out);
    check_bind(options, "health", listen.health, out);
    check_bind(options, "metrics", listen.metrics, out);
    check_bind(options, "socks5", listen.socks5, out);
    check_bind(options, "component", listen.component, out);
    check_bind(options, "cluster", listen.cluster, out);
}

/// A first start writes the policy and the first administrator: without room there would be
/// neither.
void check_room(const AppOptions& options, Findings& findings) {
    fs::path path = fs::absolute(options.data);
    std::error_code error;
    while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
    struct statvfs volume{};
    if (::statvfs(path.c_str(), &volume) != 0) return;   // said by why_unusable
    const auto room = static_cast<std::uint64_t>(volume.f_bavail) * volume.f_frsize;
    const std::uint64_t least = storage::free_bytes_least();
    const auto needed = std::max<std::uint64_t>(options.config.storage.free_bytes_min, least);
    if (room >= needed) return;
    const bool is_first = !fs::exists(options.data / "store" / "CURRENT", error);
    findings.push_back(
        {"storage.free_bytes_min",
         "the volume of " + options.data.string() + " has " + std::to_string(room) +
             " bytes free, writes need " + std::to_string(needed) +
             " (storage.free_bytes_min; at the least " + std::to_string(least) + "): " +
             (is_first ? "a first start must be able to write; give another directory by --data"
                       : "the store would take no writes"),
         !is_first}
    );
}

/// Accounts of other domains never log in; such an entry may be a mistake of years ago, so that the
/// server starts without it.
void check_administrators_file(const AppOptions& options, Findings& findings) {
    const auto path = pki::Layout{options.data}.administrators();
    const auto file = pki::read_file(path);
    if (!file) return findings.push_back({"", file.error()});
    auto parsed = pki::parse_administrators(file->text, options.config.domain);
    for (const std::string& problem : parsed.problems)
        findings.push_back({"", path.string() + ": " + problem, true});
}

/// A copy is divided: what would be cut is for the log of the start that it is cut in.
void check_descriptors(Config config, Findings& findings) {
    if (const auto plan = plan_descriptors(config, raise_descriptor_limit()); !plan)
        findings.push_back({"limits.connections_max", plan.error()});
}

void check_ready_file(const AppOptions& options, Findings& findings) {
    if (options.ready_file.empty()) return;
    const fs::path folder = fs::absolute(options.ready_file).parent_path();
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        findings.push_back(
            {"", "--ready-file " + options.ready_file + ": cannot write into " + folder.string() +
                     ": " + std::generic_category().message(errno)}
        );
}

void check_evaluation_files(const AppOptions& options, Findings& findings) {
    if (!options.config.tls.certificate.empty()) return;
    if (const auto checked = check_evaluation(options.data, options.config.domain, now()); !checked)
        findings.push_back({"domain", checked.error()});
}

/// Of clients, and of other members.
std::vector<tls::CrlSources> all_crl_sources(const Config& config, const fs::path& data) {
    std::vector<tls::CrlSources> all{tls::client_crls(config.tls, data)};
    if (config.cluster.is_on()) all.push_back(tls::member_crls(config.cluster, data));
    return all;
}

/// Of lists that are read: which of them count, and whom they keep out.
void check_crl_uses(const Config& config, const fs::path& data, Findings& findings) {
    for (const tls::CrlSources& sources : all_crl_sources(config, data)) {
        const bool is_closed = sources.option == "tls.crl" && config.tls.crl_policy == "closed";
        add(findings, tls::check_crls(sources, is_closed));
    }
}

void check_crl_folders(const tls::CrlSources& sources, Findings& findings) {
    for (const std::string& source : sources.paths) {
        std::error_code unreadable;
        if (fs::is_directory(source, unreadable) && tls::find_files({source}).files.empty())
            findings.push_back(
                {sources.option,
                 sources.option + ": " + source +
                     " is a directory without any list in it: nothing is revoked by it",
                 true}
            );
    }
}

/// A folder that is not there yet is made by the first backup, where the one above it allows that.
void check_backups(const Config& config, Findings& findings) {
    if (config.backup.dir.empty()) return;
    fs::path path = config.backup.dir;
    std::error_code unreadable;
    while (!fs::exists(path, unreadable) && path.has_relative_path()) path = path.parent_path();
    std::string why;
    if (!fs::is_directory(path, unreadable))
        why = "is no directory";
    else if (::access(path.c_str(), W_OK | X_OK) != 0)
        why = std::generic_category().message(errno);
    if (!why.empty())
        findings.push_back(
            {"backup.dir", "backup.dir: " + path.string() + ": " + why + ": no backup can be made",
             true}
        );
}

/// Places that the exporter needs: the directory of a file, the socket of a daemon.
void check_export(const Config& config, Findings& findings) {
    const std::string& to = config.audit.export_to;
    if (to.empty()) return;
    if (const auto sink = audit::make_sink(to, xml::domain_to_ascii(config.domain)); !sink)
        return findings.push_back({"audit.export_to", sink.error()});
    const auto warn = [&](const fs::path& path) {
        findings.push_back(
            {"audit.export_to",
             "audit.export_to: " + path.string() + ": " + std::generic_category().message(errno) +
                 ": the records wait in the store until that is mended",
             true}
        );
    };
    if (to.starts_with("file:")) {
        std::error_code unreadable;
        if (fs::is_directory(to.substr(5), unreadable))
            return findings.push_back(
                {"audit.export_to", "audit.export_to: " + to.substr(5) + " is a directory, no file"}
            );
        const fs::path folder = fs::absolute(to.substr(5)).parent_path();
        if (::access(folder.c_str(), W_OK | X_OK) != 0) warn(folder);
    } else if (to.starts_with("unix:") && ::access(to.substr(5).c_str(), W_OK) != 0) {
        warn(to.substr(5));
    }
}

/// Empty: there are no accounts, or some are of the configured domain.
std::string why_other_domain(const storage::Snapshot& store, const AppOptions& options) {
    const std::string from(1, static_cast<char>(storage::Tag::Account));
    const std::string to(1, static_cast<char>(from.front() + 1));
    std::string other;
    bool is_ours = false;
    const auto look = [&](std::string_view key, const storage::Record&) {
        const auto account = xml::Jid::parse(key.substr(1));
        if (!account) return true;
        is_ours = account->domain() == options.config.domain;
        if (!is_ours) other = account->domain();
        return !is_ours;
    };
    if (const auto error = store.scan(storage::Family::Control, from, to, false, look))
        return "the accounts cannot be read: " + error.message();
    if (is_ours || other.empty()) return {};
    return "the data in " + options.data.string() + " is of the domain " + other +
           ", and the configuration is of " + options.config.domain +
           ": no account could log in, and its topics would be those of another grid";
}

}   // namespace

Findings check_reload(const Config& config, const fs::path& data) {
    Findings findings;
    check_tls(config, findings);
    check_cluster_files(config, findings);
    for (const tls::CrlSources& sources : all_crl_sources(config, data))
        if (auto why = tls::unreadable_crl_source(sources); !why.empty())
            findings.push_back({sources.option, std::move(why)});
        else
            check_crl_files(sources, false, findings);
    check_crl_uses(config, data, findings);
    check_policy(config, findings);
    return findings;
}

Findings check_store(const storage::Snapshot& store, const AppOptions& options) {
    if (std::string why = why_other_domain(store, options); !why.empty())
        return {{"domain", std::move(why)}};
    if (std::string why = why_no_evaluation(store, options); !why.empty())
        return {{"", std::move(why)}};
    const std::string why = why_still_evaluation(store, options);
    if (why.empty()) return {};
    const bool has_certificate = !options.config.tls.certificate.empty();
    return {{has_certificate ? "tls.certificate" : "tls.client_ca", why}};
}

Findings check_store_clock(const storage::Snapshot& store) {
    constexpr storage::Millis tolerated = 60'000;
    storage::Millis newest = 0;
    const auto error = store.scan(
        storage::Family::Audit, "", "", true,
        [&newest](std::string_view, const storage::Record& record) {
            newest = record.time;
            return false;
        }
    );
    if (error || newest <= now() + tolerated) return {};
    return {
        {"",
         "the newest record of the audit is of " + xml::to_datetime(newest) + ", our clock says " +
             xml::to_datetime(now()) + ": the clock was set back",
         true}
    };
}

Findings check_startup(const AppOptions& options) {
    const Config& config = options.config;
    Findings findings = check_values(config);
    for (const std::string& remark : config.origin.remarks) findings.push_back({"", remark, true});
    check_clock(findings);
    check_tls(config, findings);
    check_cluster_files(config, findings);
    const auto lists = all_crl_sources(config, options.data);
    for (const tls::CrlSources& sources : lists) check_crl_files(sources, true, findings);
    check_policy(config, findings);
    for (const tls::CrlSources& sources : lists)
        if (auto why = tls::unreadable_crl_source(sources); !why.empty())
            findings.push_back({sources.option, std::move(why)});
    check_static_files(config, findings);
    for (const tls::CrlSources& sources : lists) check_crl_folders(sources, findings);
    check_crl_uses(config, options.data, findings);
    check_export(config, findings);
    check_backups(config, findings);
    check_descriptors(config, findings);
    check_listening(options, findings);
    check_ready_file(options, findings);
    check_room(options, findings);
    if (std::string why = why_unusable(options.data); !why.empty()) {
        findings.push_back({"", std::move(why)});
        return findings;   // the files inside cannot be looked at
    }
    check_administrators_file(options, findings);
    check_evaluation_files(options, findings);
    return findings;
}

}   // namespace grid::server
