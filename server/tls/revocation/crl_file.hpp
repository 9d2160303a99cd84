// server/tls/revocation/crl_file.hpp: certificate revocation lists read from files.
#pragma once

#include <string>
#include <vector>

#include "server/tls/openssl.hpp"
#include "xml/result.hpp"

namespace grid::server::tls {

using CrlPtr = std::unique_ptr<X509_CRL, Deleter<X509_CRL_free>>;

/// Every list of one file, PEM (one or several) or DER. The error names the file.
Result<std::vector<CrlPtr>, std::string> read_crls(const std::string& path);

/// A file as it was when it was looked at. The time is that of its inode: what an operator does to
/// its permissions counts too.
struct FileStamp {
    std::string path;
    std::int64_t changed_ns = 0;
    std::uint64_t bytes = 0, inode = 0;
    bool operator==(const FileStamp&) const = default;
};
/// The files that the paths mean now: a directory stands for the files in it, except hidden ones.
/// Missing files are left out and named in `missing`.
struct FilesFound {
    std::vector<FileStamp> files;
    std::vector<std::string> missing;
    bool operator==(const FilesFound&) const = default;
};
FilesFound find_files(const std::vector<std::string>& paths);

}   // namespace grid::server::tls
