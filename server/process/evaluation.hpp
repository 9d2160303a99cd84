// server/process/evaluation.hpp: keys and certificates for a first start without configuration.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "server/pki/initialize.hpp"
#include "storage/batch.hpp"
#include "xml/result.hpp"

namespace grid::server {

using storage::Millis;

/// Paths for the TLS settings, in place of those that the operator has not given.
struct EvaluationFiles {
    std::filesystem::path server_certificate, server_key, client_ca;
    std::vector<std::string> made;   // below DIR, on the first start; for the log
};

/// Makes DIR/pki on the first start (see server/pki/initialize.hpp); admin@domain becomes an
/// administrator, unless clients have a CA of the operator's. Afterwards it only looks: the CA's
/// key is never opened again. An expired server certificate, or one for another domain, is an error
/// that says what to do.
Result<EvaluationFiles, std::string> ensure_evaluation(
    const std::filesystem::path& data,
    const std::string& domain,
    Millis now,
    pki::Administrator administrator
);
/// The same for --check: no file is made, and a missing one is no error.
Result<void, std::string> check_evaluation(
    const std::filesystem::path& data, const std::string& domain, Millis now
);

/// In force where nothing else was configured and everything is the evaluation's.
inline constexpr std::string_view evaluation_policy =
    "# EVALUATION: every approved account may do everything with topics, and send messages.\n"
    "allow group everyone to discover, create, publish, subscribe, retrieve, query on *\n"
    "allow group everyone to message any\n";

}   // namespace grid::server
