// server/app.cpp: puts the program together, top to bottom, and takes it apart in the same order.
#include "server/app.hpp"

#include <boost/asio.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "server/administrators.hpp"
#include "server/audit/exporter.hpp"
#include "server/audit/keeper.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/complain.hpp"
#include "server/data_directory.hpp"
#include "server/descriptors.hpp"
#include "server/evaluation.hpp"
#include "server/evaluation_end.hpp"
#include "server/grid/grid.hpp"
#include "server/guarded_run.hpp"
#include "server/http/backend.hpp"
#include "server/http/probe.hpp"
#include "server/http/server.hpp"
#include "server/log.hpp"
#include "server/open_store.hpp"
#include "server/ready_file.hpp"
#include "server/reload.hpp"
#include "server/server_info.hpp"
#include "server/services/services.hpp"
#include "server/stamp.hpp"
#include "server/startup_check.hpp"
#include "server/tls/context.hpp"
#include "server/tls/revocation/trust.hpp"
#include "server/version.hpp"
#include "xml/domain.hpp"

namespace grid::server {

namespace asio = boost::asio;

namespace {

constexpr auto drain_seconds_max = std::chrono::seconds(5);

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

/// Without certificates of the operator's own: an evaluation, in which every certificate of the
/// evaluation CA (made on this machine only) may do everything.
bool prepare_evaluation(AppOptions& options, Log& log) {
    using controller::pki::Administrator;
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

class App {
public:
    App(AppOptions options, Log& log)
        : options_(std::move(options)),
          log_(log),
          is_evaluation_(prepare_evaluation(options_, log)),
          addresses_(options_.config),
          xmpp_tls_(must(tls::make_context(config().tls, tls::Use::Xmpp))),
          http_tls_(must(tls::make_context(config().tls, tls::Use::Http))),
          store_(must(open_store(options_, log))) {
        if (!is_evaluation_)
            for (const Finding& finding : check_store(*store_->snapshot(), options_))
                throw CannotStart(to_text(finding, config()));
        trust_.emplace(context_, config(), xmpp_tls_.get(), http_tls_.get(), log, options_.data);
        services::register_version(server_iqs_);
        services::register_server_disco(server_iqs_, addresses_, takes_incidents());
        services::register_account(account_iqs_);
        grid_.emplace(context_, *store_, config(), addresses_, server_iqs_, account_iqs_, log);
        grid_->set_revoked(trust_->revoked());
        grid_->controller().attach(&trust_->chains());
        start_export();
        administrators_.emplace(context_, options_.data, config().domain, *grid_, log);
        auto administrators = configured_administrators(config());
        for (auto& jid : administrators_->read()) administrators.push_back(std::move(jid));
        const auto policy = policy_text(config(), is_evaluation_);
        must(grid_->start(context_, policy, administrators));
        keeper_ = std::make_shared<StoreKeeper>(
            context_, *store_, StoreKeeper::Seconds(config().storage.reopen_after_seconds), log
        );
        audit_keeper_ =
            std::make_shared<audit::Keeper>(context_, *store_, *grid_, config().audit, log);
        reload_.emplace(
            Reload::Parts{options_, is_evaluation_, *grid_, *trust_, xmpp_tls_, http_tls_, log}
        );
        info_.emplace(*store_, *keeper_, grid_->sessions());
        info_->problems = [this] { return trust_->problems(); };
        backend_.emplace(*grid_, *store_, *info_);
        shared_.emplace(c2s::Shared{
            config(), *grid_, log, xmpp_tls_.get(), services::caps_hash(takes_incidents()),
            trust_->vetting()
        });
        acceptor_ = std::make_shared<c2s::Acceptor>(*shared_);
        open_listeners();
    }

    int run();

private:
    const Config& config() const { return options_.config; }
    bool takes_incidents() const { return !config().controller.incident_topic.empty(); }
    void start_export();
    void open_listeners();
    std::unique_ptr<net::Listener> open(const std::string& name, const std::string& address);
    void wait_for_reload();
    void on_signal();
    void drain(std::chrono::steady_clock::time_point until);

    AppOptions options_;
    Log& log_;
    bool is_evaluation_;
    Addresses addresses_;
    tls::Renewal xmpp_tls_, http_tls_;
    std::unique_ptr<storage::Store> store_;
    IqTable server_iqs_, account_iqs_;
    asio::io_context context_;
    std::optional<tls::Trust> trust_;
    std::optional<Grid> grid_;
    std::optional<AdministratorsFile> administrators_;
    std::shared_ptr<StoreKeeper> keeper_;
    std::shared_ptr<audit::Keeper> audit_keeper_;
    std::optional<audit::Exporter> exporter_;
    std::optional<ProcessInfo> info_;
    std::optional<http::Backend> backend_;
    std::optional<c2s::Shared> shared_;
    std::shared_ptr<c2s::Acceptor> acceptor_;
    std::unique_ptr<net::Listener> c2s_, c2s_tls_, http_listener_, health_listener_;
    std::optional<http::HttpServer> http_;
    std::optional<http::ProbeServer> probes_;
    std::optional<Reload> reload_;
    asio::signal_set signals_{context_, SIGINT, SIGTERM};
    asio::signal_set reload_signals_{context_, SIGHUP};
    asio::steady_timer drain_timer_{context_};
};

std::unique_ptr<net::Listener> App::open(const std::string& name, const std::string& address) {
    if (address.empty()) return nullptr;
    auto listener = must(net::Listener::open(context_, address));
    info_->constant.listeners.emplace_back(name, listener->address());
    log_.info("listening", {{"listener", name}, {"address", listener->address()}});
    return listener;
}

/// Before anything is committed: the first record is handed on, too.
void App::start_export() {
    if (config().audit.export_to.empty()) return;
    auto sink =
        must(audit::make_sink(config().audit.export_to, xml::domain_to_ascii(config().domain)));
    exporter_.emplace(*store_, std::move(sink), options_.data / "audit-export.position", log_);
    exporter_->start();
}

void App::open_listeners() {
    info_->constant.version = version;
    info_->constant.domain = addresses_.server().str();
    info_->constant.is_evaluation = is_evaluation_;
    info_->constant.started = now();
    c2s_ = open("c2s", config().listen.c2s);
    c2s_tls_ = open("c2s_tls", config().listen.c2s_tls);
    http_listener_ = open("http", config().listen.http);
    if (http_listener_)
        http_.emplace(context_, *backend_, http_tls_.get(), config(), log_, trust_->vetting());
    health_listener_ = open("health", config().listen.health);
    probes_.emplace(context_, *backend_, log_);
    must(probes_->open_socket(options_.data));
}

int App::run() {
    if (c2s_) acceptor_->listen(*c2s_, false);
    if (c2s_tls_) acceptor_->listen(*c2s_tls_, true);
    if (http_) http_->start(*http_listener_);
    probes_->start_socket();
    if (health_listener_) probes_->start(*health_listener_);
    administrators_->watch();
    keeper_->start();
    audit_keeper_->start();
    trust_->start(
        [this](std::vector<std::string> links) { grid_->revoke(std::move(links)); },
        [this](std::string link, std::function<void(bool)> done) {
            grid_->find_certificate(std::move(link), std::move(done));
        }
    );
    write_ready_files(options_.data, options_.ready_file, info_->constant);
    log_.info("ready", {{"domain", info_->constant.domain}, {"version", version}});
    on_signal();
    wait_for_reload();

    auto threads = config().reactor.threads;
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < threads; ++i)
        others.emplace_back([this] { run_guarded(context_, log_); });
    run_guarded(context_, log_);
    for (auto& thread : others) thread.join();
    if (exporter_) exporter_->stop();
    audit::log_head(*store_->snapshot(), log_);
    store_.reset();   // finishes the group in flight; its feed reaches no session any more
    remove_ready_files(options_.data, options_.ready_file);
    log_.info("stopped");
    return 0;
}

/// A closed terminal sends SIGHUP, too: the server goes on.
void App::wait_for_reload() {
    reload_signals_.async_wait([this](boost::system::error_code error, int) {
        if (error) return;
        guarded(log_, "reload", [this] { reload_->run(); });
        wait_for_reload();
    });
}

/// First signal: no new clients, a goodbye to all sessions, then the end. Second: at once.
void App::on_signal() {
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (error) return;
        reload_signals_.cancel();
        log_.info("stopping", {{"connections", std::to_string(acceptor_->connections())}});
        for (auto* listener :
             {c2s_.get(), c2s_tls_.get(), http_listener_.get(), health_listener_.get()})
            if (listener) listener->close();
        if (http_) http_->close();
        probes_->close();
        administrators_->stop();
        keeper_->stop();
        audit_keeper_->stop();
        trust_->stop();
        acceptor_->close_all({"system-shutdown", "the server is shutting down", {}});
        drain(std::chrono::steady_clock::now() + drain_seconds_max);
        signals_.async_wait([](boost::system::error_code again, int) {
            if (!again) std::_Exit(1);
        });
    });
}

void App::drain(std::chrono::steady_clock::time_point until) {
    if (acceptor_->connections() == 0 || std::chrono::steady_clock::now() >= until) {
        grid_->stop([this] { context_.stop(); });
        return;
    }
    drain_timer_.expires_after(std::chrono::milliseconds(20));
    drain_timer_.async_wait([this, until](boost::system::error_code) { drain(until); });
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
        App app(std::move(options), log);
        return app.run();
    } catch (const std::exception& error) {
        complain(error.what());
        return 1;
    }
}

}   // namespace grid::server
