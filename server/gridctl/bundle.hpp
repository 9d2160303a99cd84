// server/gridctl/bundle.hpp: the files that a new client is handed, with how to connect.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/gridctl/options.hpp"
#include "server/pki/pki.hpp"
#include "xml/jid.hpp"

namespace grid::gridctl {

struct Bundle {
    xml::Jid jid;
    pki::KeyPair pair;
    std::string ca;   // PEM
    std::filesystem::path folder;
    bool has_key = false;   // the key's file is there already, and stays
};

/// The options --pkcs12 and --password: NAME.p12, which browsers import.
struct ForBrowsers {
    bool wanted = false;
    std::string password;   // where it is read from
};
void add_browser_options(CLI::App& command, ForBrowsers& given);

/// NAME.crt, NAME.key, ca.crt, README.txt, and NAME.p12 where it is wanted. Without `force`,
/// nothing is written when one is there (but the same ca.crt may be). Returns the paths.
std::vector<std::string> write_bundle(
    const Options& options, const Bundle& bundle, const ForBrowsers& browsers, bool force
);

}   // namespace grid::gridctl
