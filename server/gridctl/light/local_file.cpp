// server/gridctl/light/local_file.cpp: see server/gridctl/light/local_file.hpp.
#include "server/gridctl/light/local_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/gridctl/light/link.hpp"
#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl::light {

namespace {
constexpr std::size_t piece_of_file = 128UL * 1024;

bool is_full(int error) { return error == ENOSPC || error == EDQUOT; }
Exit exit_of(int error) {
    return is_full(error) || error == EIO || error == EFBIG ? Exit::Refused : Exit::Usage;
}
}   // namespace

FileFault::FileFault(const std::string& path, int error)
    : Failed(
          exit_of(error),
          path + ": " + (is_full(error) ? "its disk is full: " : "") + std::strerror(error)
      ) {}

/// The path was right when the file was opened, so that its name is not at fault.
FileFault unreadable(const std::string& path, int error) {
    return {
        Exit::Refused, path + (error == 0 ? " became shorter while it was read"
                                          : std::string(" cannot be read: ") + std::strerror(error))
    };
}

/// A pipe is not waited for: only a regular file is read (`size`).
LocalFile::LocalFile(const std::string& path, int flags)
    : path_(path),
      fd_(::open(
          path.c_str(), flags | O_CLOEXEC | ((flags & O_ACCMODE) == O_RDONLY ? O_NONBLOCK : 0), 0600
      )) {
    if (fd_ < 0) throw FileFault(path, errno);
}

LocalFile::~LocalFile() { ::close(fd_); }

std::uint64_t LocalFile::size() const {
    struct stat facts{};
    if (::fstat(fd_, &facts) != 0 || !S_ISREG(facts.st_mode))
        throw Failed(Exit::Usage, path_ + " is no regular file");
    return static_cast<std::uint64_t>(facts.st_size);
}

void LocalFile::add_to(Sum& sum, std::uint64_t count) const {
    std::string piece(piece_of_file, '\0');
    for (std::uint64_t at = 0; at < count;) {
        const auto most = std::min<std::uint64_t>(piece.size(), count - at);
        const ssize_t got = ::pread(fd_, piece.data(), most, static_cast<off_t>(at));
        if (got <= 0) throw unreadable(path_, got < 0 ? errno : 0);
        sum.add(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
        at += static_cast<std::uint64_t>(got);
        if (is_interrupted()) throw Interrupted();
    }
}

void LocalFile::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw FileFault(path_, errno);
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

void LocalFile::cut(std::uint64_t size) const {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0 ||
        ::lseek(fd_, static_cast<off_t>(size), SEEK_SET) < 0)
        throw FileFault(path_, errno);
}

void LocalFile::sync() const {
    if (::fsync(fd_) != 0) throw FileFault(path_, errno);
}

}   // namespace grid::gridctl::light
