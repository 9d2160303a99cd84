// server/app.cpp: puts the program together, top to bottom, and takes it apart in the same order.
#include "server/app.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "controller/state.hpp"
#include "server/audit/exporter.hpp"
#include "server/audit/keeper.hpp"
#include "server/backup/backups.hpp"
#include "server/bulk/file_store.hpp"
#include "server/bulk/proxy.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/clock.hpp"
#include "server/cluster/cluster.hpp"
#include "server/cluster/directory.hpp"
#include "server/cluster/files/shared_files.hpp"
#include "server/complain.hpp"
#include "server/core/core.hpp"
#include "server/guarded_run.hpp"
#include "server/http/backend.hpp"
#include "server/http/probe.hpp"
#include "server/http/server.hpp"
#include "server/log.hpp"
#include "server/metrics/collector.hpp"
#include "server/net/deadline.hpp"
#include "server/process/administrators.hpp"
#include "server/process/data_directory.hpp"
#include "server/process/descriptors.hpp"
#include "server/process/evaluation.hpp"
#include "server/process/evaluation_end.hpp"
#include "server/process/leave_watch.hpp"
#include "server/process/open_store.hpp"
#include "server/process/policy_file.hpp"
#include "server/process/ready_file.hpp"
#include "server/process/server_info.hpp"
#include "server/process/start_wait.hpp"
#include "server/process/startup_check.hpp"
#include "server/process/stopper.hpp"
#include "server/reload/reload.hpp"
#include "server/reload/reload_watch.hpp"
#include "server/services/contact.hpp"
#include "server/services/services.hpp"
#include "server/systemd/heartbeat.hpp"
#include "server/systemd/notifier.hpp"
#include "server/tls/context.hpp"
#include "server/tls/revocation/trust.hpp"
#include "server/version.hpp"
#include "xml/domain.hpp"

