// server/pki/initialize.cpp: makes the evaluation CA and its two certificates, each file once.
#include "server/pki/initialize.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>

#include "server/pki/administrators.hpp"
#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "xml/domain.hpp"

namespace grid::pki {
namespace {

namespace fs = std::filesystem;
using Done = Result<void, std::string>;

struct Making {
    fs::path folder;   // where the files go: DIR/pki, or its unfinished twin
    std::string domain;
    storage::Millis now = 0;
    Administrator administrator = Administrator::Made;
    Initialized report{};

    bool has(const char* name) const { return fs::exists(folder / name); }
    std::string at(const char* name) const { return (folder / name).string(); }
};

Done put(Making& making, const std::string& name, std::string_view text, Mode mode) {
    if (auto done = create_file(making.folder / name, text, mode); !done)
        return Failure{done.error()};
    making.report.made.push_back("pki/" + name);
    return {};
}

/// The key first: a certificate without its key would look like a finished pair gone wrong.
Done put_pair(Making& making, const std::string& name, const KeyPair& pair) {
    if (auto done = put(making, name + ".key", pair.key, Mode::Private); !done) return done;
    return put(making, name + ".crt", pair.certificate, Mode::Private);
}

Result<KeyPair, std::string> read_ca(const Making& making) {
    const auto certificate = read_file(making.folder / "ca.crt");
    if (!certificate) return Failure{certificate.error()};
    const auto key = read_file(making.folder / "ca.key");
    if (!key) return Failure{key.error()};
    if (!certificate->exists || !key->exists)
        return Failure{
            "a certificate is missing and cannot be issued, because " + making.at("ca.key") +
            " or ca.crt is not there: put them back, or move " + making.folder.string() +
            " away to start with a new CA"
        };
    return KeyPair{certificate->text, key->text};
}

Done make_domain(Making& making) {
    const auto text = read_file(making.folder / "domain");
    if (!text) return Failure{text.error()};
    if (!text->exists) return put(making, "domain", making.domain + "\n", Mode::Private);
    std::string found = text->text.substr(0, text->text.find_first_of("\r\n"));
    if (xml::prepare_domain(found, false) == making.domain) {
        making.report.present.emplace_back("pki/domain");
        return {};
    }
    return Failure{
        making.folder.string() + " was made for the domain '" + found + "', not for '" +
        making.domain + "': use that domain, or move the folder away to start with a new CA"
    };
}

Done make_ca_pair(Making& making) {
    if (making.has("ca.crt")) {
        making.report.present.emplace_back("pki/ca.crt");
        if (making.has("ca.key")) making.report.present.emplace_back("pki/ca.key");
        return {};
    }
    for (const char* name : {"ca.key", "server.crt", "server.key", "admin.crt", "admin.key"})
        if (making.has(name))
            return Failure{
                making.at(name) + " is there without ca.crt: put ca.crt back, or move " +
                making.folder.string() + " away to start with a new CA"
            };
    const auto ca = make_ca("gridd evaluation CA", making.now, ca_days);
    if (!ca) return Failure{ca.error()};
    return put_pair(making, "ca", *ca);
}

using Make = Result<KeyPair, std::string> (*)(const KeyPair& ca, const Making& making);

Done make_pair(Making& making, const std::string& name, Make make) {
    const bool has_certificate = making.has((name + ".crt").c_str());
    const bool has_key = making.has((name + ".key").c_str());
    if (has_certificate && has_key) {
        making.report.present.push_back("pki/" + name + ".crt");
        making.report.present.push_back("pki/" + name + ".key");
        return {};
    }
    if (has_certificate || has_key)
        return Failure{
            "of " + making.at(name.c_str()) + ".crt and .key only one is there: put the other " +
            "back, or move this one away to have both made anew"
        };
    const auto ca = read_ca(making);
    if (!ca) return Failure{ca.error()};
    const auto pair = make(*ca, making);
    if (!pair) return Failure{pair.error()};
    return put_pair(making, name, *pair);
}

Done make_all(Making& making) {
    if (auto done = make_domain(making); !done) return done;
    if (auto done = make_ca_pair(making); !done) return done;
    const Make server = [](const KeyPair& ca, const Making& m) {
        return make_server(ca, server_names(m.domain), m.now, server_days);
    };
    if (auto done = make_pair(making, "server", server); !done) return done;
    if (making.administrator == Administrator::None) return {};
    const Make admin = [](const KeyPair& ca, const Making& m) {
        const std::string jid = std::string(evaluation_administrator) + "@" + m.domain;
        return make_client(ca, jid, m.now, client_days);
    };
    return make_pair(making, "admin", admin);
}

/// The folder does not exist yet: make all of it in a folder beside, and rename that in one step.
Done make_at_once(Making& making, const fs::path& target) {
    const fs::path twin = target.string() + "." + std::to_string(std::random_device{}());
    if (auto done = make_private_folder(twin); !done) return done;
    making.folder = twin;
    Done done = make_all(making);
    making.folder = target;
    if (done && std::rename(twin.c_str(), target.c_str()) == 0) return {};
    const int reason = errno;
    std::error_code ignored;
    fs::remove_all(twin, ignored);
    making.report = {};
    if (!done) return done;
    // Another process was faster: its files stand.
    if (reason == ENOTEMPTY || reason == EEXIST) return make_all(making);
    return Failure{"cannot create " + target.string() + ": " + std::strerror(reason)};
}

}   // namespace

Result<Initialized, std::string> initialize(
    const fs::path& data,
    const std::string& domain,
    storage::Millis now,
    Administrator administrator
) {
    const auto jid = xml::Jid::make(evaluation_administrator, domain);
    if (!jid) return Failure{"'" + domain + "' is no domain name"};
    const Layout layout{data};
    if (auto done = make_private_folder(layout.pki()); !done) return Failure{done.error()};
    Making making{layout.pki(), std::string(jid->domain()), now, administrator};
    // Before the certificate: the other way round, a crash would leave an administrator's
    // certificate that the server does not know.
    bool listed = false;
    if (administrator == Administrator::Made && !making.has("admin.crt")) {
        const auto added = add_administrator(data, *jid);
        if (!added) return Failure{added.error()};
        listed = *added;
    }
    std::error_code error;
    const bool is_empty = fs::is_empty(layout.pki(), error);
    if (error) return Failure{"cannot read " + layout.pki().string() + ": " + error.message()};
    Done done = is_empty ? make_at_once(making, layout.pki()) : make_all(making);
    if (!done) return Failure{done.error()};
    if (listed) making.report.made.emplace_back("administrators");
    return making.report;
}

Result<bool, std::string> add_administrator(const fs::path& data, const xml::Jid& jid) {
    const Layout layout{data};
    const auto file = read_file(layout.administrators());
    if (!file) return Failure{file.error()};
    const auto listed = parse_administrators(file->text).jids;
    if (std::find(listed.begin(), listed.end(), jid) != listed.end()) return false;
    std::string text = file->exists ? file->text
                                    : "# Administrators of this grid: one bare JID per line. gridd "
                                      "reads changes within two seconds.\n";
    text = with_administrator(text, jid);
    if (auto done = write_file(layout.administrators(), text, Mode::Private); !done)
        return Failure{done.error()};
    return true;
}

Result<void, std::string> ask_to_rebind(
    const fs::path& data, const xml::Jid& jid, const std::string& key
) {
    const Layout layout{data};
    const auto file = read_file(layout.rebind());
    if (!file) return Failure{file.error()};
    return write_file(layout.rebind(), file->text + jid.str() + " " + key + "\n", Mode::Private);
}

Result<bool, std::string> remove_administrator(const fs::path& data, const xml::Jid& jid) {
    const Layout layout{data};
    const auto file = read_file(layout.administrators());
    if (!file) return Failure{file.error()};
    const std::string text = without_administrator(file->text, jid);
    if (text == file->text) return false;
    if (auto done = write_file(layout.administrators(), text, Mode::Private); !done)
        return Failure{done.error()};
    return true;
}

}   // namespace grid::pki
