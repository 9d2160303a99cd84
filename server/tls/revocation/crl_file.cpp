// server/tls/revocation/crl_file.cpp: see crl_file.hpp.
#include "server/tls/revocation/crl_file.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "server/regular_file.hpp"
#include "server/tls/openssl_error.hpp"

namespace grid::server::tls {

namespace {

/// A million certificates make some 40 MiB.
constexpr std::size_t crl_file_bytes_max = 64 * 1024 * 1024;
constexpr std::size_t crl_files_max = 1'000;

std::optional<FileStamp> stamp_of(const std::string& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return std::nullopt;
    return FileStamp{
        path, about.st_ctim.tv_sec * 1'000'000'000LL + about.st_ctim.tv_nsec,
        static_cast<std::uint64_t>(about.st_size), static_cast<std::uint64_t>(about.st_ino)
    };
}

std::vector<CrlPtr> read_pem(const std::string& bytes) {
    std::vector<CrlPtr> lists;
    const BioPtr in = bio_over(bytes);
    while (X509_CRL* next = PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr))
        lists.emplace_back(next);
    const auto last = ERR_peek_last_error();
    const bool is_clean =
        ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (!is_clean) lists.clear();   // cut off, or broken: half a list revokes half of it
    return lists;
}

}   // namespace

Result<std::vector<CrlPtr>, std::string> read_crls(const std::string& path) {
    const auto fail = [&](const std::string& why) {
        return Result<std::vector<CrlPtr>, std::string>(
            boost::system::in_place_error, path + ": " + why
        );
    };
    const auto read = read_regular_file(path, crl_file_bytes_max);
    if (!read) return read.error();
    const std::string& bytes = *read;
    ERR_clear_error();
    std::vector<CrlPtr> lists;
    if (bytes.find("-----BEGIN ") != std::string::npos) {
        lists = read_pem(bytes);
    } else {
        const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
        const auto* end = at + bytes.size();
        CrlPtr list(d2i_X509_CRL(nullptr, &at, static_cast<long>(bytes.size())));
        if (list && at == end) lists.push_back(std::move(list));
    }
    const std::string failure = take_openssl_failure();
    if (lists.empty())
        return fail("no certificate revocation list in it (PEM or DER is expected): " + failure);
    return lists;
}

FilesFound find_files(const std::vector<std::string>& paths) {
    namespace fs = std::filesystem;
    FilesFound found;
    const auto add = [&found](const std::string& path) {
        auto stamp = stamp_of(path);
        if (stamp && found.files.size() < crl_files_max) found.files.push_back(std::move(*stamp));
        return stamp.has_value();
    };
    for (const std::string& path : paths) {
        std::error_code failed;
        if (!fs::is_directory(path, failed)) {
            if (!add(path)) found.missing.push_back(path);
            continue;
        }
        std::vector<std::string> inside;
        for (fs::directory_iterator at(path, failed), end; !failed && at != end;
             at.increment(failed))
            if (!at->path().filename().string().starts_with('.'))
                inside.push_back(at->path().string());
        if (failed) found.missing.push_back(path);
        std::ranges::sort(inside);
        for (const std::string& file : inside) add(file);
    }
    return found;
}

}   // namespace grid::server::tls