namespace grid::server {

namespace asio = boost::asio;

namespace {

constexpr auto drain_seconds_max = std::chrono::seconds(5);
constexpr auto http_drain_max = std::chrono::milliseconds(500);

/// Start-up failed: one line for the operator.
struct CannotStart : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void must(Result<void, std::string> result) {
    if (!result) throw CannotStart(result.error());
}

template <class T>
T must(Result<T, std::string> result) {
    if (!result) throw CannotStart(result.error());
    return std::move(*result);
}

/// Without certificates of the operator's own: an evaluation set-up, in which whoever holds a
/// certificate of the evaluation CA (made on this machine only) may do everything.
bool prepare_evaluation(AppOptions& options, Log& log) {
    using pki::Administrator;
    auto& config = options.config;
    if (!config.tls.certificate.empty()) return false;
    const bool is_own_ca = !config.tls.client_ca.empty();   // so are the accounts
    const auto administrator = is_own_ca ? Administrator::None : Administrator::Made;
    auto files = must(ensure_evaluation(options.data, config.domain, now(), administrator));
    config.tls.certificate = files.server_certificate;
    config.tls.key = files.server_key;
    if (is_own_ca) return false;
    config.tls.client_ca = files.client_ca;
    if (config.accounts.auto_approve.is_open()) config.accounts.auto_approve = true;
    const std::string approved = config.accounts.auto_approve.is_yes()
                                     ? "certificates of the CA in the data directory are approved "
                                       "by themselves"
                                     : "the CA is the one in the data directory";
    log.warn(
        "evaluation",
        {{"note", "EVALUATION: " + approved + "; set tls.certificate, tls.key and tls.client_ca"}}
    );
    return true;
}

std::optional<std::string> policy_text(const Config& config, bool is_evaluation) {
    if (!config.policy.file.empty()) return must(read_policy_file(config));
    if (!is_evaluation) return std::nullopt;
    return std::string(evaluation_policy);
}

/// Before the first file is opened: connections get the descriptors that the store does not need.
void divide_descriptors(AppOptions& options, Log& log) {
    const auto limit = raise_descriptor_limit();
    const auto plan = must(plan_descriptors(options.config, limit));
    options.store_files = plan.store_files;
    if (!plan.cut.empty())
        log.warn(
            "descriptors_short", {{"limit", std::to_string(limit)},
                                  {"cut", plan.cut},
                                  {"do", "raise the limit of open files (ulimit -n, LimitNOFILE)"}}
        );
}

/// Also when it was an evaluation once: its policy, administrator and CA are not taken along.
void refuse_leftovers(storage::Store& store, const AppOptions& options) {
    for (const Finding& finding : check_store(*store.snapshot(), options))
        throw CannotStart(to_text(finding, options.config));
}

/// Null: a grid of one server.
std::unique_ptr<cluster::Cluster> join_cluster(
    const AppOptions& options, StartWait& wait, Log& log
) {
    if (!options.config.cluster.is_on()) return nullptr;
    return must(cluster::Cluster::join(
        options.config, options.data, log, [&wait](const std::string& why) { wait.waits(why); }
    ));
}

std::unique_ptr<storage::Store> open_own_store(
    const AppOptions& options, cluster::Cluster* cluster, Log& log
) {
    if (cluster == nullptr) return must(open_store(options, log));
    return must(cluster->open_store(must(store_settings(options, log))));
}

/// The parts of a member of a cluster that stand on the grid; null without one.
struct ClusterParts {
    std::shared_ptr<cluster::Directory> directory;
    std::shared_ptr<cluster::SharedFiles> files;
};

std::shared_ptr<cluster::SharedFiles> share_files(
    asio::io_context& context, cluster::Cluster& cluster, const Config& config, Log& log
) {
    cluster::SharedFilesSettings settings;
    settings.bytes_per_second = config.cluster.files_bytes_per_second;
    settings.keeps_uploads = config.cluster.uploads == "elsewhere";
    auto files = cluster::SharedFiles::make(context, cluster.links(), settings, log);
    cluster.on_view = [files](controller::ClusterView& view) {
        const auto figures = files->figures();
        view.files_missing = figures.missing;
        view.files_missing_bytes = figures.missing_bytes;
        view.files_fetched = figures.fetched;
        view.files_fetched_bytes = figures.fetched_bytes;
    };
    return files;
}

/// Draining, and what else comes from the cluster.
ClusterParts attach_cluster(
    asio::io_context& context,
    cluster::Cluster& cluster,
    const Config& config,
    Core& core,
    Stopper& stopper,
    Log& log
) {
    core.attach(cluster);
    cluster.on_drain = [&core] { core.send_elsewhere(); };
    const auto leaving = std::make_shared<LeaveWatch>(context, cluster, core, stopper, log);
    cluster.on_leave = [leaving] { leaving->begin(); };
    cluster.on_needs_copy = [&core, &stopper] {
        core.post([&stopper] { stopper.stop(true, std::chrono::seconds(1)); });
    };
    cluster::DirectorySettings settings;
    settings.waits_until_told = cluster.acknowledges_everywhere();
    auto directory = cluster::Directory::make(core, cluster.links(), cluster.self(), log, settings);
    auto files = share_files(context, cluster, config, log);
    cluster.on_members = [directory, files](const std::vector<cluster::Member>& members) {
        directory->set_members(members);
        files->set_members(members);
    };
    cluster.on_member_lost = [directory](storage::MemberId member) {
        directory->member_lost(member);
    };
    cluster.on_lead = [directory](bool is_leading) { directory->lead(is_leading); };
    return {std::move(directory), std::move(files)};
}

std::unique_ptr<audit::Exporter> start_export(
    const AppOptions& options, storage::Store& store, cluster::Cluster* cluster, Log& log
) {
    const Config& config = options.config;
    if (config.audit.export_to.empty()) return nullptr;
    std::optional<audit::ExportTurn> turn;
    if (cluster != nullptr)
        turn = audit::ExportTurn{
            [cluster] { return cluster->leads(); },
            [cluster](std::uint64_t number) { cluster->tell_exported(number); },
            [cluster] { return cluster->exported(); }
        };
    auto sink = must(audit::make_sink(config.audit.export_to, xml::domain_to_ascii(config.domain)));
    auto exporter = std::make_unique<audit::Exporter>(
        store, std::move(sink), options.data / "audit-export.position", log, std::move(turn)
    );
    exporter->start();
    return exporter;
}

controller::ExportFacts facts_of(const audit::Exporter& exporter) {
    const audit::ExportStatus status = exporter.status();
    return {status.trouble, status.troubled.count(), status.waiting, status.lost};
}

std::vector<xml::Jid> all_administrators(const Config& config, AdministratorsFile& file) {
    auto all = configured_administrators(config);
    for (auto& jid : file.read()) all.push_back(std::move(jid));
    return all;
}

controller::ServerFacts constant_facts(const Addresses& addresses, bool is_evaluation) {
    controller::ServerFacts facts;
    facts.version = version;
    facts.domain = addresses.server().str();
    facts.is_evaluation = is_evaluation;
    facts.started = now();
    return facts;
}

/// The ports that are configured, open but not taking connections yet.
struct Listeners {
    Listeners(
        asio::io_context& context, const Config::Listen& addresses, ProcessInfo& info, Log& log
    )
        : c2s(open(context, "c2s", addresses.c2s, info, log)),
          c2s_tls(open(context, "c2s_tls", addresses.c2s_tls, info, log)),
          http(open(context, "http", addresses.http, info, log)),
          health(open(context, "health", addresses.health, info, log)),
          metrics(open(context, "metrics", addresses.metrics, info, log)),
          socks5(open(context, "socks5", addresses.socks5, info, log)),
          component(open(context, "component", addresses.component, info, log)) {}

