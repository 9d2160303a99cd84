// server/reload/reload.cpp: see reload.hpp.
#include "server/reload/reload.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <variant>

#include "server/config/options.hpp"
#include "server/process/administrators.hpp"
#include "server/process/descriptors.hpp"
#include "server/process/policy_file.hpp"
#include "server/process/startup_check.hpp"
#include "server/regular_file.hpp"

namespace grid::server {
namespace {

/// Options of which a reload takes another value; those of tls. make other contexts.
constexpr std::array tls_options{
    "tls.certificate",
    "tls.key",
    "tls.client_ca",
    "tls.min_version",
    "tls.ciphers",
    "tls.groups",
    "tls.require_client_certificate",
    "tls.staple",
    "tls.staple_responder"
};
constexpr std::array other_options{
    "policy.file", "accounts.administrators", "reload.on_change", "log.level"
};
constexpr auto commit_seconds_max = std::chrono::seconds(30);

bool is_of_tls(std::string_view key) {
    return std::ranges::find(tls_options, key) != tls_options.end();
}
bool is_taken_over(std::string_view key) {
    return is_of_tls(key) || std::ranges::find(other_options, key) != other_options.end();
}

/// To see a change; what cannot be read is refused by the checks.
std::string content(const std::string& file) {
    if (file.empty()) return {};
    auto text = read_regular_file(file);
    return text ? std::move(*text) : std::string();
}

std::string certificates_of(const Config::Tls& tls) {
    std::string all;
    for (const std::string& file : {tls.certificate, tls.key, tls.client_ca})
        all += content(file) + '\0';
    return all;
}

std::vector<std::string> names_of(const Config::Cluster& cluster) {
    std::vector<std::string> names;
    if (!cluster.is_on()) return names;
    for (const std::string& name :
         {cluster.ca, cluster.certificate, cluster.key, cluster.etcd_ca, cluster.etcd_certificate,
          cluster.etcd_key})
        if (!name.empty()) names.push_back(name);
    return names;
}

std::string cluster_files_of(const Config::Cluster& cluster) {
    std::string all;
    for (const std::string& file : names_of(cluster)) all += content(file) + '\0';
    return all;
}

std::vector<std::string> lists_of(const Config& config) {
    std::vector<std::string> names = config.tls.crl;
    if (config.cluster.is_on())
        names.insert(names.end(), config.cluster.crl.begin(), config.cluster.crl.end());
    return names;
}

std::string stamps_text(const FileStamps& stamps) {
    std::string all;
    for (const auto& [name, stamp] : stamps) all += name + '\0' + stamp + '\0';
    return all;
}

bool operator_equal(const Config::Mapping& a, const Config::Mapping& b) {
    return a.source == b.source && a.ca == b.ca;
}

template <class T>
bool is_same_value(const T& a, const T& b) {
    if constexpr (std::is_same_v<T, YesNoOr>)
        return a.text == b.text;
    else if constexpr (std::is_same_v<T, std::vector<Config::Mapping>>)
        return std::ranges::equal(a, b, operator_equal);
    else
        return a == b;
}

bool is_same(const Option& a, const Option& b) {
    return std::visit(
        [&](auto* value) { return is_same_value(*value, *std::get<decltype(value)>(b.target)); },
        a.target
    );
}

void copy(const Option& from, const Option& to) {
    std::visit([&](auto* value) { *std::get<decltype(value)>(to.target) = *value; }, from.target);
}

/// Where nothing of the operator's is configured, the evaluation's files stay.
void keep_evaluation(Config& next, const Config& started) {
    if (next.tls.certificate.empty()) {
        next.tls.certificate = started.tls.certificate;
        next.tls.key = started.tls.key;
    }
    if (next.tls.client_ca.empty()) next.tls.client_ca = started.tls.client_ca;
    if (next.accounts.auto_approve.is_open())
        next.accounts.auto_approve = started.accounts.auto_approve;
}

std::vector<std::string> files_of(const Config& config) {
    std::vector<std::string> names = config.origin.files;
    for (const std::string& name :
         {config.tls.certificate, config.tls.key, config.tls.client_ca, config.policy.file})
        if (!name.empty()) names.push_back(name);
    for (const auto& more : {names_of(config.cluster), lists_of(config)})
        names.insert(names.end(), more.begin(), more.end());
    return names;
}

std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
}

std::string line_of(const controller::ReloadReport::Remark& remark) {
    return remark.where.empty() ? remark.text : remark.where + ": " + remark.text;
}

}   // namespace

Reload::Reload(Parts parts)
    : parts_(parts),
      config_(parts.options.config),
      certificates_(certificates_of(config_.tls)),
      cluster_files_(cluster_files_of(config_.cluster)),
      policy_(content(config_.policy.file)),
      crl_(stamps_text(stamps_of(lists_of(config_)))),
      is_on_change_(config_.reload.on_change),
      files_(files_of(config_)),
      seen_(stamps_of(files_)) {}

