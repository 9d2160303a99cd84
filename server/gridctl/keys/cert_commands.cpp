// server/gridctl/keys/cert_commands.cpp: `cert check`: why would this certificate be refused?
#include <memory>

#include "server/gridctl/client.hpp"
#include "server/gridctl/keys/judge.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/pki.hpp"
#include "server/tls/pem_file.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct CertOptions {
    std::string file;
    LocalOptions local;
};

/// By this machine's configuration: what a login would hear.
std::string check_here(const Options& options, const CertOptions& given, Report& report) {
    const auto chain = server::tls::read_certificates(given.file);
    if (!chain) throw Failed(Exit::Usage, chain.error());
    const Local local = read_local(options, given.local);
    if (!local.error.empty()) throw Failed(Exit::Usage, local.error);
    Judged judged = judge_certificate(local, *chain);
    if (judged.refusal.empty())
        for (const auto& identity : judged.identities) judge_account(local, identity, judged);
    report = std::move(judged.report);
    return judged.refusal;
}

/// By the server, which is shown the certificate: its own words.
std::string check_there(const Options& options, const CertOptions& given, Report& report) {
    Options shown = options;
    shown.certificate = given.file;
    const Target target = find_target(shown);
    Client client(target, options.timeout_seconds);
    const Answer answer = client.request("GET", "/api/v1/status");
    boost::system::error_code failed;
    const auto value = json::parse(answer.body, failed);
    const std::string text = failed ? "" : cell_of(value, "detail");
    const std::string where = target.host + ":" + target.port;
    if (answer.status == 401) {
        report.fail("server", where + " refuses it: " + text, "see above, or gridd's log");
        return text;
    }
    report.ok(
        "server", where + " takes it" + (answer.status == 200 ? ", as an administrator's" : "")
    );
    return "";
}

/// $GRIDCTL_KEY may be that of another certificate: an administrator's.
bool has_its_key(const Options& options, const CertOptions& given) {
    return !options.key.empty() && pki::is_pair({read_text(given.file), read_text(options.key)});
}

void check(const Options& options, const CertOptions& given) {
    Report report;
    std::string refusal;
    const bool has_key = has_its_key(options, given);
    // Another machine's server is asked by showing the certificate; its configuration is there.
    const bool is_elsewhere = !options.server.empty() && !given.local.is_given();
    if (!is_elsewhere) refusal = check_here(options, given, report);
    if (is_elsewhere && !has_key)
        throw Failed(
            Exit::Usage,
            "the server is asked by showing it the certificate, which needs the certificate's "
            "--key "
            "FILE; on the server's own machine --config FILE and --data DIR need none"
        );
    if (has_key) {
        const std::string there = check_there(options, given, report);
        if (refusal.empty()) refusal = there;
    }
    report.print(options, {{"file", given.file}, {"accepted", refusal.empty()}, {"why", refusal}});
    if (!refusal.empty()) throw Failed(Exit::Refused, "it would be refused: " + refusal);
    if (!options.json) print("it would be let in\n");
}

constexpr const char* check_help =
    "Looks at chain, dates, usage, names, revocation lists, OCSP and account in the order and\n"
    "with the functions of a login. On gridd's machine it reads the configuration, the CA\n"
    "bundle, the lists and the store, whether gridd runs or not, and changes nothing. With\n"
    "--key the running server (--server, or that of --data) is shown the certificate, and its\n"
    "own answer is printed.";

}   // namespace

void add_cert_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("cert", "certificates of clients");
    group->require_subcommand(1);
    const auto given = std::make_shared<CertOptions>();
    CLI::App* checking = group->add_subcommand("check", "why would this certificate be refused?");
    checking->footer(check_help);
    checking->add_option("file", given->file, "the certificate, PEM, with those behind it")
        ->required();
    add_local_options(*checking, given->local);
    checking->callback([&options, given] { check(options, *given); });
}

}   // namespace grid::gridctl
