// server/evaluation.cpp: makes the evaluation's keys once and checks afterwards that they still
// serve.
#include "server/evaluation.hpp"

#include <algorithm>

#include "controller/pki/failure.hpp"
#include "controller/pki/files.hpp"
#include "controller/pki/initialize.hpp"
#include "controller/pki/layout.hpp"
#include "controller/pki/pki.hpp"

namespace grid::server {
namespace {

namespace pki = controller::pki;
using pki::Failure;

/// Read before anything listens: a certificate that no client would accept is better refused here.
Result<void, std::string> check(
    const EvaluationFiles& files, const std::string& domain, Millis now
) {
    const auto certificate = pki::read_file(files.server_certificate);
    if (!certificate) return Failure{certificate.error()};
    const auto ca = pki::read_file(files.client_ca);
    if (!ca) return Failure{ca.error()};
    const std::string path = files.server_certificate.string();
    if (auto done = pki::verify(certificate->text, ca->text, true, now); !done)
        return Failure{path + ": " + done.error() + "; `gridctl pki server` makes a new one"};
    const auto described = pki::describe(certificate->text);
    if (!described) return Failure{path + ": " + described.error()};
    const auto& hosts = described->hosts;
    if (std::find(hosts.begin(), hosts.end(), domain) == hosts.end())
        return Failure{
            path + " is not for the domain '" + domain + "': set that domain's, or move " +
            files.client_ca.parent_path().string() + " away to have a new CA made"
        };
    return {};
}

}   // namespace

Result<EvaluationFiles, std::string> ensure_evaluation(
    const std::filesystem::path& data, const std::string& domain, Millis now
) {
    namespace fs = std::filesystem;
    const pki::Layout layout{data};
    EvaluationFiles files{
        layout.server_certificate(), layout.server_key(), layout.ca_certificate(), {}
    };
    const bool is_first = !fs::exists(files.server_certificate) || !fs::exists(files.server_key) ||
                          !fs::exists(files.client_ca);
    if (is_first) {
        auto made = pki::initialize(data, domain, now);
        if (!made) return Failure{made.error()};
        files.made = std::move(made->made);
    }
    if (auto done = check(files, domain, now); !done) return Failure{done.error()};
    return files;
}

}   // namespace grid::server