std::vector<std::string> Reload::files() const {
    const std::lock_guard lock(mutex_);
    return files_;
}

std::vector<std::string> Reload::changed_files() const {
    const FileStamps now = stamps_of(files());
    const std::lock_guard lock(mutex_);
    return changed_since(seen_, now);
}

void Reload::stop() {
    is_stopped_ = true;
    const std::lock_guard lock(running_);
}

controller::ReloadReport Reload::run(const pubsub::Principal& by, const std::string& why) {
    const std::lock_guard lock(running_);
    return run_alone(by, why);
}

controller::ReloadReport Reload::try_run(const pubsub::Principal& by, const std::string& why) {
    const std::unique_lock lock(running_, std::try_to_lock);
    if (lock) return run_alone(by, why);
    Report report;
    report.mistakes.push_back({"", "another reload is under way: ask again in a moment"});
    return report;
}

controller::ReloadReport Reload::run_alone(const pubsub::Principal& by, const std::string& why) {
    Report report;
    if (is_stopped_) {
        report.mistakes.push_back({"", "the server is ending"});
        return report;
    }
    if (!parts_.options.read_again) return report;
    parts_.notifier.reloading();
    try {
        report = read_and_take();
    } catch (const std::exception& fault) {
        report.mistakes.push_back({"", std::string("a fault of the program: ") + fault.what()});
    }
    tell(report, by, why);
    parts_.notifier.remark(
        report.is_taken() ? "" : "the last reload was refused: " + line_of(report.mistakes.front())
    );
    parts_.notifier.ready();
    return report;
}

controller::ReloadReport Reload::read_and_take() {
    Report report;
    // Before they are read: what changes meanwhile is seen as a change again.
    FileStamps stamps = stamps_of(files());
    ConfigRead read = parts_.options.read_again();
    Config& next = read.config;
    if (read.is_whole && parts_.is_evaluation) keep_evaluation(next, parts_.options.config);
    const auto names = files_of(read.is_whole ? next : config_);
    stamps.merge(stamps_of(names));
    look_at(names, std::move(stamps));

    const auto note = [&](const Finding& finding) {
        (finding.is_warning ? report.warnings : report.mistakes)
            .push_back({place_of(finding, next), finding.text});
    };
    for (const Finding& finding : read.findings) note(finding);
    if (!read.is_whole) return report;
    // As of a file that was cut to nothing: a start with it makes an evaluation.
    if (!parts_.is_evaluation && next.tls.certificate.empty()) {
        note(
            {"tls.certificate",
             "tls.certificate is not set: a server with certificates of its "
             "own does not become an evaluation"}
        );
        return report;
    }
    if (parts_.is_evaluation && (next.tls.certificate != config_.tls.certificate ||
                                 next.tls.client_ca != config_.tls.client_ca))
        note(
            {"tls.certificate",
             "this server runs as an evaluation: certificates of your own need a restart"}
        );
    // The names in a certificate, and in a policy, are those of the domain that is served now.
    Config judged = next;
    judged.domain = config_.domain;
    for (const Finding& finding : check_reload(judged, parts_.options.data))
        if (!is_said(finding, read.findings)) note(finding);
    if (!report.is_taken()) return report;
    // Cut down as at the start, so that only real changes differ.
    plan_descriptors(next, raise_descriptor_limit());
    Prepared prepared = prepare(judged, report);
    if (report.is_taken()) take(next, std::move(prepared), report);
    return report;
}

/// The only steps that can fail after the checks: files that change under them, and the store,
/// which comes last.
Reload::Prepared Reload::prepare(const Config& next, Report& report) const {
    Prepared prepared;
    const auto refuse = [&](const char* key, const std::string& text) {
        report.mistakes.push_back({place_of({key, {}}, next), text});
        return Prepared();
    };
    Config wanted = next;
    Config running = config_;
    const auto before = options_of(running), after = options_of(wanted);
    bool is_other = false;
    for (std::size_t i = 0; i < before.size(); ++i)
        if (is_of_tls(before[i].key)) is_other = is_other || !is_same(before[i], after[i]);
    prepared.certificates = certificates_of(next.tls);
    if (is_other || prepared.certificates != certificates_) {
        // Tickets are as old as vetting believes.
        wanted.tls.resumption_seconds_max = config_.tls.resumption_seconds_max;
        for (const auto& [use, context] :
             {std::pair(tls::Use::Xmpp, &prepared.xmpp), std::pair(tls::Use::Http, &prepared.http)})
            if (auto made = tls::make_context(wanted.tls, use))
                *context = std::move(*made);
            else
                return refuse("tls.certificate", made.error());
    }
    // By the names that the process has: others need a restart.
    prepared.cluster_files = cluster_files_of(config_.cluster);
    if (renew_cluster_ && prepared.cluster_files != cluster_files_) {
        auto renew = renew_cluster_();
        if (!renew) return refuse("cluster.certificate", renew.error());
        prepared.renew_cluster = std::move(*renew);
    }
    prepared.policy = policy_;
    if (next.policy.file.empty()) return prepared;
    auto text = read_policy_file(next);
    if (!text) return refuse("policy.file", text.error());
    // As a full disk leaves it, or an editor that writes in place.
    if (text->empty() && !policy_.empty())
        return refuse(
            "policy.file",
            next.policy.file + " is empty: for a policy that allows nothing write a comment in it"
        );
    if (*text != policy_)
        if (const std::string why = replace_policy(*text); !why.empty())
            return refuse("policy.file", "the policy cannot be stored: " + why);
    prepared.policy = std::move(*text);
    return prepared;
}

