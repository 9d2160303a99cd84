// server/pki/files.cpp: reads and writes small files so that no half-written one is ever seen.
#include "server/pki/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "server/pki/failure.hpp"

namespace grid::pki {
namespace {

namespace fs = std::filesystem;

Failure failed(std::string_view what, const fs::path& path) {
    return {"cannot " + std::string(what) + " " + path.string() + ": " + std::strerror(errno)};
}

/// Closes on every way out.
class File {
public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    bool is_open() const { return descriptor_ >= 0; }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Result<void, std::string> sync_folder(const fs::path& folder) {
    const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.is_open() || ::fsync(file.get()) != 0) return failed("sync", folder);
    return {};
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Files that root makes below a folder of gridd's user must be readable by that user: `sudo
/// gridctl pki server` would otherwise leave a key that the server cannot open.
bool follow_owner(int descriptor, const fs::path& folder) {
    if (::geteuid() != 0) return true;
    struct stat status{};
    return ::stat(folder.c_str(), &status) == 0 &&
           ::fchown(descriptor, status.st_uid, status.st_gid) == 0;
}

/// Writes a new temporary file beside `path`; never readable by others when Private, not even
/// briefly.
Result<fs::path, std::string> write_beside(const fs::path& path, std::string_view text, Mode mode) {
    std::string name = path.string() + ".XXXXXX";
    const File file(::mkostemp(name.data(), O_CLOEXEC));   // 0600 from the start
    if (!file.is_open()) return failed("create", name);
    const bool done = write_all(file.get(), text) && follow_owner(file.get(), folder_of(path)) &&
                      ::fchmod(file.get(), static_cast<mode_t>(mode)) == 0 &&
                      ::fsync(file.get()) == 0;
    if (done) return Result<fs::path, std::string>(boost::system::in_place_value, name);
    Failure error = failed("write", name);
    ::unlink(name.c_str());
    return error;
}

}   // namespace

Result<FileText, std::string> read_file(const fs::path& path) {
    // Not blocking: a named pipe in place of the file must not hang the start.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        if (errno == ENOENT) return FileText{};
        return failed("read", path);
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return failed("read", path);
    if (!S_ISREG(status.st_mode)) return Failure{path.string() + " is not a regular file"};
    FileText out{true, {}};
    char buffer[16 * 1024];
    while (true) {
        const ssize_t size = ::read(file.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return failed("read", path);
        if (size == 0) return out;
        out.text.append(buffer, static_cast<std::size_t>(size));
        if (out.text.size() > small_file_bytes_max) return Failure{path.string() + " is too large"};
    }
}

Result<void, std::string> write_file(const fs::path& path, std::string_view text, Mode mode) {
    const auto written = write_beside(path, text, mode);
    if (!written) return Failure{written.error()};
    if (::rename(written->c_str(), path.c_str()) != 0) {
        Failure error = failed("write", path);
        ::unlink(written->c_str());
        return error;
    }
    return sync_folder(folder_of(path));
}

Result<void, std::string> create_file(const fs::path& path, std::string_view text, Mode mode) {
    const auto written = write_beside(path, text, mode);
    if (!written) return Failure{written.error()};
    // A link fails when the name is taken, a rename would not. Not every volume has links.
    bool done = ::link(written->c_str(), path.c_str()) == 0;
    if (!done && errno != EEXIST && !fs::exists(path))
        done = ::rename(written->c_str(), path.c_str()) == 0;
    Failure error = failed("create", path);
    ::unlink(written->c_str());   // Gone already after the rename.
    if (!done) return error;
    return sync_folder(folder_of(path));
}

Result<void, std::string> make_private_folder(const fs::path& path) {
    if (path.has_parent_path()) {
        const fs::path parent = path.parent_path();
        std::error_code error;
        if (parent.has_parent_path() && !fs::exists(parent, error))
            fs::create_directories(parent.parent_path(), error);
        if (::mkdir(parent.c_str(), 0700) == 0) {
            const File made(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!made.is_open() || !follow_owner(made.get(), folder_of(parent)))
                return failed("set the owner of", parent);
        } else if (errno != EEXIST) {
            return failed("create", parent);
        }
    }
    if (::mkdir(path.c_str(), 0700) == 0) {
        const File made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!made.is_open() || !follow_owner(made.get(), folder_of(path)))
            return failed("set the owner of", path);
        return sync_folder(folder_of(path));
    }
    struct stat status{};
    const int reason = errno;
    if (reason == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
        return {};
    errno = reason;
    return failed("create", path);
}

}   // namespace grid::pki
