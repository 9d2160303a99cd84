// server/gridctl/light/login.hpp: which server, by which name and with which proof: the options of
// a light client, and what they come to.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "server/gridctl/options.hpp"
#include "server/gridctl/target.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::light {

/// Beside those of every command (--server, --cert, --key, --ca, --data, --timeout).
struct LoginOptions {
    std::string domain, account, resource, broker;
    std::string password_file;
    bool asks_password = false;
    bool is_direct_tls = false;
    long reconnect_seconds = -1;
};

/// Adds them to a command. `options` outlives it. `patience`: what --reconnect is without being
/// given.
void add_login_options(CLI::App& command, LoginOptions& options, const std::string& patience);

struct Door {
    Target target;
    xmpp::Login login;
    std::string broker, controller;
};
/// Failed (Usage, Connection) names what is missing. Asks for a password where that is wished.
Door find_door(const Options& common, const LoginOptions& options);

}   // namespace grid::gridctl::light
