// server/process/reload.cpp: see reload.hpp.
#include "server/process/reload.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include "server/config/options.hpp"
#include "server/process/descriptors.hpp"
#include "server/process/policy_file.hpp"
#include "server/process/startup_check.hpp"
#include "server/regular_file.hpp"

namespace grid::server {
namespace {

constexpr std::array taken_over{
    "tls.certificate", "tls.key", "tls.client_ca", "policy.file", "log.level"
};

/// To see a change; what cannot be read is refused by the checks.
std::string content(const std::string& file) {
    auto text = read_regular_file(file);
    return text ? std::move(*text) : std::string();
}

std::string certificates_of(const Config::Tls& tls) {
    std::string all;
    for (const std::string& file : {tls.certificate, tls.key, tls.client_ca})
        all += file + '\0' + content(file) + '\0';
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

}   // namespace

Reload::Reload(Parts parts)
    : parts_(parts),
      config_(parts.options.config),
      certificates_(certificates_of(config_.tls)),
      policy_(config_.policy.file.empty() ? "" : content(config_.policy.file)) {}

void Reload::run() {
    if (!parts_.options.read_again) return;
    auto next = parts_.options.read_again();
    if (!next) return parts_.log.error("reload_refused", {{"reason", next.error()}});
    if (parts_.is_evaluation && (!next->tls.certificate.empty() || !next->tls.client_ca.empty()))
        return parts_.log.error(
            "reload_refused", {{"reason",
                                "this server runs as an evaluation: certificates of your "
                                "own need a restart"}}
        );
    keep_evaluation(*next, parts_.options.config);
    // Cut down as at the start, so that only real changes differ.
    plan_descriptors(*next, raise_descriptor_limit());
    const Findings findings = check_reload(*next);
    for (const Finding& finding : findings)
        parts_.log.write(
            finding.is_warning ? Level::Warn : Level::Error,
            finding.is_warning ? "configuration" : "reload_refused",
            {{finding.is_warning ? "warning" : "reason", to_text(finding, *next)}}
        );
    if (has_errors(findings)) return;
    if (const auto taken = take(*next); !taken)
        return parts_.log.error("reload_refused", {{"reason", taken.error()}});
    name_others(*next);
    config_ = std::move(*next);
}

Result<void, std::string> Reload::take(const Config& next) {
    std::string done;
    if (std::string now = certificates_of(next.tls); now != certificates_) {
        auto xmpp = tls::make_context(next.tls, tls::Use::Xmpp);
        if (!xmpp) return xmpp.error();
        auto http = tls::make_context(next.tls, tls::Use::Http);
        if (!http) return http.error();
        parts_.trust.renew(next.tls, xmpp->get(), http->get());
        parts_.xmpp.put(std::move(*xmpp));
        parts_.http.put(std::move(*http));
        certificates_ = std::move(now);
        done += " certificates";
    }
    if (!next.policy.file.empty()) {
        auto text = read_policy_file(next);
        if (!text) return text.error();
        if (*text != policy_) {
            parts_.grid.replace_policy(*text);
            policy_ = std::move(*text);
            done += " policy";
        }
    }
    if (next.log.level != config_.log.level) {
        parts_.log.set_level(next.log.level);
        done += " log.level";
    }
    parts_.trust.reload();   // revocation lists, though they are looked at all the time
    parts_.log.info("reloaded", {{"changed", done.empty() ? "nothing" : done.substr(1)}});
    return {};
}

void Reload::name_others(Config& next) {
    std::string names;
    const auto before = options_of(config_);
    const auto after = options_of(next);
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (std::ranges::find(taken_over, before[i].key) != taken_over.end()) continue;
        const bool is_kept = std::visit(
            [&](auto* value) {
                return is_same_value(*value, *std::get<decltype(value)>(after[i].target));
            },
            before[i].target
        );
        if (!is_kept) names += " " + before[i].key;
    }
    if (!names.empty()) parts_.log.warn("reload_needs_restart", {{"options", names.substr(1)}});
}

}   // namespace grid::server
