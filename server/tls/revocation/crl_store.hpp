// server/tls/revocation/crl_store.hpp: revocation lists that are kept in the data directory.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "server/tls/revocation/crl_set.hpp"

namespace grid::server::tls {

/// The newest list of each CA and scope, as it was signed (DER, mode 0600), so that a restart
/// forgets no revocation although its file is away, and takes no older list. Beside them the names
/// of the sources that were read at any time: one of them that cannot be read now stops no start.
class CrlStore {
public:
    /// An empty path: nothing is kept.
    explicit CrlStore(std::filesystem::path folder);

    /// Every list that is kept. What cannot be read is in `problems`.
    std::vector<CrlPtr> read(std::vector<std::string>& problems) const;
    /// Puts the list in the place of the one of the same CA and scope. An error says which file.
    Result<void, std::string> keep(const Crl& about, X509_CRL* list) const;
    bool is_known(const std::string& source) const { return sources_.contains(source); }
    Result<void, std::string> know(const std::string& source);

private:
    std::filesystem::path folder_;
    std::set<std::string> sources_;
};

}   // namespace grid::server::tls
