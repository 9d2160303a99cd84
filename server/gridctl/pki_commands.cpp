// server/gridctl/pki_commands.cpp: `pki init|server|client|member|show`: the evaluation CA's files.
#include <memory>

#include "server/gridctl/bundle.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/files.hpp"
#include "server/pki/initialize.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "server/usage/not_empty.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

template <class T>
T value_of(Result<T, std::string> result) {
    if (!result) throw Failed(Exit::Refused, result.error());
    return std::move(*result);
}
void expect(const Result<void, std::string>& result) {
    if (!result) throw Failed(Exit::Refused, result.error());
}

json::array to_array(const std::vector<std::string>& texts) {
    return json::array(texts.begin(), texts.end());
}

void make_evaluation_pki(const Options& options, std::string domain) {
    if (domain.empty()) domain = domain_of(options);
    if (domain.empty()) domain = "grid.localhost";
    const auto done = value_of(pki::initialize(options.data, domain, now_ms()));
    if (options.json) {
        print(
            json::serialize(json::object{
                {"domain", domain},
                {"data", options.data.string()},
                {"made", to_array(done.made)},
                {"present", to_array(done.present)}
            }) +
            "\n"
        );
        return;
    }
    for (const auto& name : done.made) print("made     " + (options.data / name).string() + "\n");
    for (const auto& name : done.present)
        print("present  " + (options.data / name).string() + "\n");
    print(
        "EVALUATION CA for the domain " + domain +
        ". Its key, ca.key, can issue a certificate for any\n"
        "account: keep it off the server when you are done trying, or configure a CA of your own.\n"
    );
}

pki::KeyPair read_ca(const Options& options) {
    const pki::Layout layout{options.data};
    pki::KeyPair ca;
    for (auto& [path, text] :
         {std::pair{layout.ca_certificate(), &ca.certificate}, std::pair{layout.ca_key(), &ca.key}
         }) {
        auto file = value_of(pki::read_file(path));
        if (!file.exists)
            throw Failed(
                Exit::Refused, "there is no " + path.string() + ": `gridctl --data " +
                                   options.data.string() + " pki init` makes an evaluation CA"
            );
        *text = std::move(file.text);
    }
    return ca;
}

std::string until(const std::string& certificate) {
    return xml::to_datetime(value_of(pki::describe(certificate)).not_after).substr(0, 10);
}

/// A new key too: a certificate is renewed because of its age or because its key is not trusted.
void make_server_certificate(const Options& options, const std::vector<std::string>& names) {
    const pki::KeyPair ca = read_ca(options);
    const std::string domain = domain_of(options);
    if (domain.empty()) throw Failed(Exit::Refused, "no domain is known: run pki init first");
    std::vector<std::string> all = pki::server_names(domain);
    all.insert(all.end(), names.begin(), names.end());
    const auto pair = value_of(pki::make_server(ca, all, now_ms(), pki::server_days));
    const pki::Layout layout{options.data};
    expect(pki::write_file(layout.server_key(), pair.key, pki::Mode::Private));
    expect(pki::write_file(layout.server_certificate(), pair.certificate, pki::Mode::Private));
    if (options.json) {
        print(
            json::serialize(json::object{
                {"certificate", layout.server_certificate().string()},
                {"key", layout.server_key().string()},
                {"names", to_array(all)}
            }) +
            "\n"
        );
        return;
    }
    print(
        "made " + layout.server_certificate().string() + " and server.key, valid until " +
        until(pair.certificate) + ", for:\n"
    );
    for (const auto& name : all) print("  " + name + "\n");
    print("Restart gridd to use them.\n");
}

struct ClientFiles {
    std::string name, out;
    bool force = false;
    ForBrowsers browsers;
};

void make_client_certificate(const Options& options, const ClientFiles& wanted) {
    const pki::KeyPair ca = read_ca(options);
    const xml::Jid jid = account_of(options, wanted.name);
    const auto pair = value_of(pki::make_client(ca, jid.str(), now_ms(), pki::client_days));
    const fs::path folder = wanted.out.empty() ? fs::path(".") : fs::path(wanted.out);
    const Bundle bundle{jid, pair, ca.certificate, folder};
    const auto files = write_bundle(options, bundle, wanted.browsers, wanted.force);
    if (options.json) {
        print(json_line(json::object{{"jid", jid.str()}, {"files", to_array(files)}}));
        return;
    }
    print("a certificate for " + jid.str() + ", valid until " + until(pair.certificate) + ":\n");
    for (const auto& file : files) print("  " + file + "\n");
}

struct MemberFiles {
    std::string name;
    std::vector<std::string> hosts;
    std::string out;
    bool force = false;
};

