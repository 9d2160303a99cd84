// server/backup/copying.cpp: see server/backup/copying.hpp.
#include "server/backup/copying.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "server/bulk/file_folder.hpp"
#include "server/pki/failure.hpp"
#include "storage/chain.hpp"

namespace grid::server::backup {

namespace fs = std::filesystem;
using bulk::Descriptor;
using pki::Failure;

namespace {

constexpr std::size_t backup_piece_bytes = 1024UL * 1024;

Failure failed_at(const fs::path& path) {
    return {path.string() + ": " + std::generic_category().message(errno)};
}

Result<Descriptor, std::string> open_source(const fs::path& path) {
    using Opened = Result<Descriptor, std::string>;
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat facts{};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0) return failed_at(path);
    if (!S_ISREG(facts.st_mode)) return Failure{path.string() + " is no regular file"};
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return Opened(boost::system::in_place_value, std::move(file));
}

bool write_whole(const Descriptor& file, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

struct DigestDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

/// `to`: where the bytes go as well; null: nowhere.
Result<Taken, std::string> read_whole(
    const fs::path& from,
    const Descriptor* to,
    const fs::path& target,
    const std::atomic<bool>& stop
) {
    const auto source = open_source(from);
    if (!source) return Failure{source.error()};
    const std::unique_ptr<EVP_MD_CTX, DigestDeleter> digest(EVP_MD_CTX_new());
    EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
    std::vector<char> piece(backup_piece_bytes);
    Taken taken;
    while (true) {
        if (stop) return Failure{"the server stops"};
        const auto got = bulk::read_at(*source, piece, taken.bytes);
        if (!got) return Failure{from.string() + ": " + got.error().message()};
        if (*got == 0) break;
        EVP_DigestUpdate(digest.get(), piece.data(), *got);
        if (to != nullptr && !write_whole(*to, std::span(piece).first(*got)))
            return failed_at(target);
        taken.bytes += *got;
    }
    storage::Hash hash{};
    EVP_DigestFinal_ex(digest.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr);
    taken.hash = storage::to_hex(storage::view(hash));
    return taken;
}

Result<void, std::string> sync_by(const fs::path& folder, int (*sync)(int)) {
    const Descriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!open.is_open() || sync(open.get()) != 0) return failed_at(folder);
    return {};
}

}   // namespace

Result<Taken, std::string> hash_file(const fs::path& file, const std::atomic<bool>& stop) {
    return read_whole(file, nullptr, {}, stop);
}

Result<Taken, std::string> copy_file(
    const fs::path& from, const fs::path& to, const std::atomic<bool>& stop
) {
    const Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!target.is_open()) return failed_at(to);
    return read_whole(from, &target, to, stop);
}

Result<bool, std::string> link_file(const fs::path& from, const fs::path& to) {
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    // Some volumes have no links at all.
    if (errno == EXDEV || errno == EPERM || errno == ENOTSUP) return false;
    return failed_at(to);
}

Result<void, std::string> sync_volume(const fs::path& folder) { return sync_by(folder, ::syncfs); }

Result<void, std::string> sync_folder(const fs::path& folder) { return sync_by(folder, ::fsync); }

std::uint64_t free_bytes_of(const fs::path& folder) {
    struct statvfs room{};
    if (::statvfs(folder.c_str(), &room) != 0) return 0;
    return std::uint64_t{room.f_bavail} * room.f_frsize;
}

}   // namespace grid::server::backup
