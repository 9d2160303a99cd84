// server/gridctl/doctor/local.cpp: see local.hpp.
#include "server/gridctl/doctor/local.hpp"

#include "server/config/file.hpp"
#include "server/pki/layout.hpp"

namespace grid::gridctl {
namespace {

constexpr const char* usual_file = "/etc/gridd/gridd.toml";

}   // namespace

void add_local_options(CLI::App& command, LocalOptions& given) {
    command
        .add_option(
            "--config", given.file,
            "gridd's configuration (default: /etc/gridd/gridd.toml where it is there)"
        )
        ->type_name("FILE");
    command.add_option("--set", given.sets, "one option of it, KEY=VALUE; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Local read_local(const Options& options, const LocalOptions& given) {
    Local local;
    local.file = given.file;
    std::error_code unreadable;
    if (given.file.empty() && std::filesystem::exists(usual_file, unreadable))
        local.file = usual_file;
    server::ConfigSources sources;
    sources.file = local.file;
    sources.sets = given.sets;
    local.app.data = options.data;
    server::ConfigRead read = server::read_config(sources);
    for (const server::Finding& finding : read.findings)
        local.error += (local.error.empty() ? "" : "\n") + to_text(finding, read.config);
    if (local.error.empty()) local.app.config = std::move(read.config);
    local.tls = local.app.config.tls;
    auto& tls = local.tls;
    local.is_evaluation = tls.certificate.empty();
    const pki::Layout layout{options.data};
    if (local.is_evaluation) {
        tls.certificate = layout.server_certificate().string();
        tls.key = layout.server_key().string();
    }
    if (tls.client_ca.empty()) tls.client_ca = layout.ca_certificate().string();
    return local;
}

}   // namespace grid::gridctl