/// NAME.crt, NAME.key and ca.crt; none is written where one of the first two is there already.
void make_member_certificate(const Options& options, const MemberFiles& wanted) {
    const pki::KeyPair ca = read_ca(options);
    const auto pair =
        value_of(pki::make_member(ca, wanted.name, wanted.hosts, now_ms(), pki::server_days));
    const fs::path folder = wanted.out.empty() ? fs::path(".") : fs::path(wanted.out);
    const fs::path certificate = folder / (wanted.name + ".crt"),
                   key = folder / (wanted.name + ".key"), authority = folder / "ca.crt";
    for (const auto& path : {certificate, key})
        if (std::error_code error; !wanted.force && fs::exists(path, error))
            throw Failed(Exit::Refused, path.string() + " is there already: --force replaces it");
    if (const auto there = value_of(pki::read_file(authority));
        !wanted.force && there.exists && there.text != ca.certificate)
        throw Failed(Exit::Refused, authority.string() + " is another CA's: --force replaces it");
    expect(pki::make_private_folder(folder));
    expect(pki::write_file(key, pair.key, pki::Mode::Private));
    expect(pki::write_file(certificate, pair.certificate, pki::Mode::Public));
    expect(pki::write_file(authority, ca.certificate, pki::Mode::Public));
    if (options.json) {
        print(json_line(json::object{
            {"member", wanted.name},
            {"certificate", certificate.string()},
            {"key", key.string()},
            {"ca", authority.string()}
        }));
        return;
    }
    print(
        "a certificate for the member " + wanted.name + ", valid until " + until(pair.certificate) +
        ":\n  cluster.certificate  " + certificate.string() + "\n  cluster.key          " +
        key.string() + "\n  cluster.ca           " + authority.string() + "\n"
    );
}

void show_certificates(const Options& options) {
    std::vector<Row> rows{{"FILE", "FOR", "ISSUER", "VALID UNTIL"}};
    json::array out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(pki::Layout{options.data}.pki(), error)) {
        if (entry.path().extension() != ".crt") continue;
        const auto file = value_of(pki::read_file(entry.path()));
        const auto read = value_of(pki::describe(file.text));
        const auto& names = !read.members.empty() ? read.members
                            : read.jids.empty()   ? read.hosts
                                                  : read.jids;
        const std::string end = xml::to_datetime(read.not_after);
        out.push_back(json::object{
            {"file", entry.path().string()},
            {"subject", read.subject},
            {"names", to_array(names)},
            {"issuer", read.issuer},
            {"fingerprint", read.fingerprint},
            {"not_after", end}
        });
        std::string what = printable(names.empty() ? read.subject : names.front());
        if (names.size() > 1) what += " and " + std::to_string(names.size() - 1) + " more";
        rows.push_back({entry.path().string(), what, printable(read.issuer), end});
    }
    if (error)
        throw Failed(
            Exit::Refused,
            "cannot read " + pki::Layout{options.data}.pki().string() + ": " + error.message()
        );
    print(options.json ? json_line(out) : layout(rows, terminal_width()));
}

}   // namespace

void add_pki_commands(CLI::App& app, const Options& options) {
    CLI::App* group =
        app.add_subcommand("pki", "keys and certificates in --data, without a server");
    group->require_subcommand(1);
    auto domain = std::make_shared<std::string>();
    CLI::App* initializing =
        group->add_subcommand("init", "make the evaluation CA, a server and an admin certificate");
    initializing->add_option("--domain", *domain, "the grid domain (default: grid.localhost)");
    initializing->callback([&options, domain] { make_evaluation_pki(options, *domain); });

    auto names = std::make_shared<std::vector<std::string>>();
    CLI::App* serving = group->add_subcommand("server", "make a new server certificate and key");
    serving->add_option("names", *names, "further DNS names or IP addresses for it");
    serving->callback([&options, names] { make_server_certificate(options, *names); });

    auto client = std::make_shared<ClientFiles>();
    CLI::App* joining =
        group->add_subcommand("client", "make a certificate for a client, ready to use");
    joining->add_option("name", client->name, "account: NAME or NAME@DOMAIN")->required();
    joining->add_option("--out", client->out, "directory for the files (default: here)")
        ->type_name("DIR")
        ->check(server::usage::not_empty());
    add_browser_options(*joining, client->browsers);
    joining->add_flag("--force", client->force, "replace files that are there");
    joining->callback([&options, client] { make_client_certificate(options, *client); });

    auto member = std::make_shared<MemberFiles>();
    CLI::App* linking = group->add_subcommand(
        "member", "make a certificate for a member of a cluster, for its links to the others"
    );
    linking->add_option("name", member->name, "the member: its cluster.member")->required();
    linking->add_option("--host", member->hosts, "DNS name or IP address for it; may be repeated")
        ->type_name("HOST")
        ->allow_extra_args(false);
    linking->add_option("--out", member->out, "directory for the files (default: here)")
        ->type_name("DIR")
        ->check(server::usage::not_empty());
    linking->add_flag("--force", member->force, "replace files that are there");
    linking->callback([&options, member] { make_member_certificate(options, *member); });

    group->add_subcommand("show", "what is there, and until when it is valid")
        ->callback([&options] { show_certificates(options); });
}

}   // namespace grid::gridctl
