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

/// NAME.crt, NAME.key, ca.crt, README.txt. Without `force`, nothing is written when one is there
/// (but the same ca.crt may be). Returns the paths.
std::vector<std::string> write_bundle(const Options& options, const Bundle& bundle, bool force);

}   // namespace grid::gridctl