    void close() {
        for (auto* listener :
             {c2s.get(), c2s_tls.get(), http.get(), health.get(), metrics.get(), socks5.get(),
              component.get()})
            if (listener) listener->close();
    }

    std::unique_ptr<net::Listener> c2s, c2s_tls, http, health, metrics, socks5,
        component;   // null: not configured

private:
    static std::unique_ptr<net::Listener> open(
        asio::io_context& context,
        const std::string& name,
        const std::string& address,
        ProcessInfo& info,
        Log& log
    ) {
        if (address.empty()) return nullptr;
        auto listener = must(net::Listener::open(context, address));
        info.constant.listeners.emplace_back(name, listener->address());
        log.info("listening", {{"listener", name}, {"address", listener->address()}});
        return listener;
    }
};

/// Where clients reach the proxy of byte streams, as configured or as it is.
void announce_proxy(
    bulk::ByteStreams& streams, const Config& config, const net::Listener& listener
) {
    const std::string address = listener.address();
    const auto own_port = std::stoul(address.substr(address.rfind(':') + 1));
    streams.set_address(
        config.bulk.proxy_host.empty() ? xml::domain_to_ascii(config.domain)
                                       : config.bulk.proxy_host,
        static_cast<std::uint16_t>(config.bulk.proxy_port == 0 ? own_port : config.bulk.proxy_port)
    );
}

/// SIGHUP reloads. The first SIGINT or SIGTERM stops the program, the second one at once.
class Signals {
public:
    explicit Signals(asio::io_context& context) : stop_(context), reload_(context) {
        stop_.add(SIGINT);
        stop_.add(SIGTERM);
        reload_.add(SIGHUP);
    }

