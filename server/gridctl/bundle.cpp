// server/gridctl/bundle.cpp: writes a client's key, certificate, CA and how to connect.
#include "server/gridctl/bundle.hpp"

#include "server/gridctl/bundle_readme.hpp"
#include "server/gridctl/file_name.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/files.hpp"

namespace grid::gridctl {
namespace {

namespace fs = std::filesystem;

void replace_all(std::string& text, std::string_view what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

std::string port_or(const std::string& address, const char* otherwise) {
    return address.empty() ? otherwise : port_of(address);
}

std::string make_readme(const Options& options, const Bundle& bundle) {
    const Ready ready = read_ready(options);
    const std::string domain(bundle.jid.domain());
    // An evaluation's domain resolves nowhere, a real one is what clients elsewhere should use.
    const bool is_local = domain == "localhost" || domain.ends_with(".localhost");
    std::string host = is_local ? "127.0.0.1" : to_dns(domain);
    if (!ready.c2s.empty() && !is_wildcard(ready.c2s)) host = host_of(ready.c2s);
    const bool is_v6 = host.find(':') != std::string::npos;
    std::string text(bundle_readme);
    replace_all(text, "@JID@", bundle.jid.str());
    replace_all(text, "@FILE@", to_file_name(bundle.jid.local()));
    replace_all(text, "@DOMAIN@", domain);
    replace_all(text, "@NAME@", to_dns(domain));
    replace_all(text, "@HOST@", host);
    replace_all(text, "@ADDRESS@", is_v6 ? "[" + host + "]" : host);
    replace_all(text, "@PORT@", port_or(ready.c2s, "5222"));
    replace_all(text, "@TLSPORT@", port_or(ready.c2s_tls, "5223"));
    return text;
}

void put_file(const fs::path& path, const std::string& text, pki::Mode mode, bool force) {
    const auto done =
        force ? pki::write_file(path, text, mode) : pki::create_file(path, text, mode);
    if (!done) throw Failed(Exit::Refused, done.error());
}

std::vector<std::string> write_files(const Options& options, const Bundle& bundle, bool force) {
    const std::string name = to_file_name(bundle.jid.local());
    const fs::path certificate = bundle.folder / (name + ".crt"),
                   key = bundle.folder / (name + ".key");
    const fs::path ca = bundle.folder / "ca.crt", text = bundle.folder / "README.txt";
    if (!fs::is_directory(bundle.folder)) {
        const auto made = pki::make_private_folder(bundle.folder);
        if (!made) throw Failed(Exit::Refused, made.error());
    }
    const auto starts_with = [](const fs::path& path, const std::string& start) {
        const auto file = pki::read_file(path);
        return file && file->exists && file->text.starts_with(start);
    };
    // Several clients may share a folder: the CA is the same one then, and the README the latest's.
    const bool is_same_ca = starts_with(ca, bundle.ca);
    const bool is_our_readme = starts_with(text, std::string(bundle_readme_head));
    for (const fs::path& path : {certificate, key, text, ca}) {
        const bool is_shared = (path == ca && is_same_ca) || (path == text && is_our_readme) ||
                               (path == key && bundle.has_key);
        if (!force && fs::exists(path) && !is_shared)
            throw Failed(Exit::Refused, path.string() + " is there already: --force replaces it");
    }
    if (!bundle.has_key) put_file(key, bundle.pair.key, pki::Mode::Private, force);
    put_file(certificate, bundle.pair.certificate, pki::Mode::Public, force);
    if (!is_same_ca) put_file(ca, bundle.ca, pki::Mode::Public, force);
    put_file(text, make_readme(options, bundle), pki::Mode::Public, force || is_our_readme);
    return {certificate.string(), key.string(), ca.string(), text.string()};
}

}   // namespace

void add_browser_options(CLI::App& command, ForBrowsers& given) {
    command.add_flag("--pkcs12", given.wanted, "also NAME.p12, which browsers import");
    command.add_option(
        "--password", given.password,
        "of NAME.p12: @FILE, or - for standard input (default: it is asked for)"
    );
}

std::vector<std::string> write_bundle(
    const Options& options, const Bundle& bundle, const ForBrowsers& browsers, bool force
) {
    if (!browsers.wanted) return write_files(options, bundle, force);
    // Asked for before any file is made.
    const std::string password = read_password(browsers.password);
    const fs::path file = bundle.folder / (to_file_name(bundle.jid.local()) + ".p12");
    std::error_code ignored;
    if (!force && fs::exists(file, ignored))
        throw Failed(Exit::Refused, file.string() + " is there already: --force replaces it");
    const auto text = pki::make_pkcs12(bundle.pair, bundle.ca, bundle.jid.str(), password);
    if (!text) throw Failed(Exit::Refused, text.error());
    auto files = write_files(options, bundle, force);
    put_file(file, *text, pki::Mode::Private, force);
    files.push_back(file.string());
    return files;
}

}   // namespace grid::gridctl
