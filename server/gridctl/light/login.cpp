// server/gridctl/light/login.cpp: see server/gridctl/light/login.hpp.
#include "server/gridctl/light/login.hpp"

#include <unistd.h>

#include <filesystem>

#include "controller/credentials/credentials.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "xml/domain.hpp"
#include "xml/jid.hpp"

namespace grid::gridctl::light {

namespace {

/// The given file, else the one that an evaluation has; empty where there is none.
std::string file_or_found(const std::string& given, const std::filesystem::path& found) {
    std::error_code error;
    const std::filesystem::path path = given.empty() ? found : std::filesystem::path(given);
    if (std::filesystem::exists(path, error)) return path.string();
    if (given.empty()) return {};
    throw Failed(Exit::Usage, given + ": " + (error ? error.message() : "there is none"));
}

std::string ask_password() {
    const char* typed = ::getpass("password: ");   // from the terminal, where it is not shown
    if (typed == nullptr) throw Failed(Exit::Usage, "there is no terminal to ask at");
    return typed;
}

std::string password_of(const LoginOptions& options) {
    std::string text;
    if (!options.password_file.empty())
        text = read_password(options.password_file == "-" ? "-" : "@" + options.password_file);
    else if (options.asks_password)
        text = ask_password();
    else
        return {};
    const auto prepared = controller::prepare_password(text);
    if (!prepared) throw Failed(Exit::Usage, controller::password_rule);
    return *prepared;
}

/// The address in the certificate, where it has just one.
std::string address_in(const std::string& certificate) {
    const auto file = pki::read_file(certificate);
    if (!file) throw Failed(Exit::Usage, file.error());
    const auto read = pki::describe(file->text);
    if (!read) throw Failed(Exit::Usage, certificate + ": " + read.error());
    return read->jids.size() == 1 ? read->jids.front() : std::string();
}

std::string domain_in(const std::string& address) {
    const auto jid = xml::Jid::parse(address);
    return jid ? std::string(jid->domain()) : std::string();
}

void add_files(Target& target, const Options& common, bool has_password) {
    const pki::Layout layout{common.data};
    target.ca = file_or_found(common.ca, layout.ca_certificate());
    if (has_password && common.certificate.empty()) return;
    target.certificate = file_or_found(common.certificate, layout.admin_certificate());
    target.key = file_or_found(common.key, layout.admin_key());
    if (target.certificate.empty() || target.key.empty())
        throw Failed(
            Exit::Usage,
            "give --cert FILE and --key FILE, or --account and --password-file, or "
            "--data DIR of gridd on this machine"
        );
}

/// By name, by the account, by the certificate, by the gridd on this machine.
std::string choose_domain(
    const Options& common,
    const LoginOptions& options,
    const Target& target,
    const xml::Jid& account
) {
    if (!options.domain.empty()) {
        const auto prepared = xml::prepare_domain(options.domain, false);
        if (!prepared) throw Failed(Exit::Usage, "'" + options.domain + "' is no domain");
        return *prepared;
    }
    if (!account.empty()) return std::string(account.domain());
    if (!target.certificate.empty())
        if (std::string found = domain_in(address_in(target.certificate)); !found.empty())
            return found;
    if (std::string found = domain_of(common); !found.empty()) return found;
    throw Failed(Exit::Usage, "which grid? Give --domain DOMAIN or --account NAME@DOMAIN");
}

xml::Jid account_in(const Options& common, const LoginOptions& options) {
    if (options.account.empty()) return {};
    const std::string text =
        options.account.find('@') == std::string::npos && !options.domain.empty()
            ? options.account + "@" + options.domain
            : options.account;
    return account_of(common, text);
}

void add_address(
    Target& target, const Options& common, const LoginOptions& options, const std::string& domain
) {
    const Ready ready = common.server.empty() ? read_ready(common) : Ready{};
    std::string address = common.server;
    target.found_by = "--server";
    if (address.empty()) {
        address = options.is_direct_tls ? ready.c2s_tls : ready.c2s;
        target.found_by = pki::Layout{common.data}.ready().string();
    }
    if (address.empty()) {
        address = to_dns(domain);
        target.found_by = "the domain";
    }
    target.host = host_of(address);
    target.hosts = hosts_of(address);
    target.port = port_of(address);
    if (target.port.empty()) target.port = options.is_direct_tls ? "5223" : "5222";
    if (target.host.empty()) throw Failed(Exit::Usage, "'" + address + "' is not HOST:PORT");
}

}   // namespace

void add_login_options(CLI::App& command, LoginOptions& options, const std::string& patience) {
    command.add_option("--domain", options.domain, "the grid's domain (default: the account's)")
        ->envname("GRIDCTL_DOMAIN");
    command
        .add_option(
            "--account", options.account,
            "NAME@DOMAIN to log in as (default: the one in the certificate)"
        )
        ->envname("GRIDCTL_ACCOUNT");
    command.add_option("--resource", options.resource, "of the session (default: a new one)")
        ->envname("GRIDCTL_RESOURCE");
    command
        .add_option(
            "--password-file", options.password_file,
            "log in by the password in its first line (SCRAM)"
        )
        ->type_name("FILE")
        ->envname("GRIDCTL_PASSWORD_FILE");
    command.add_flag("--password", options.asks_password, "ask for the password at the terminal");
    command.add_flag(
        "--direct-tls", options.is_direct_tls, "TLS from the first byte (port 5223), no STARTTLS"
    );
    command.add_option("--broker", options.broker, "its address (default: pubsub.DOMAIN)");
    command.add_option(
        "--reconnect", options.reconnect_seconds,
        "seconds for which a lost connection is tried again (default: " + patience + ")"
    );
}

Door find_door(const Options& common, const LoginOptions& options) {
    Door door;
    door.login.password = password_of(options);
    door.login.is_direct_tls = options.is_direct_tls;
    const xml::Jid account = account_in(common, options);
    if (!door.login.password.empty() && account.empty())
        throw Failed(Exit::Usage, "whose password is it? Give --account NAME@DOMAIN");
    door.login.account = account.str();
    if (!options.resource.empty()) {
        const auto resource = xml::prepare_resource(options.resource);
        if (!resource) throw Failed(Exit::Usage, "'" + options.resource + "' is no resource");
        door.login.resource = *resource;
    }
    add_files(door.target, common, !door.login.password.empty());
    door.login.domain = choose_domain(common, options, door.target, account);
    add_address(door.target, common, options, door.login.domain);
    door.target.name = to_dns(common.server_name.empty() ? door.login.domain : common.server_name);
    door.broker = options.broker.empty() ? "pubsub." + door.login.domain : options.broker;
    door.controller = "controller." + door.login.domain;
    return door;
}

}   // namespace grid::gridctl::light
