// server/tls/revocation/crl_store.cpp: see crl_store.hpp.
#include "server/tls/revocation/crl_store.hpp"

#include <algorithm>

#include "controller/pki/files.hpp"
#include "server/tls/certificate_text.hpp"

namespace grid::server::tls {

namespace fs = std::filesystem;
namespace pki = controller::pki;

namespace {
constexpr const char* sources_file = "sources";
constexpr const char* extension = ".crl";
constexpr std::size_t lists_max = 1'000;
}   // namespace

CrlStore::CrlStore(fs::path folder) : folder_(std::move(folder)) {
    if (folder_.empty()) return;
    const auto file = pki::read_file(folder_ / sources_file);
    if (!file) return;   // then none is known: it says so by itself
    std::string_view text = file->text;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (const auto line = text.substr(0, end); !line.empty()) sources_.emplace(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

std::vector<CrlPtr> CrlStore::read(std::vector<std::string>& problems) const {
    std::vector<CrlPtr> lists;
    if (folder_.empty()) return lists;
    std::error_code failed;
    std::vector<fs::path> files;
    for (fs::directory_iterator at(folder_, failed), end; !failed && at != end;
         at.increment(failed))
        if (at->path().extension() == extension) files.push_back(at->path());
    std::ranges::sort(files);
    for (const fs::path& file : files) {
        auto read = read_crls(file.string());
        if (!read)
            problems.push_back(read.error());
        else
            std::ranges::move(*read, std::back_inserter(lists));
    }
    return lists;
}

bool CrlStore::is_known(const std::string& source) const {
    if (!sources_.contains(source)) return false;
    std::vector<std::string> problems;
    const auto lists = read(problems);
    return problems.empty() && !lists.empty();
}

namespace {

std::string file_of(const Crl& about) {
    return about.issuer_key.substr(0, 32) + "-" + about.digest.substr(0, 32) + extension;
}

/// By the name of the CA, which is all that is known of it.
std::string orphans_of(X509_CRL* list) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_NAME_digest(X509_CRL_get_issuer(list), EVP_sha256(), digest, &size);
    return "unknown-" + to_hex(digest, std::min(size, 16U)) + "-";
}

std::string orphan_file_of(X509_CRL* list) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_CRL_digest(list, EVP_sha256(), digest, &size);
    return orphans_of(list) + to_hex(digest, std::min(size, 16U)) + extension;
}

}   // namespace

Result<void, std::string> CrlStore::write(const fs::path& path, X509_CRL* list) const {
    if (auto made = pki::make_private_folder(folder_); !made) return made;
    std::error_code failed;
    if (fs::exists(path, failed)) return {};   // its name is its content
    const auto count = std::distance(fs::directory_iterator(folder_, failed), {});
    if (!failed && static_cast<std::size_t>(count) >= lists_max)
        return {
            boost::system::in_place_error,
            folder_.string() + ": more than 1000 lists are kept already"
        };
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(list, &der);
    if (size <= 0) return {boost::system::in_place_error, path.string() + ": cannot be encoded"};
    const std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return pki::write_file(path, bytes, pki::Mode::Private);
}

Result<void, std::string> CrlStore::keep(const Crl& about, X509_CRL* list) const {
    if (folder_.empty()) return {};
    return write(folder_ / file_of(about), list);
}

void CrlStore::drop(const Crl& about) const {
    std::error_code is_away;
    if (!folder_.empty()) fs::remove(folder_ / file_of(about), is_away);
}

Result<void, std::string> CrlStore::keep_orphan(X509_CRL* list) const {
    constexpr std::size_t orphans_max = 4;
    if (folder_.empty()) return {};
    const fs::path path = folder_ / orphan_file_of(list);
    std::error_code failed;
    if (fs::exists(path, failed)) return {};
    std::vector<std::pair<fs::file_time_type, fs::path>> others;
    for (fs::directory_iterator at(folder_, failed), end; !failed && at != end;
         at.increment(failed))
        if (at->path().filename().string().starts_with(orphans_of(list)))
            others.emplace_back(fs::last_write_time(at->path(), failed), at->path());
    if (others.size() >= orphans_max) fs::remove(std::ranges::min(others).second, failed);
    return write(path, list);
}

void CrlStore::drop_orphan(X509_CRL* list) const {
    std::error_code is_away;
    if (!folder_.empty()) fs::remove(folder_ / orphan_file_of(list), is_away);
}

Result<void, std::string> CrlStore::know(const std::string& source) {
    if (!sources_.insert(source).second || folder_.empty()) return {};
    if (auto made = pki::make_private_folder(folder_); !made) return made;
    std::string text;
    for (const std::string& one : sources_) text += one + "\n";
    return pki::write_file(folder_ / sources_file, text, pki::Mode::Private);
}

}   // namespace grid::server::tls
