// server/gridctl/admin_commands.cpp: `admin add|remove|rebind|list`: who administers, made on the
// machine.
#include <filesystem>
#include <memory>

#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/administrators.hpp"
#include "server/pki/files.hpp"
#include "server/pki/initialize.hpp"
#include "server/pki/layout.hpp"

namespace grid::gridctl {
namespace {

/// A list in a directory that gridd does not use would make nobody an administrator, and tell of
/// none.
void need_data_directory(const Options& options) {
    std::error_code error;
    if (std::filesystem::is_directory(options.data, error)) return;
    const std::string data = options.data.string();
    throw Failed(
        Exit::Usage, "there is no data directory " + data +
                         ": give gridd's by --data, or make it (mkdir -m 700 " + data + ")"
    );
}

void add_administrator(const Options& options, const std::string& name) {
    need_data_directory(options);
    const xml::Jid jid = account_of(options, name);
    if (const std::string domain = domain_of(options); !domain.empty() && jid.domain() != domain)
        throw Failed(
            Exit::Usage, jid.str() + " could never log in: accounts are in the domain " + domain
        );
    const auto added = pki::add_administrator(options.data, jid);
    if (!added) throw Failed(Exit::Refused, added.error());
    const std::string file = pki::Layout{options.data}.administrators().string();
    if (options.json) {
        print(
            boost::json::serialize(boost::json::object{{"jid", jid.str()}, {"added", *added}}) +
            "\n"
        );
        return;
    }
    print(jid.str() + (*added ? " is in " : " was already in ") + file + "\n");
    print(
        "A running gridd takes it over within two seconds, else at its next start.\n"
        "The account is bound to the first certificate that logs in with this address. To make "
        "one\n"
        "with the evaluation CA:  gridctl --data " +
        options.data.string() + " pki client " + std::string(jid.local()) +
        "\nThen:  gridctl --server HOST:8443 --cert " + std::string(jid.local()) + ".crt --key " +
        std::string(jid.local()) + ".key --ca ca.crt status\n"
    );
}

void remove_administrator(const Options& options, const std::string& name) {
    need_data_directory(options);
    const xml::Jid jid = account_of(options, name);
    const auto removed = pki::remove_administrator(options.data, jid);
    if (!removed) throw Failed(Exit::Refused, removed.error());
    const std::string file = pki::Layout{options.data}.administrators().string();
    if (!*removed) throw Failed(Exit::NotFound, jid.str() + " is not in " + file);
    if (options.json) {
        print(
            boost::json::serialize(boost::json::object{{"jid", jid.str()}, {"removed", true}}) +
            "\n"
        );
        return;
    }
    print(
        jid.str() + " is no longer in " + file +
        "\nIts account keeps its groups until they are changed:  gridctl accounts groups " +
        jid.str() + " GROUP…\n"
    );
}

void list_administrators(const Options& options) {
    need_data_directory(options);
    const auto file = pki::read_file(pki::Layout{options.data}.administrators());
    if (!file) throw Failed(Exit::Refused, file.error());
    const auto read = pki::parse_administrators(file->text);
    if (options.json) {
        boost::json::array jids, problems;
        for (const auto& jid : read.jids) jids.emplace_back(jid.str());
        for (const auto& problem : read.problems) problems.emplace_back(problem);
        print(
            boost::json::serialize(
                boost::json::object{{"administrators", jids}, {"problems", problems}}
            ) +
            "\n"
        );
        return;
    }
    for (const auto& jid : read.jids) print(jid.str() + "\n");
    for (const auto& problem : read.problems) print("ignored, " + printable(problem) + "\n");
}

void rebind_administrator(
    const Options& options, const std::string& name, const std::string& authority
) {
    need_data_directory(options);
    const xml::Jid jid = account_of(options, name);
    const auto asked = pki::ask_to_rebind(options.data, jid, authority_key(authority));
    if (!asked) throw Failed(Exit::Refused, asked.error());
    const std::string file = pki::Layout{options.data}.rebind().string();
    if (options.json) {
        print(
            boost::json::serialize(boost::json::object{{"jid", jid.str()}, {"asked", true}}) + "\n"
        );
        return;
    }
    print(
        jid.str() +
        " is to be bound to that certificate authority.\nA running gridd does it within "
        "two seconds, else at its next start, and then takes " +
        file + " away; its log says rebind_done, or rebind_failed and why.\n"
    );
}

}   // namespace

void add_admin_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("admin", "administrators, on this machine's --data");
    group->require_subcommand(1);
    auto jid = std::make_shared<std::string>();
    CLI::App* adding = group->add_subcommand("add", "make an account an administrator");
    adding->add_option("jid", *jid, "its address")->required();
    adding->callback([&options, jid] { add_administrator(options, *jid); });
    CLI::App* removing = group->add_subcommand("remove", "take an account off the list");
    removing->add_option("jid", *jid, "its address")->required();
    removing->callback([&options, jid] { remove_administrator(options, *jid); });
    auto authority = std::make_shared<std::string>();
    CLI::App* moving = group->add_subcommand(
        "rebind", "bind an account to another CA, when no administrator can log in any more"
    );
    moving->add_option("jid", *jid, "its address")->required();
    moving->add_option("--ca", *authority, "certificate of the CA, or the SHA-256 of its key (hex)")
        ->required();
    moving->callback([&options, jid, authority] { rebind_administrator(options, *jid, *authority); }
    );
    group->add_subcommand("list", "who is on the list")->callback([&options] {
        list_administrators(options);
    });
}

}   // namespace grid::gridctl
