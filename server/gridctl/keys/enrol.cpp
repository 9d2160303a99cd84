// server/gridctl/keys/enrol.cpp: `enrol`: key, request, certificate and bundle of a client in one
// step, or in two where the CA is elsewhere.
#include <memory>

#include "server/gridctl/bundle.hpp"
#include "server/gridctl/file_name.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "server/usage/not_empty.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Enrolment {
    std::string name, out, certificate;
    bool force = false;
    ForBrowsers browsers;
};

template <class T>
T taken(Result<T, std::string> result) {
    if (!result) throw Failed(Exit::Refused, result.error());
    return std::move(*result);
}

std::string text_at(const fs::path& path) {
    const auto file = taken(pki::read_file(path));
    if (!file.exists) throw Failed(Exit::Usage, "there is no file " + path.string());
    return file.text;
}

void write_new(const fs::path& path, const std::string& text, pki::Mode mode, bool force) {
    const auto done =
        force ? pki::write_file(path, text, mode) : pki::create_file(path, text, mode);
    if (!done) throw Failed(Exit::Refused, done.error());
}

void tell(
    const Options& options,
    const std::string& jid,
    const char* state,
    const std::vector<std::string>& files,
    const std::string& next
) {
    if (options.json)
        return print(json_line(json::object{
            {"jid", jid},
            {"state", state},
            {"files", json::array(files.begin(), files.end())},
            {"next", next}
        }));
    print(std::string(state) + ": " + jid + "\n");
    for (const std::string& file : files) print("  " + file + "\n");
    print(next + "\n");
}

/// Why a certificate from elsewhere is not that client's.
std::string why_unfit(const Bundle& bundle, std::int64_t now) {
    const auto read = pki::describe(bundle.pair.certificate);
    if (!read) return read.error();
    if (!pki::is_pair(bundle.pair)) return "it is for another key than the one in the folder";
    if (now >= read->not_after) return "it expired on " + xml::to_datetime(read->not_after);
    const auto& jids = read->jids;
    if (!jids.empty() && std::ranges::find(jids, bundle.jid.str()) == jids.end())
        return "it is for " + jids.front() + ", not for " + bundle.jid.str();
    const auto verified = pki::verify(bundle.pair.certificate, bundle.ca, false, now);
    // The chain may lead there through certificates behind the first.
    const bool has_chain = bundle.pair.certificate.find(
                               "BEGIN CERTIFICATE", bundle.pair.certificate.find("END CERTIFICATE")
                           ) != std::string::npos;
    return verified || has_chain ? "" : verified.error();
}

void complete(const Options& options, const Enrolment& given, const Bundle& bundle) {
    const auto files = write_bundle(options, bundle, given.browsers, given.force);
    tell(
        options, bundle.jid.str(), "enrolled", files,
        "gridctl accounts approve " + bundle.jid.str() +
            "   (after its first login, unless accounts.auto_approve is on)"
    );
}

/// The first of two steps: the CA is elsewhere.
void request(const Options& options, const Enrolment& given, const Bundle& bundle) {
    const std::string name = to_file_name(bundle.jid.local());
    const fs::path key = bundle.folder / (name + ".key"), csr = bundle.folder / (name + ".csr");
    std::error_code ignored;
    for (const fs::path& path : {key, csr})
        if (!given.force && fs::exists(path, ignored))
            throw Failed(Exit::Refused, path.string() + " is there already: --force replaces it");
    if (!fs::is_directory(bundle.folder, ignored))
        if (const auto made = pki::make_private_folder(bundle.folder); !made)
            throw Failed(Exit::Refused, made.error());
    const auto made = taken(pki::make_client_request(bundle.jid.str()));
    write_new(key, made.key, pki::Mode::Private, given.force);
    write_new(csr, made.request, pki::Mode::Public, given.force);
    tell(
        options, bundle.jid.str(), "requested", {key.string(), csr.string()},
        "There is no CA in " + options.data.string() + ". Have the CA of your clients sign " +
            csr.string() +
            ", keeping its subjectAltName and extended key usage; then run\n"
            "gridctl enrol " +
            bundle.jid.str() + " --out " + bundle.folder.string() +
            " --certificate SIGNED.crt --ca CA.crt"
    );
}

void enrol(const Options& options, const Enrolment& given) {
    Bundle bundle;
    bundle.jid = account_of(options, given.name);
    bundle.folder = given.out.empty() ? fs::path(".") : fs::path(given.out);
    const pki::Layout layout{options.data};
    if (!given.certificate.empty()) {
        bundle.pair.certificate = text_at(given.certificate);
        const fs::path key = bundle.folder / (to_file_name(bundle.jid.local()) + ".key");
        bundle.pair.key = text_at(key);
        bundle.has_key = true;
        bundle.ca = text_at(options.ca.empty() ? layout.ca_certificate() : fs::path(options.ca));
        if (const std::string why = why_unfit(bundle, now_ms()); !why.empty())
            throw Failed(Exit::Refused, given.certificate + ": " + why);
        return complete(options, given, bundle);
    }
    std::error_code unreadable;
    if (!fs::exists(layout.ca_key(), unreadable) && !unreadable)
        return request(options, given, bundle);
    const pki::KeyPair ca{text_at(layout.ca_certificate()), text_at(layout.ca_key())};
    bundle.pair = taken(pki::make_client(ca, bundle.jid.str(), now_ms(), pki::client_days));
    bundle.ca = ca.certificate;
    complete(options, given, bundle);
}

constexpr const char* enrol_help =
    "Makes a key, and where --data has the evaluation CA a certificate: the files are ready to\n"
    "be used.\n"
    "Where the CA is elsewhere it makes a key and a request (PKCS#10); after the CA has signed\n"
    "that, the second call, with --certificate, checks what came back and completes the files.";

}   // namespace

void add_enrol_command(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<Enrolment>();
    CLI::App* command =
        app.add_subcommand("enrol", "make all files of a new client: key, certificate, CA");
    command->footer(enrol_help);
    command->add_option("name", given->name, "account: NAME or NAME@DOMAIN")->required();
    command->add_option("--out", given->out, "directory for the files (default: here)")
        ->type_name("DIR")
        ->check(server::usage::not_empty());
    command
        ->add_option(
            "--certificate", given->certificate, "the certificate that the CA has made, PEM"
        )
        ->type_name("FILE");
    add_browser_options(*command, given->browsers);
    command->add_flag("--force", given->force, "replace files that are there");
    command->callback([&options, given] { enrol(options, *given); });
}

}   // namespace grid::gridctl
