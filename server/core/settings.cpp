// server/core/settings.cpp: the settings of the layers below: those of the configuration,
// completed.
#include "server/core/settings.hpp"

#include <openssl/rand.h>

#include <stdexcept>

#include "pubsub/cursors.hpp"

namespace grid::server {

namespace {

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    auto* const into = reinterpret_cast<unsigned char*>(bytes.data());
    if (RAND_bytes(into, static_cast<int>(count)) != 1)
        throw std::runtime_error("the system gives no random numbers");
    return bytes;
}

}   // namespace

pubsub::Settings broker_settings(const Config& config, const Addresses& addresses) {
    pubsub::Settings settings = config.pubsub;
    settings.service = addresses.broker();
    settings.is_subscribing_again_same = config.pubsub.subscribe_again == "same";
    settings.subtopic_grace_ms = storage::Millis{config.controller.subtopic_grace_seconds} * 1000;
    settings.cursor_seed = random_bytes(pubsub::Cursors::key_bytes);
    return settings;
}

Rates session_rates(const Config& config) {
    Rates rates;
    rates.stanzas_per_second = config.limits.stanzas_per_second;
    rates.bytes_per_second = config.limits.bytes_per_second;
    rates.burst = std::chrono::seconds{config.limits.burst_seconds_max};
    rates.flood_max = std::chrono::seconds{config.limits.flood_seconds_max};
    return rates;
}

LoginLimits::Bounds login_bounds(const Config& config) {
    LoginLimits::Bounds bounds;
    bounds.per_account = config.sasl.failures_per_account_max;
    bounds.per_source = config.sasl.failures_per_address_max;
    bounds.window = std::chrono::seconds{config.sasl.failure_seconds};
    return bounds;
}

LoginLimits::Bounds registration_bounds(const Config& config) {
    LoginLimits::Bounds bounds;
    bounds.per_source = config.registration.per_address_max;
    bounds.window = std::chrono::hours{1};
    return bounds;
}

LoginLimits::Bounds sign_in_limits() {
    LoginLimits::Bounds bounds;
    bounds.per_account = 10;
    bounds.per_source = 50;
    bounds.window = std::chrono::minutes{5};
    return bounds;
}

SignIns::Bounds sign_in_bounds(const Config& config) {
    SignIns::Bounds bounds;
    bounds.idle = std::chrono::minutes{config.console.idle_minutes};
    bounds.longest = std::chrono::hours{config.console.hours_max};
    return bounds;
}

Queries::Bounds query_bounds(const Config& config) {
    Queries::Bounds bounds;
    bounds.per_session_max = config.controller.queries_per_session_max;
    bounds.timeout = std::chrono::seconds{config.controller.query_timeout_seconds};
    return bounds;
}

controller::Settings controller_settings(
    const Config& config, const Addresses& addresses, std::set<std::string> open_services
) {
    controller::Settings settings = config.controller;
    settings.domain = addresses.server().str();
    settings.address = addresses.controller();
    settings.broker = addresses.broker();
    settings.auto_approve = config.accounts.auto_approve.is_yes();
    // Rules were checked when the configuration was read.
    for (const std::string& text : config.accounts.approve)
        if (auto rule = controller::parse_approval_rule(text))
            settings.approve.push_back(std::move(*rule));
    settings.pending_expire_ms =
        storage::Millis{config.accounts.pending_expire_days} * 24 * 3600 * 1000;
    constexpr storage::Millis day_ms = 24LL * 3600 * 1000;
    settings.offline.keep_ms = settings.offline.days * day_ms;
    settings.archive.keep_ms = settings.archive.days * day_ms;
    settings.bulk_address = addresses.bulk();
    settings.files.enabled = settings.files.enabled && !config.listen.http.empty();
    settings.files.slot_ms = storage::Millis{settings.files.slot_minutes} * 60 * 1000;
    settings.files.keep_ms = settings.files.days * day_ms;
    settings.page_max = config.pubsub.page_max;
    settings.passwords = config.sasl.passwords;
    settings.registers_in_band = config.registration.in_band && config.sasl.passwords;
    settings.token_lifetime = storage::Millis{config.sasl.token_days} * 24 * 3600 * 1000;
    settings.password_iterations = config.sasl.iterations;
    settings.credential_seed = random_bytes(32);
    settings.open_services = std::move(open_services);
    return settings;
}

}   // namespace grid::server