/// Waits until it is durable. Why not; empty: it is.
std::string Reload::replace_policy(const std::string& text) const {
    const auto answer = std::make_shared<std::promise<std::string>>();
    auto later = answer->get_future();
    parts_.core.replace_policy(text, [answer](std::string why_not) {
        answer->set_value(std::move(why_not));
    });
    const auto until = std::chrono::steady_clock::now() + commit_seconds_max;
    while (later.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
        if (is_stopped_) return "the server is ending";
        if (std::chrono::steady_clock::now() > until) return "the store does not answer";
    }
    return later.get();
}

/// No step of it can fail.
void Reload::take(const Config& next, Prepared prepared, Report& report) {
    if (prepared.xmpp) {
        parts_.trust.renew(next.tls, prepared.xmpp.get(), prepared.http.get());
        parts_.xmpp.put(std::move(prepared.xmpp));
        parts_.http.put(std::move(prepared.http));
        if (tell_client_cas_) tell_client_cas_(next.tls.client_ca);
    }
    if (prepared.certificates != certificates_) report.changed.emplace_back("certificates");
    certificates_ = std::move(prepared.certificates);
    if (prepared.renew_cluster) {
        prepared.renew_cluster();
        report.changed.emplace_back("cluster-certificates");
    }
    cluster_files_ = std::move(prepared.cluster_files);
    if (auto lists = stamps_text(stamps_of(lists_of(config_))); lists != crl_) {
        crl_ = std::move(lists);
        report.changed.emplace_back("crl");
    }
    parts_.trust.reload();   // though lists are looked at all the time
    if (prepared.policy != policy_) {
        policy_ = std::move(prepared.policy);
        report.changed.emplace_back("policy");
    }
    Config wanted = next;
    compare(wanted, report);
}

/// Options that have other values now, and those that keep theirs until a restart.
void Reload::compare(Config& next, Report& report) {
    const auto running = options_of(config_), wanted = options_of(next);
    const bool is_other_list = config_.accounts.administrators != next.accounts.administrators;
    for (std::size_t i = 0; i < running.size(); ++i) {
        if (is_same(running[i], wanted[i])) continue;
        const bool is_taken = is_taken_over(running[i].key);
        (is_taken ? report.changed : report.needs_restart).push_back(running[i].key);
        if (is_taken) copy(wanted[i], running[i]);
    }
    parts_.log.set_level(config_.log.level);
    is_on_change_ = config_.reload.on_change;
    if (is_other_list) parts_.core.add_administrators(configured_administrators(config_));
}

void Reload::look_at(const std::vector<std::string>& names, FileStamps stamps) {
    const std::lock_guard lock(mutex_);
    files_ = names;
    seen_ = std::move(stamps);
}

void Reload::tell(const Report& report, const pubsub::Principal& by, const std::string& why) const {
    std::string detail = why + ": ";
    for (const auto& remark : report.warnings)
        parts_.log.warn("configuration", {{"warning", line_of(remark)}});
    if (!report.is_taken()) {
        for (const auto& remark : report.mistakes)
            parts_.log.error("reload_refused", {{"reason", line_of(remark)}, {"by", why}});
        detail += std::to_string(report.mistakes.size()) + " mistakes: ";
        for (const auto& remark : report.mistakes) detail += line_of(remark) + "; ";
    } else {
        const std::string changed = report.changed.empty() ? "nothing" : joined(report.changed);
        parts_.log.info("reloaded", {{"changed", changed}, {"by", why}});
        detail += "changed " + changed;
        if (!report.needs_restart.empty()) {
            parts_.log.warn("reload_needs_restart", {{"options", joined(report.needs_restart)}});
            detail += "; a restart is needed for " + joined(report.needs_restart);
        }
    }
    parts_.core.record_reload(by, report.is_taken(), detail);
}

}   // namespace grid::server
