// server/tls/revocation/crl_store.cpp: see crl_store.hpp.
#include "server/tls/revocation/crl_store.hpp"

#include <openssl/pem.h>

#include <algorithm>

#include "server/pki/files.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"

namespace grid::server::tls {

namespace fs = std::filesystem;

namespace {
constexpr const char* sources_file = "sources";
constexpr const char* crl_extension = ".crl";
constexpr const char* authority_extension = ".pem";
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

std::vector<fs::path> CrlStore::files(const char* wanted) const {
    std::vector<fs::path> files;
    if (folder_.empty()) return files;
    std::error_code failed;
    for (fs::directory_iterator at(folder_, failed), end; !failed && at != end;
         at.increment(failed))
        if (at->path().extension() == wanted) files.push_back(at->path());
    std::ranges::sort(files);
    return files;
}

std::vector<CrlPtr> CrlStore::read(std::vector<std::string>& problems) const {
    std::vector<CrlPtr> lists;
    for (const fs::path& file : files(crl_extension)) {
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
    return about.issuer_key.substr(0, 32) + "-" + about.digest.substr(0, 32) + crl_extension;
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
    return orphans_of(list) + to_hex(digest, std::min(size, 16U)) + crl_extension;
}

}   // namespace

Result<void, std::string> CrlStore::write(const fs::path& path, const std::string& bytes) const {
    if (auto made = pki::make_private_folder(folder_); !made) return made;
    std::error_code failed;
    const auto count = std::distance(fs::directory_iterator(folder_, failed), {});
    if (!failed && static_cast<std::size_t>(count) >= lists_max)
        return {
            boost::system::in_place_error,
            folder_.string() + ": more than 1000 lists are kept already"
        };
    return pki::write_file(path, bytes, pki::Mode::Private);
}

Result<void, std::string> CrlStore::write(const fs::path& path, X509_CRL* list) const {
    std::error_code failed;
    if (fs::exists(path, failed)) return {};   // the name is made from the content
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(list, &der);
    if (size <= 0) return {boost::system::in_place_error, path.string() + ": cannot be encoded"};
    const std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return write(path, bytes);
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

std::vector<KnownCa> CrlStore::read_authorities(std::vector<std::string>& problems) const {
    std::vector<KnownCa> authorities;
    for (const fs::path& file : files(authority_extension)) {
        auto read = read_certificates(file.string());
        if (!read) {
            problems.push_back(read.error());
            continue;
        }
        for (X509Ptr& certificate : *read) {
            std::string key = key_hash_of(certificate.get());
            authorities.push_back({std::move(certificate), std::move(key)});
        }
    }
    return authorities;
}

Result<void, std::string> CrlStore::keep_authority(const KnownCa& authority) const {
    if (folder_.empty()) return {};
    const fs::path path = folder_ / ("ca-" + authority.key.substr(0, 32) + authority_extension);
    const BioPtr out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_X509(out.get(), authority.certificate.get()) != 1)
        return {boost::system::in_place_error, path.string() + ": cannot be encoded"};
    const std::string bytes = text_of(out.get());
    const auto before = pki::read_file(path);   // one that was cut is written anew
    if (before && before->exists && before->text == bytes) return {};
    return write(path, bytes);
}

Result<void, std::string> CrlStore::know(const std::string& source) {
    if (!sources_.insert(source).second || folder_.empty()) return {};
    if (auto made = pki::make_private_folder(folder_); !made) return made;
    std::string text;
    for (const std::string& one : sources_) text += one + "\n";
    return pki::write_file(folder_ / sources_file, text, pki::Mode::Private);
}

}   // namespace grid::server::tls
