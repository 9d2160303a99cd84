// server/process/reload.hpp: SIGHUP: what can be read anew while the server runs.
#pragma once

#include <string>

#include "server/config/config.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "server/process/options.hpp"
#include "server/tls/renewal.hpp"
#include "server/tls/revocation/trust.hpp"

namespace grid::server {

/// Certificates, keys, the clients' CAs, the policy file and the level of the log. All of it is
/// checked first: when anything is wrong all stays as it was, and the log says why. Other options
/// that changed are named: they need a restart. Lists of revoked certificates need no signal, they
/// are looked at all the time.
class Reload {
public:
    struct Parts {
        const AppOptions& options;   // as the server was started
        bool is_evaluation;
        Core& grid;
        tls::Trust& trust;
        tls::Renewal& xmpp;
        tls::Renewal& http;
        Log& log;
    };
    explicit Reload(Parts parts);

    /// On one thread at a time.
    void run();

private:
    Result<void, std::string> take(const Config& next);
    void name_others(Config& next);

    Parts parts_;
    Config config_;   // of the last time
    std::string certificates_, policy_;
};

}   // namespace grid::server