    /// A closed terminal sends SIGHUP, too: the server goes on.
    void on_reload(const std::function<void()>& reload) {
        reload_.async_wait([this, reload](boost::system::error_code error, int) {
            if (error) return;
            reload();
            on_reload(reload);
        });
    }
    void on_stop(std::function<void()> stop) {
        stop_.async_wait([this, stop = std::move(stop)](boost::system::error_code error, int) {
            if (error) return;
            reload_.cancel();
            stop();
            stop_.async_wait([](boost::system::error_code again, int) {
                if (!again) std::_Exit(1);
            });
        });
    }
    /// The reactor has ended, and would hear no signal that asks for the end of the process: it
    /// ends it at once, whether it is the second one or comes when a restart closes the store.
    void leave_to_system() {
        boost::system::error_code ignored;
        stop_.clear(ignored);
    }

private:
    asio::signal_set stop_, reload_;
};

std::string environment_of(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// Beats for the service manager's watchdog; without one they keep its status line fresh.
std::shared_ptr<systemd::Heartbeat> make_heartbeat(
    asio::io_context& context, Core& core, systemd::Notifier& notifier, const std::string& domain
) {
    if (!notifier.is_on()) return nullptr;
    const auto limit = systemd::watchdog_limit(
        environment_of("WATCHDOG_USEC"), environment_of("WATCHDOG_PID"), ::getpid()
    );
    constexpr std::chrono::microseconds status_every = std::chrono::seconds(30);
    return std::make_shared<systemd::Heartbeat>(
        context, [&core](std::function<void()> work) { core.post(std::move(work)); },
        [&core, &notifier, domain] {
            notifier.beat(
                "serving " + domain + ": " + std::to_string(core.sessions().size()) + " sessions"
            );
        },
        limit ? std::min(*limit / systemd::beats_in_limit, status_every) : status_every
    );
}

bool keeps_files(const Config& config) {
    return config.controller.files.enabled && !config.listen.http.empty();
}

using bulk::FileFolder;
using bulk::FileForm;

/// A member of a cluster gives the bytes that an upload has brought so far a name of their own; a
/// server of its own takes it back. In a cluster a file that was completed when a crash came is
/// found by its hash later. `folder`: with parts apart.
void name_as_here(const FileFolder& folder, const controller::bulk::File& file, bool is_member) {
    const bool is_whole = folder.find(file.id, FileForm::Whole).has_value();
    if (is_member) {
        if (is_whole && !file.is_complete) folder.turn(file.id, FileForm::Whole, FileForm::Part);
        return;
    }
    const auto is_it = [&](FileForm form) {
        if (!file.is_complete) return form == FileForm::Part && folder.find(file.id, form);
        if (folder.find(file.id, form) != file.size) return false;
        const auto hash = folder.hash_of(file.id, form);
        return hash && *hash == file.hash;
    };
    for (const FileForm form : {FileForm::Part, FileForm::Copy}) {
        const bool is_here = folder.find(file.id, FileForm::Whole).has_value();
        if (!is_here && is_it(form)) folder.turn(file.id, form, FileForm::Whole);
        folder.remove(file.id, form);
    }
}

/// By id, some at a time, so that a core with many files has other turns.
void list_files(Core& core, std::string after, const cluster::SharedFiles::Listed& done) {
    constexpr std::size_t looked_at_once = 256;
    core.post([&core, after = std::move(after), done] {
        const auto& all = core.controller().state_for_admin().files.all();
        std::vector<bulk::KnownFile> some;
        std::size_t looked = 0;
        auto at = all.upper_bound(after);
        std::string last;
        for (; at != all.end() && looked < looked_at_once; ++at, ++looked) {
            last = at->first;
            if (at->second.is_complete)
                some.push_back({at->second.id, at->second.size, at->second.hash});
        }
        done(std::move(some), at == all.end() ? std::nullopt : std::optional(last));
    });
}

/// The bytes of files. Those that a crash has left there without a record are removed.
std::shared_ptr<bulk::FileStore> open_files(
    const AppOptions& options,
    Core& core,
    const std::shared_ptr<cluster::SharedFiles>& shared,
    Log& log
) {
    const Config& config = options.config;
    if (!keeps_files(config)) return nullptr;
    using Parts = FileFolder::Parts;
    auto folder = must(FileFolder::open(options.data, shared ? Parts::Apart : Parts::Together));
    const auto apart = must(FileFolder::open(options.data, Parts::Apart));
    auto store = std::make_shared<bulk::FileStore>(
        std::move(folder), config.files.threads, config.files.free_bytes_min
    );
    const auto& known = core.controller().state_for_admin().files;
    std::size_t removed = 0;
    for (const std::string& name : store->folder().names()) {
        const std::string id(FileFolder::id_in(name));
        if (const auto* file = known.find(id)) {
            const bool is_member = shared != nullptr, is_apart = name != id;
            if (is_member != is_apart) name_as_here(apart, *file, is_member);
            continue;
        }
        apart.remove(id);
        ++removed;
    }
    if (removed != 0) log.info("files_without_record", {{"removed", std::to_string(removed)}});
    Core::FileWatch watch{[store](const std::string& id) { store->remove(id); }, {}};
    if (shared) {
        watch.removed = [store, shared](const std::string& id) {
            store->remove(id);
            shared->removed(id);
        };
        watch.completed = [shared](const controller::bulk::File& file) {
            shared->completed({file.id, file.size, file.hash});
        };
        store->attach(shared);
        shared->start(*store, [&core](std::string after, const auto& done) {
            list_files(core, std::move(after), done);
        });
    }
    core.watch_files(std::move(watch));
    return store;
}

/// `https://DOMAIN:PORT`, of the port that is open.
std::string files_url(const Config& config, const std::string& http_address) {
    return "https://" + xml::domain_to_ascii(config.domain) +
           http_address.substr(http_address.rfind(':'));
}

std::vector<std::string> all_problems(tls::Trust& trust, const cluster::Cluster* cluster) {
    std::vector<std::string> all = trust.problems();
    if (cluster == nullptr) return all;
    for (std::string& problem : cluster->problems()) all.push_back(std::move(problem));
    return all;
}

backup::BackupSettings backup_settings(const AppOptions& options, bool is_evaluation) {
    const Config& config = options.config;
    return {options.data,  config.backup.dir, config.backup.keep, config.storage.free_bytes_min,
            config.domain, version,           is_evaluation};
}

/// Connections have a while to take their goodbye; then the core has its last word.
void drain(
    asio::steady_timer& timer,
    std::chrono::steady_clock::time_point until,
    const std::function<bool()>& is_done,
    const std::function<void()>& then
) {
    if (is_done() || std::chrono::steady_clock::now() >= until) return then();
    timer.expires_after(std::chrono::milliseconds(20));
    timer.async_wait([&timer, until, is_done, then](boost::system::error_code) {
        drain(timer, until, is_done, then);
    });
}

/// Handlers that have not run when the context is stopped hold connections, sessions and their
/// work, which refer to the parts of the program; `shutdown` takes them away while these are still
/// there.
struct Context : asio::io_context {
    using asio::io_context::shutdown;
};

/// Until the context is stopped.
void run_threads(asio::io_context& context, std::uint32_t threads, Log& log) {
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < threads; ++i)
        others.emplace_back([&context, &log] { run_guarded(context, log); });
    run_guarded(context, log);
    for (auto& thread : others) thread.join();
}

/// Clients are taken when the other members wait for this one. Those that connect before wait in
/// the queue of the socket; where etcd is not heard they are taken all the same, and hear why.
asio::awaitable<void> open_when_waited_for(
    const cluster::Cluster& cluster, std::function<void()> open
) {
    constexpr auto within = std::chrono::seconds(4);
    constexpr auto look_every = std::chrono::milliseconds(20);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto until = std::chrono::steady_clock::now() + within;
    while (!cluster.is_waited_for() && std::chrono::steady_clock::now() < until) {
        timer.expires_after(look_every);
        co_await timer.async_wait(net::no_throw);
    }
    open();
}

/// The program: each part stands on the parts above it, and outlives the parts below it. True: an
/// administrator wants it started again.
/// One page, however long: the order of the parts is what a reader looks for here.
// NOLINTNEXTLINE(readability-function-size)
bool run_program(AppOptions& options, Log& log) {
    const bool is_evaluation = prepare_evaluation(options, log);
    const Config& config = options.config;
    const services::ServerServices configured{
        !config.controller.incident_topic.empty(),
        config.controller.offline.messages_max != 0,
        config.controller.archive.messages,
        config.pubsub.personal.is_on,
        config.sasl.passwords,
        !config.listen.socks5.empty(),
        keeps_files(config),
        config.contact,
        config.external
    };
    const Addresses addresses(config);

    tls::Renewal xmpp_tls(must(tls::make_context(config.tls, tls::Use::Xmpp)));
    tls::Renewal http_tls(must(tls::make_context(config.tls, tls::Use::Http)));
    systemd::Notifier notifier(environment_of("NOTIFY_SOCKET"));
    StartWait wait(config.listen, notifier, log);
    const auto cluster = join_cluster(options, wait, log);
    auto store = open_own_store(options, cluster.get(), log);
    wait.ends();
    if (!is_evaluation) refuse_leftovers(*store, options);
    Context context;
    // The context ends by stop() alone: a moment without work, also before it runs, would end it.
    const auto more_to_come = asio::make_work_guard(context);
    tls::Trust trust(context, config, xmpp_tls.get(), http_tls.get(), log, options.data);

    const IqTable server_iqs = services::of_server(addresses, configured);
    const IqTable account_iqs = services::of_account(configured);
    Core core(context, *store, config, addresses, server_iqs, account_iqs, log);
    core.set_revoked(trust.revoked());
    core.controller().attach(&trust.chains());
    Stopper stopper(context, log);
    core.controller().attach(stopper);
    const auto parts =
        cluster ? attach_cluster(context, *cluster, config, core, stopper, log) : ClusterParts{};
    cluster::Cluster::Leaving leaving(cluster.get());
    // Before anything is committed: the audit's first record is exported, too.
    const auto exporter = start_export(options, *store, cluster.get(), log);
    AdministratorsFile administrators(context, options.data, config.domain, core, log);
    must(core.start(
        context, policy_text(config, is_evaluation), all_administrators(config, administrators)
    ));

    const auto keeper = std::make_shared<StoreKeeper>(
        context, *store, StoreKeeper::Seconds(config.storage.reopen_after_seconds), log
    );
    const auto audit_keeper =
        std::make_shared<audit::Keeper>(context, *store, core, config.audit, log);
    Reload reload({options, is_evaluation, core, trust, xmpp_tls, http_tls, log, notifier});
    if (cluster) {
        reload.renew_cluster_by([&cluster] { return cluster->prepare_renewal(); });
        reload.tell_client_cas_by([&cluster](const auto& file) { cluster->tell_client_cas(file); });
    }
    ReloadWatch reload_watch(reload, log);
    stopper.reload_by = [&reload](const pubsub::Principal& by) {
        return reload.try_run(by, by.jid.bare().str());
    };
    ProcessInfo info(*store, *keeper, core.sessions(), core.flood_counts());
    info.constant = constant_facts(addresses, is_evaluation);
    if (exporter) info.audit_export = [&exporter] { return facts_of(*exporter); };
    info.problems = [&trust, &cluster] { return all_problems(trust, cluster.get()); };
    backup::Backups backups(*store, backup_settings(options, is_evaluation), log);
    info.backup_control = &backups;
    info.cluster_control = cluster.get();

    const c2s::Shared shared{
        config,
        core,
        log,
        xmpp_tls.get(),
        services::caps_hash(server_iqs, services::contact_forms(config.contact)),
        trust.vetting()
    };
    const auto acceptor = std::make_shared<c2s::Acceptor>(shared);
    const metrics::Collector collector(
        {core, *store, info, *acceptor, log,
         [&] {
             std::vector all{
                 metrics::Expiry{"xmpp", tls::expiry_of(xmpp_tls.newest().get())},
                 metrics::Expiry{"http", tls::expiry_of(http_tls.newest().get())}
             };
             if (cluster) all.push_back({"cluster", cluster->certificate_expires()});
             return all;
         }}
    );
    const auto hub = std::make_shared<live::Hub>(context, core, *store);
    hub->start();
    http::Backend backend(core, *store, info, collector, hub);
    backend.attach(backups);
    Listeners listeners(context, config.listen, info, log);
    if (cluster) info.constant.listeners.emplace_back("cluster", cluster->links().address());
    http::HttpServer https(context, backend, http_tls.get(), config, log, trust.vetting());
    https.attach(acceptor);
    must(https.read_files());
    const auto files = open_files(options, core, parts.files, log);
    https.attach(files);
    if (files) backups.attach([files] { return files->hold_removals(); });
    if (listeners.http)
        core.controller().set_files_url(files_url(config, listeners.http->address()));
    http::ProbeServer probes(context, backend, log);
    must(probes.open_socket(options.data));

    bulk::Proxy proxy(
        {config, core.byte_streams(), core.transfers(),
         [&core](std::function<void()> work) { core.post(std::move(work)); }, xmpp_tls.get(),
         trust.vetting(), log}
    );
    if (listeners.socks5) announce_proxy(core.byte_streams(), config, *listeners.socks5);

    if (listeners.health) probes.start(*listeners.health, false);
    if (listeners.metrics) probes.start(*listeners.metrics, true);
    probes.start_socket();
    std::once_flag opened;   // not behind a stop
    const auto open = [&] {
        if (listeners.socks5) proxy.start(*listeners.socks5);
        if (listeners.c2s) acceptor->listen(*listeners.c2s, TransportKind::StartTls);
        if (listeners.c2s_tls) acceptor->listen(*listeners.c2s_tls, TransportKind::DirectTls);
        if (listeners.component) acceptor->listen(*listeners.component, TransportKind::Component);
        if (listeners.http) https.start(*listeners.http);
        if (cluster) cluster->open_to_clients();
    };
    if (cluster) {
        cluster->tell_client_cas(config.tls.client_ca);
        asio::co_spawn(
            context, open_when_waited_for(*cluster, [&] { std::call_once(opened, open); }),
            asio::detached
        );
    } else {
        open();
    }
    administrators.watch();
    keeper->start();
    audit_keeper->start();
    trust.start(
        [&core](std::vector<std::string> links) { core.revoke(std::move(links)); },
        [&core](std::string link, std::function<void(bool)> done) {
            core.find_certificate(std::move(link), std::move(done));
        }
    );

    asio::steady_timer drain_timer(context);
    Signals signals(context);
    signals.on_reload([&reload_watch] { reload_watch.signalled(); });
    const auto heartbeat = make_heartbeat(context, core, notifier, info.constant.domain);
    std::once_flag stopped;   // a signal and an administrator may both ask for it
    const auto stop = [&] {
        log.info("stopping", {{"connections", std::to_string(acceptor->connections())}});
        reload.stop();
        reload_watch.stop();
        // Behind them, whose last word is READY. A process that starts itself again goes on under
        // the same id.
        stopper.restarts() ? notifier.reloading() : notifier.stopping();
        if (heartbeat) heartbeat->stop();
        std::call_once(opened, [] {});
        listeners.close();
        https.close();
        probes.close();
        proxy.close();
        administrators.stop();
        keeper->stop();
        audit_keeper->stop();
        trust.stop();
        acceptor->close_all({"system-shutdown", "the server is shutting down", {}});
        const auto now = std::chrono::steady_clock::now();
        // Streams of events end in order; files that are under way go on another time.
        const auto is_done = [&, until = now + http_drain_max] {
            return acceptor->connections() == 0 &&
                   (https.connections() == 0 || std::chrono::steady_clock::now() >= until);
        };
        drain(drain_timer, now + drain_seconds_max, is_done, [&] {
            core.stop([&context] { context.stop(); });
        });
    };
    stopper.end = [&] { std::call_once(stopped, stop); };
    signals.on_stop([&] {
        stopper.end_for_good();
        notifier.stopping();   // where a restart was under way
    });
    write_ready_files(options.data, options.ready_file, info.constant);
    log.info("ready", {{"domain", info.constant.domain}, {"version", version}});
    notifier.ready();
    if (heartbeat) heartbeat->start();
    reload_watch.start();
    run_threads(context, config.reactor.threads, log);
    signals.leave_to_system();
    proxy.stop();
    context.shutdown();

    backups.stop();
    if (parts.files) parts.files->stop();
    if (files) files->stop();
    if (exporter) exporter->stop();
    audit::log_head(*store->snapshot(), log);
    if (cluster) {
        cluster->leave();
        parts.directory->stop();
    }
    store.reset();   // finishes the group in flight; its feed has nobody to reach any more
    remove_ready_files(options.data, options.ready_file);
    log.info("stopped");
    return stopper.restarts();
}

}   // namespace

/// Ignores signals that would end a process by default and mean nothing here. SIGHUP until there is
/// a part to reload; a reader of our log that goes away is SIGPIPE; a file that may not grow is an
/// error of that write.
void ignore_signals() {
    for (int signal :
         {SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ,
          SIGTTIN, SIGTTOU}) {
        struct sigaction present{};
        ::sigaction(signal, nullptr, &present);
        if (present.sa_handler == SIG_DFL) std::signal(signal, SIG_IGN);   // else it has a use
    }
}

/// False: the server cannot start, and the operator was told why, as by --check.
bool is_good(const AppOptions& options, Log& log) {
    Findings findings = check_startup(options);
    // Before a CA and an administrator are made.
    if (!has_errors(findings) && would_make_evaluation(options))
        if (const auto store = look_at_store(options); store && *store)
            for (auto& finding : check_store(**store, options))
                findings.push_back(std::move(finding));
    for (const Finding& finding : findings)
        if (!finding.is_warning) complain(to_text(finding, options.config));
    if (has_errors(findings)) return false;
    for (const Finding& finding : findings)
        log.warn("configuration", {{"warning", to_text(finding, options.config)}});
    return true;
}

int run_app(AppOptions options) {
    ignore_signals();
    Log log(options.config.log);
    try {
        if (!is_good(options, log)) return 1;
        divide_descriptors(options, log);
        secure_data_directory(options.data, log);
        const std::string program = own_program();
        if (!run_program(options, log)) return 0;
        log.info("restart", {{"program", program}});
        complain("cannot start again: " + run_again(program, options.arguments));
        return 1;
    } catch (const std::exception& error) {
        complain(error.what());
        return 1;
    }
}

}   // namespace grid::server
