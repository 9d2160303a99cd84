// server/bulk/file_folder.cpp: see server/bulk/file_folder.hpp.
#include "server/bulk/file_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "server/bulk/digest.hpp"

namespace grid::server::bulk {

namespace fs = std::filesystem;
using boost::system::error_code;

namespace {

constexpr const char* folder_name = "files";
constexpr std::size_t hashed_piece = 256UL * 1024;

error_code file_error() { return {errno, boost::system::system_category()}; }

/// An id has no slash, no dot and no zero byte (controller::bulk::is_file_id).
Result<Descriptor, error_code> open_at(
    const Descriptor& folder, const std::string& name, int flags
) {
    const int number = ::openat(folder.get(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (number < 0) return file_error();
    return Descriptor(number);
}

}   // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) ::close(number_);
}

Result<FileFolder, std::string> FileFolder::open(const fs::path& data, Parts parts) {
    fs::path path = data / folder_name;
    const auto complain = [&] {
        return path.string() + ": " + file_error().message() +
               ": files are kept there (files.enabled)";
    };
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return complain();
    Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder.is_open()) return complain();
    return FileFolder(std::move(path), std::move(folder), parts);
}

std::string FileFolder::name_of(std::string_view id, FileForm form) const {
    std::string name(id);
    if (form == FileForm::Copy) name += ".copy";
    if (form == FileForm::Part && parts_ == Parts::Apart) name += ".part";
    return name;
}

Result<Descriptor, error_code> FileFolder::open_to_read(std::string_view id, FileForm form) const {
    auto file = open_at(folder_, name_of(id, form), O_RDONLY);
    if (file) ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return file;
}

Result<Descriptor, error_code> FileFolder::open_to_write(std::string_view id, FileForm form) const {
    return open_at(folder_, name_of(id, form), O_RDWR | O_CREAT);
}

error_code FileFolder::sync() const {
    return ::fsync(folder_.get()) == 0 ? error_code() : file_error();
}

std::optional<std::uint64_t> FileFolder::find(std::string_view id, FileForm form) const {
    struct stat facts{};
    const std::string name = name_of(id, form);
    if (::fstatat(folder_.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(facts.st_size);
}

error_code FileFolder::turn(std::string_view id, FileForm from, FileForm to) const {
    const std::string before = name_of(id, from), after = name_of(id, to);
    if (before == after) return {};
    if (::renameat(folder_.get(), before.c_str(), folder_.get(), after.c_str()) != 0)
        return file_error();
    return sync();
}

Result<std::string, error_code> FileFolder::hash_of(std::string_view id, FileForm form) const {
    const auto file = open_to_read(id, form);
    if (!file) return file.error();
    std::vector<char> piece(hashed_piece);
    Digest digest;
    for (std::uint64_t at = 0;;) {
        const auto got = read_at(*file, piece, at);
        if (!got) return got.error();
        if (*got == 0) return digest.take();
        digest.add({piece.data(), *got});
        at += *got;
    }
}

void FileFolder::remove(std::string_view id) const {
    for (const FileForm form : {FileForm::Whole, FileForm::Part, FileForm::Copy}) remove(id, form);
}

void FileFolder::remove(std::string_view id, FileForm form) const {
    ::unlinkat(folder_.get(), name_of(id, form).c_str(), 0);
}

std::uint64_t FileFolder::free_bytes() const {
    struct statvfs room{};
    if (::fstatvfs(folder_.get(), &room) != 0) return 0;
    return std::uint64_t{room.f_bavail} * room.f_frsize;
}

std::vector<std::string> FileFolder::names() const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    return names;
}

std::size_t read_without_waiting(const Descriptor& file, std::span<char> into, std::uint64_t at) {
    const iovec part{into.data(), into.size()};
    const auto got = ::preadv2(file.get(), &part, 1, static_cast<off_t>(at), RWF_NOWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

Result<std::size_t, error_code> read_at(
    const Descriptor& file, std::span<char> into, std::uint64_t at
) {
    for (;;) {
        const auto got = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(at));
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) return file_error();
    }
}

}   // namespace grid::server::bulk
