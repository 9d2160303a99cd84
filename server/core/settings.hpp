// server/core/settings.hpp: the settings of broker and controller, made from the configuration.
#pragma once

#include "controller/controller.hpp"
#include "pubsub/broker.hpp"
#include "server/config/config.hpp"
#include "server/core/login_limits.hpp"
#include "server/core/sign_ins.hpp"
#include "server/router/addresses.hpp"
#include "server/router/pending_queries.hpp"
#include "server/session/allowance.hpp"

namespace grid::server {

pubsub::Settings broker_settings(const Config& config, const Addresses& addresses);
Rates session_rates(const Config& config);
LoginLimits::Bounds login_bounds(const Config& config);
LoginLimits::Bounds registration_bounds(const Config& config);
/// Of sign-ins to the console, besides those of logins: codes have six digits.
LoginLimits::Bounds sign_in_limits();
SignIns::Bounds sign_in_bounds(const Config& config);
Queries::Bounds query_bounds(const Config& config);
controller::Settings controller_settings(
    const Config& config, const Addresses& addresses, std::set<std::string> open_services
);

}   // namespace grid::server
