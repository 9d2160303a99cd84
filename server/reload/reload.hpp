// server/reload/reload.hpp: files that are read anew while the server runs.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "controller/process_control.hpp"
#include "server/config/check.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "server/process/options.hpp"
#include "server/reload/file_names.hpp"
#include "server/systemd/notifier.hpp"
#include "server/tls/renewal.hpp"
#include "server/tls/revocation/trust.hpp"

namespace grid::server {

/// Configuration, certificates, keys, the clients' CAs, revocation lists, the policy file. All of
/// it is checked first: with any mistake all stays as it was. Sessions go on; connections from then
/// on see what is new. Options that need a restart are named. Each reload is in the log and on
/// record, whatever came of it. Any thread that may wait for files and for the store, except the
/// core strand's.
class Reload {
public:
    struct Parts {
        const AppOptions& options;   // as the server was started
        bool is_evaluation;
        Core& core;
        tls::Trust& trust;
        tls::Renewal& xmpp;
        tls::Renewal& http;
        Log& log;
        systemd::Notifier& notifier;
    };
    explicit Reload(Parts parts);
    /// Of a member of a cluster: the step that puts the files of links and etcd in force, which
    /// cannot fail, or the mistake. Before the first reload.
    using Renew = std::function<Result<std::function<void()>, std::string>()>;
    void renew_cluster_by(Renew renew) { renew_cluster_ = std::move(renew); }
    /// Of a member, too: hears the file of CAs (tls.client_ca) that is in force from now on.
    using Tell = std::function<void(const std::string& file)>;
    void tell_client_cas_by(Tell tell) { tell_client_cas_ = std::move(tell); }

    /// `why`: what asked for it, for the log and the record.
    controller::ReloadReport run(const pubsub::Principal& by, const std::string& why);
    /// The same, unless one is under way: then that is the mistake.
    controller::ReloadReport try_run(const pubsub::Principal& by, const std::string& why);
    /// A reload that is under way has ended, and from now on each is refused.
    void stop();

    /// Whether a change of a file is to be taken by itself (reload.on_change).
    bool is_on_change() const { return is_on_change_; }
    /// All that is read by a reload, as it was configured the last time.
    std::vector<std::string> files() const;
    /// Of them, those that changed since they were read, or tried, the last time.
    std::vector<std::string> changed_files() const;

private:
    using Report = controller::ReloadReport;
    /// Everything that is made before anything is put in force.
    struct Prepared {
        tls::Context xmpp, http;   // null: the same as before
        std::string certificates;
        std::string cluster_files;
        std::function<void()> renew_cluster;   // null: the same as before
        std::string policy;
    };

    Report run_alone(const pubsub::Principal& by, const std::string& why);
    Report read_and_take();
    Prepared prepare(const Config& next, Report& report) const;
    std::string replace_policy(const std::string& text) const;
    void take(const Config& next, Prepared prepared, Report& report);
    void compare(Config& next, Report& report);
    void look_at(const std::vector<std::string>& names, FileStamps stamps);
    void tell(const Report& report, const pubsub::Principal& by, const std::string& why) const;

    Parts parts_;
    Renew renew_cluster_;
    Tell tell_client_cas_;
    std::mutex running_;
    Config config_;   // with the values that the process has
    std::string certificates_, cluster_files_, policy_, crl_;
    std::atomic<bool> is_on_change_, is_stopped_ = false;
    mutable std::mutex mutex_;   // of the two below
    std::vector<std::string> files_;
    FileStamps seen_;
};

}   // namespace grid::server
