// server/process/evaluation.cpp: makes the evaluation's keys once and checks afterwards that they
// still serve.
#include "server/process/evaluation.hpp"

#include <algorithm>

#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "xml/domain.hpp"

namespace grid::server {
namespace {

/// Read before anything listens: a certificate that no client would accept is better refused here.
Result<void, std::string> check_files(
    const EvaluationFiles& files, const std::string& domain, Millis now
) {
    const auto certificate = pki::read_file(files.server_certificate);
    if (!certificate) return pki::Failure{certificate.error()};
    const auto ca = pki::read_file(files.client_ca);
    if (!ca) return pki::Failure{ca.error()};
    const std::string path = files.server_certificate.string();
    if (auto done = pki::verify(certificate->text, ca->text, true, now); !done)
        return pki::Failure{path + ": " + done.error() + "; `gridctl pki server` makes a new one"};
    const auto described = pki::describe(certificate->text);
    if (!described) return pki::Failure{path + ": " + described.error()};
    const auto& hosts = described->hosts;
    if (std::find(hosts.begin(), hosts.end(), xml::domain_to_ascii(domain)) == hosts.end())
        return pki::Failure{
            path + " is not for the domain '" + domain + "': set that domain's, or move " +
            files.client_ca.parent_path().string() + " away to have a new CA made"
        };
    return {};
}

}   // namespace

namespace {

EvaluationFiles files_in(const std::filesystem::path& data) {
    const pki::Layout layout{data};
    return {layout.server_certificate(), layout.server_key(), layout.ca_certificate(), {}};
}

bool are_there(const EvaluationFiles& files) {
    const auto exists = [](const std::filesystem::path& path) {
        std::error_code unreadable;   // says so when it is read
        return std::filesystem::exists(path, unreadable) || unreadable;
    };
    return exists(files.server_certificate) && exists(files.server_key) && exists(files.client_ca);
}

}   // namespace

Result<void, std::string> check_evaluation(
    const std::filesystem::path& data, const std::string& domain, Millis now
) {
    const EvaluationFiles files = files_in(data);
    if (are_there(files)) return check_files(files, domain, now);
    const auto made_for = pki::read_file(pki::Layout{data}.domain());
    if (!made_for) return pki::Failure{made_for.error()};
    const std::string found = made_for->text.substr(0, made_for->text.find_first_of("\r\n"));
    if (!made_for->exists || xml::prepare_domain(found, false) == domain) return {};
    return pki::Failure{
        pki::Layout{data}.pki().string() + " was made for the domain '" + found + "', not for '" +
        domain + "': use that domain, or move the folder away to start with a new CA"
    };
}

Result<EvaluationFiles, std::string> ensure_evaluation(
    const std::filesystem::path& data,
    const std::string& domain,
    Millis now,
    pki::Administrator administrator
) {
    EvaluationFiles files = files_in(data);
    if (!are_there(files)) {
        auto made = pki::initialize(data, domain, now, administrator);
        if (!made) return pki::Failure{made.error()};
        files.made = std::move(made->made);
    }
    if (auto done = check_files(files, domain, now); !done) return pki::Failure{done.error()};
    return files;
}

}   // namespace grid::server
