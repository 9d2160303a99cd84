// server/tls/revocation/crl_store.hpp: revocation lists that are kept in the data directory.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "server/tls/revocation/crl_set.hpp"

namespace grid::server::tls {

/// The lists that count, as they were signed (DER, mode 0600), so that a restart forgets no
/// revocation although its file is away, and takes no older list. Beside them those that no CA has
/// signed that is known so far, the CAs by which lists were verified (PEM), and the names of the
/// sources that were read at any time: one of them that cannot be read now stops no start, as long
/// as the lists are here.
class CrlStore {
public:
    /// An empty path: nothing is kept.
    explicit CrlStore(std::filesystem::path folder);

    /// Every list that is kept. Unreadable files are in `problems`.
    std::vector<CrlPtr> read(std::vector<std::string>& problems) const;
    /// An error says which file.
    Result<void, std::string> keep(const Crl& about, X509_CRL* list) const;
    /// Forgets a list that does not count any more.
    void drop(const Crl& about) const;
    /// Of a CA that no path has shown yet; the last few of each.
    Result<void, std::string> keep_orphan(X509_CRL* list) const;
    void drop_orphan(X509_CRL* list) const;
    /// CAs that only a client's path has shown; without them a restart would not know whose list
    /// one is.
    std::vector<KnownCa> read_authorities(std::vector<std::string>& problems) const;
    Result<void, std::string> keep_authority(const KnownCa& authority) const;
    /// Whether that source was read once, and its lists can be read again.
    bool is_known(const std::string& source) const;
    Result<void, std::string> know(const std::string& source);

private:
    std::vector<std::filesystem::path> files(const char* extension) const;
    Result<void, std::string> write(const std::filesystem::path& path, X509_CRL* list) const;
    Result<void, std::string> write(const std::filesystem::path& path, const std::string& bytes)
        const;

    std::filesystem::path folder_;
    std::set<std::string> sources_;
};

}   // namespace grid::server::tls
