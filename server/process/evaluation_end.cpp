// server/process/evaluation_end.cpp: see evaluation_end.hpp.
#include "server/process/evaluation_end.hpp"

#include <algorithm>
#include <iostream>

#include "controller/state.hpp"
#include "server/clock.hpp"
#include "server/complain.hpp"
#include "server/core/core.hpp"
#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/pki/initialize.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "server/process/evaluation.hpp"
#include "server/process/open_store.hpp"
#include "server/process/policy_file.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"
#include "storage/keys.hpp"

namespace grid::server {
namespace {

namespace fs = std::filesystem;
using storage::Family;

constexpr std::string_view nothing_allowed =
    "# The evaluation has ended. No rule: everything is denied until there is one.\n";

bool is_own(const Config& config) {
    return !config.tls.certificate.empty() || !config.tls.client_ca.empty();
}

bool is_evaluation_policy(const std::string& text) { return text.starts_with("# EVALUATION:"); }

/// The key of the evaluation CA, unless the operator trusts it; empty: there is none.
std::string untrusted_key(const AppOptions& options) {
    const auto ca = tls::read_certificates(pki::Layout{options.data}.ca_certificate());
    if (!ca) return "";
    const std::string key = tls::key_hash_of(ca->front().get());
    const auto trusted = tls::read_certificates(options.config.tls.client_ca);
    if (!trusted) return key;
    const bool is_trusted = std::ranges::any_of(*trusted, [&](const auto& anchor) {
        return tls::key_hash_of(anchor.get()) == key;
    });
    return is_trusted ? "" : key;
}

/// Accounts for which the evaluation's administrator certificate is.
std::vector<std::string> evaluation_administrators(const AppOptions& options) {
    const auto file = pki::read_file(pki::Layout{options.data}.admin_certificate());
    if (!file || !file->exists) return {};
    const auto described = pki::describe(file->text);
    return described ? described->jids : std::vector<std::string>{};
}

/// True for an administrator of the evaluation when its CA's certificate is gone: the account's
/// anchor is none of the configured CAs.
bool is_orphan(const controller::Account& account, const AppOptions& options) {
    if (!account.is_in(controller::administrators_group)) return false;
    if (!account.is_bound()) return account.jid == "admin@" + options.config.domain;
    const auto trusted = tls::read_certificates(options.config.tls.client_ca);
    return trusted && std::ranges::none_of(*trusted, [&](const auto& anchor) {
               return tls::key_hash_of(anchor.get()) == account.anchor;
           });
}

bool has_ca(const AppOptions& options) {
    std::error_code unreadable;   // said when it is read
    return fs::exists(pki::Layout{options.data}.ca_certificate(), unreadable) || unreadable;
}

Result<bool, std::string> read_policy(const storage::Snapshot& store, const Config& config) {
    const std::string key = controller::policy::policy_head_key();
    const auto found = store.get(Family::Control, key);
    if (!found) return pki::Failure{"the policy cannot be read: " + found.error().message()};
    if (!*found) return false;
    controller::policy::Policy policy(config.domain);
    policy.apply(
        std::string_view(key).substr(1),
        storage::Record{(*found)->revision, (*found)->time, (*found)->value}
    );
    return is_evaluation_policy(policy.head().text);
}

boost::system::error_code read_accounts(
    const storage::Snapshot& store,
    const std::string& key,
    const AppOptions& options,
    EvaluationLeftovers& found
) {
    const auto made = evaluation_administrators(options);
    const std::string from(1, static_cast<char>(storage::Tag::Account));
    const std::string to(1, static_cast<char>(from.front() + 1));
    const auto look = [&](std::string_view name, const storage::Record& record) {
        const auto account = controller::decode_account(name.substr(1), record.value, record.time);
        if (!account) return true;
        const bool is_made = std::ranges::find(made, account->jid) != made.end();
        const bool is_its = key.empty()
                                ? is_orphan(*account, options)
                                : account->anchor == key || (!account->is_bound() && is_made);
        if (!is_its) return true;
        if (account->is_in(controller::administrators_group))
            found.administrators.push_back(account->jid);
        else
            ++found.accounts;
        return true;
    };
    return store.scan(Family::Control, from, to, false, look);
}

}   // namespace

std::string EvaluationLeftovers::to_text() const {
    std::string text;
    if (has_policy) text = "its policy, which allows every account everything";
    if (administrators.empty()) return text;
    text += text.empty() ? "its administrator " : ", and its administrator ";
    for (std::size_t i = 0; i < administrators.size(); ++i)
        text += (i == 0 ? "" : ", ") + administrators[i];
    return text;
}

Result<EvaluationLeftovers, std::string> evaluation_leftovers(
    const storage::Snapshot& store, const AppOptions& options
) {
    EvaluationLeftovers found;
    if (!is_own(options.config)) return found;
    const auto policy = read_policy(store, options.config);
    if (!policy) return pki::Failure{policy.error()};
    found.has_policy = *policy;
    const std::string key = untrusted_key(options);
    // Trusted by the operator, or away: then the policy alone says that it was an evaluation.
    if (key.empty() && (has_ca(options) || !found.has_policy)) return found;
    if (auto error = read_accounts(store, key, options, found))
        return pki::Failure{"the accounts cannot be read: " + error.message()};
    return found;
}

bool would_make_evaluation(const AppOptions& options) {
    return !is_own(options.config) && !has_ca(options);
}

std::string why_no_evaluation(const storage::Snapshot& store, const AppOptions& options) {
    if (!would_make_evaluation(options)) return {};
    const auto policy = read_policy(store, options.config);
    if (!policy) return policy.error();
    if (*policy) return {};
    bool has_more = false;
    if (const auto head = store.get(Family::Control, controller::policy::policy_head_key()))
        has_more = head->has_value();
    const std::string from(1, static_cast<char>(storage::Tag::Account));
    const std::string to(1, static_cast<char>(from.front() + 1));
    if (const auto error = store.scan(
            Family::Control, from, to, false,
            [&has_more](std::string_view, const storage::Record&) {
                has_more = true;
                return false;
            }
        ))
        return "the accounts cannot be read: " + error.message();
    if (!has_more) return {};
    return "the data in " + options.data.string() +
           " is that of a real grid, and without tls.certificate and tls.client_ca an evaluation "
           "would make an administrator in it: give its configuration by --config, or another "
           "directory by --data";
}

std::string why_still_evaluation(const storage::Snapshot& store, const AppOptions& options) {
    const auto found = evaluation_leftovers(store, options);
    if (!found) return found.error();
    if (!found->any()) return {};
    return "the data in " + options.data.string() + " began as an evaluation, and would keep " +
           found->to_text() + ": run  " + options.own_command +
           " --end-evaluation  once to make a real grid of it, or give " +
           "another directory by --data";
}

namespace {

/// The store's part. Everything goes through the grid, so that it is on record in the audit.
Result<EvaluationLeftovers, std::string> clean_store(
    const AppOptions& options, const std::string& policy_text, Log& log
) {
    auto store = open_store(options, log);
    if (!store) return pki::Failure{store.error()};
    auto found = evaluation_leftovers(*(*store)->snapshot(), options);
    if (!found || !found->any()) return found;
    // First: an administrator in this file would be made again by a start after an interruption,
    // and the remains in the store refuse that start.
    for (const std::string& name : found->administrators)
        if (auto removed = pki::remove_administrator(options.data, xml::Jid::from_canonical(name));
            !removed)
            return pki::Failure{removed.error()};
    boost::asio::io_context context;
    const auto more_to_come = boost::asio::make_work_guard(context);
    const Addresses addresses(options.config);
    const IqTable none;
    Core core(context, **store, options.config, addresses, none, none, log);
    if (auto started = core.start(context, std::nullopt, {}); !started)
        return pki::Failure{started.error()};
    const auto& state = core.controller().state_for_admin();
    pubsub::Context acting;
    acting.actor = pubsub::Principal::system();
    acting.now = now();
    for (const std::string& name : found->administrators) {
        auto change = state.machine().remove(xml::Jid::from_canonical(name), acting);
        if (!change) return pki::Failure{change.error().text};
        core.commit(std::move(change->batch));
    }
    // Last, for it alone says what the data are once the evaluation's CA is away.
    if (found->has_policy)
        core.commit(state.policy.replace(policy_text, acting, "the evaluation ended"));
    core.stop([&context] { context.stop(); });
    context.run();
    const auto left = evaluation_leftovers(*(*store)->snapshot(), options);
    if (!left) return pki::Failure{left.error()};
    if (left->any())
        return pki::Failure{"the store did not take all of it: look at the log, and run it again"};
    return found;
}

bool is_below(const fs::path& folder, const std::string& file) {
    std::error_code error;
    const std::string inside = fs::weakly_canonical(file, error).string();
    return !file.empty() && inside.starts_with(fs::weakly_canonical(folder, error).string() + "/");
}

/// Where the CA and its certificates are now; empty: where they were.
Result<std::string, std::string> move_pki(const AppOptions& options) {
    using Moved = Result<std::string, std::string>;
    const fs::path folder = pki::Layout{options.data}.pki();
    std::error_code error;
    if (!fs::exists(folder, error)) return Moved(boost::system::in_place_value, "");
    const auto& tls = options.config.tls;
    for (const std::string& file : {tls.certificate, tls.key, tls.client_ca})
        if (is_below(folder, file))   // the operator uses it
            return Moved(boost::system::in_place_value, "");
    fs::path target = options.data / "pki.ended";
    for (int number = 2; fs::exists(target, error); ++number)
        target = options.data / ("pki.ended-" + std::to_string(number));
    fs::rename(folder, target, error);
    if (error) return pki::Failure{"cannot move " + folder.string() + " away: " + error.message()};
    return Moved(boost::system::in_place_value, target.string());
}

Result<void, std::string> end(const AppOptions& options, Log& log) {
    if (!is_own(options.config))
        return pki::Failure{
            "an evaluation ends with certificates of your own: give the configuration that sets "
            "tls.certificate, tls.key and tls.client_ca by --config"
        };
    if (std::error_code unreadable; !fs::exists(options.data / "store", unreadable))
        return pki::Failure{
            "there is no evaluation in " + options.data.string() + ": give its directory by --data"
        };
    std::string policy_text(nothing_allowed);
    if (!options.config.policy.file.empty()) {
        auto text = read_policy_file(options.config);
        if (!text) return pki::Failure{text.error()};
        policy_text = std::move(*text);
    }
    const auto found = clean_store(options, policy_text, log);
    if (!found) return pki::Failure{found.error()};
    for (const std::string& name : found->administrators)
        std::cout << "deleted the administrator " << name << '\n';
    if (found->has_policy)
        std::cout << "the policy in force is now "
                  << (options.config.policy.file.empty() ? "one that allows nothing"
                                                         : options.config.policy.file)
                  << '\n';
    const auto moved = move_pki(options);
    if (!moved) return pki::Failure{moved.error()};
    if (!moved->empty()) std::cout << "the evaluation CA is now in " << *moved << '\n';
    if (found->accounts > 0)
        std::cout << found->accounts
                  << " accounts stay bound to the evaluation CA: they cannot log in until they are "
                     "moved to another CA, or deleted and registered again\n";
    std::cout << "an administrator of your own: gridctl --data " << options.data.string()
              << " admin add NAME@" << options.config.domain << '\n';
    return {};
}

}   // namespace

int end_evaluation(const AppOptions& options) {
    try {
        auto settings = options.config.log;
        if (!options.config.origin.is_given("log.level")) settings.level = "warn";
        Log log(settings);
        const auto ended = end(options, log);
        if (ended) return 0;
        complain(ended.error());
    } catch (const std::exception& error) {
        complain(error.what());
    }
    return 1;
}

}   // namespace grid::server
