// server/bulk/upload.cpp: see server/bulk/upload.hpp.
#include "server/bulk/upload.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "storage/chain.hpp"

namespace grid::server::bulk {

using boost::system::error_code;

namespace {

/// Read again at once, when an upload goes on: a few milliseconds of a thread of the pool.
constexpr std::uint64_t hashed_at_once = 4UL * 1024 * 1024;
constexpr std::size_t hash_piece = 256UL * 1024;
/// Sent to the disk as it comes, so that the sync at the end has little left to do, and in small
/// pieces, so that a commit does not wait for many large ones.
constexpr std::uint64_t flush_every = 1024UL * 1024;
/// Of one write: for a longer one the kernel takes large pieces of memory, which cost much more to
/// come by where several files grow at once.
constexpr std::size_t write_step = 16UL * 1024;
constexpr std::uint64_t look_every = 16UL * 1024 * 1024;

error_code upload_error() { return {errno, boost::system::system_category()}; }
error_code full_error() { return {ENOSPC, boost::system::system_category()}; }

}   // namespace

bool is_disk_full(error_code error) {
    return error.category() == boost::system::system_category() &&
           (error.value() == ENOSPC || error.value() == EDQUOT || error.value() == EFBIG);
}

Upload::Upload(const FileFolder& folder, std::string id, std::uint64_t free_bytes_min)
    : folder_(folder),
      id_(std::move(id)),
      free_bytes_min_(free_bytes_min),
      digest_(EVP_MD_CTX_new()) {}

Upload::~Upload() = default;

bool Upload::has_room(std::uint64_t more) const {
    const std::uint64_t free = folder_.free_bytes();
    return free >= free_bytes_min_ && free - free_bytes_min_ >= more;
}

Result<std::uint64_t, error_code> Upload::open() {
    auto file = folder_.open_to_write(id_);
    if (!file) return file.error();
    file_ = std::move(*file);
    struct stat facts{};
    if (::fstat(file_.get(), &facts) != 0) return upload_error();
    if (!S_ISREG(facts.st_mode)) return error_code(EINVAL, boost::system::system_category());
    return static_cast<std::uint64_t>(facts.st_size);
}

error_code Upload::begin(std::uint64_t offset, std::uint64_t more) {
    if (!has_room(more)) return full_error();
    if (!digest_ || EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr) != 1)
        return error_code(ENOMEM, boost::system::system_category());
    offset_ = flushed_ = looked_ = offset;
    hashed_ = 0;
    is_cut_off_ = false;
    return {};
}

error_code Upload::hash_some() {
    std::vector<char> piece(hash_piece);
    const std::uint64_t end = std::min(offset_, hashed_ + hashed_at_once);
    while (hashed_ < end) {
        const auto size = std::min<std::uint64_t>(piece.size(), end - hashed_);
        const auto got = read_at(file_, std::span(piece).first(size), hashed_);
        if (!got) return got.error();
        if (*got == 0) return error_code(EIO, boost::system::system_category());
        EVP_DigestUpdate(digest_.get(), piece.data(), *got);
        hashed_ += *got;
    }
    return {};
}

void Upload::hash(std::span<const char> bytes) {
    EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
}

error_code Upload::write(std::span<const char> bytes) {
    if (!std::exchange(is_cut_off_, true) &&
        ::ftruncate(file_.get(), static_cast<off_t>(offset_)) != 0)
        return upload_error();
    while (!bytes.empty()) {
        const auto put = ::pwrite(
            file_.get(), bytes.data(), std::min(bytes.size(), write_step),
            static_cast<off_t>(offset_)
        );
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return put < 0 ? upload_error() : full_error();
        offset_ += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    if (offset_ - flushed_ >= flush_every) {
        // Only a hint: what it fails to write `finish` finds.
        ::sync_file_range(
            file_.get(), static_cast<off_t>(flushed_), static_cast<off_t>(offset_ - flushed_),
            SYNC_FILE_RANGE_WRITE
        );
        flushed_ = offset_;
    }
    if (offset_ - looked_ >= look_every) {
        looked_ = offset_;
        if (!has_room(0)) return full_error();
    }
    return {};
}

Result<std::string, error_code> Upload::finish() {
    if (::fsync(file_.get()) != 0) return upload_error();
    if (const auto error = folder_.sync()) return error;
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(digest_.get(), bytes.data(), &size) != 1)
        return error_code(EIO, boost::system::system_category());
    return storage::to_hex({reinterpret_cast<const char*>(bytes.data()), size});
}

void Upload::discard() {
    folder_.remove(id_, FileForm::Part);
    file_ = Descriptor();
}

}   // namespace grid::server::bulk
