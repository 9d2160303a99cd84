// server/process/data_directory.cpp: see data_directory.hpp.
#include "server/process/data_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "server/process/restore.hpp"

namespace grid::server {
namespace {

namespace fs = std::filesystem;

constexpr mode_t mode_of_others = S_IRWXG | S_IRWXO;

std::string octal(mode_t mode) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
    return text.data();
}

/// With the effective user, as opening will be.
bool may(const fs::path& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

/// The message names the owner, which says more than "permission denied".
std::string refused(const fs::path& data, const fs::path& path, int reason) {
    const std::string us = std::to_string(::geteuid());
    struct stat status{};
    if (reason != EACCES || ::lstat(path.c_str(), &status) != 0) {
        // A folder above stands in the way, or the volume is read-only.
        return path.string() + ": " + std::strerror(reason) + " for the user " + us +
               ": start gridd as the user that the data belongs to, or give another by --data";
    }
    return path.string() + " belongs to the user " + std::to_string(status.st_uid) + " (mode " +
           octal(status.st_mode) + "), gridd runs as the user " + us +
           ": start it as that one, or give the data to this one: chown -R " + us + " " +
           data.string();
}

std::string why_not_made(const fs::path& data) {
    fs::path above = fs::absolute(data).parent_path();
    struct stat status{};
    while (::stat(above.c_str(), &status) != 0 && errno == ENOENT && above.has_relative_path())
        above = above.parent_path();
    const auto fail = [&](const std::string& why) {
        return "cannot make the data directory " + data.string() + ": " + above.string() + ": " +
               why + "; give another by --data";
    };
    if (::stat(above.c_str(), &status) != 0) return fail(std::strerror(errno));
    if (!S_ISDIR(status.st_mode)) return fail("is no directory");
    if (may(above, W_OK | X_OK)) return {};
    return fail(std::string(std::strerror(errno)) + " for the user " + std::to_string(::geteuid()));
}

/// The folders that gridd keeps below, and the files that it has to read or write.
constexpr std::array folders_below{"store", "run", "pki"};
constexpr std::array files_below{"store/CURRENT",        "store/LOCK",     "pki/ca.crt",
                                 "pki/server.crt",       "pki/server.key", "administrators",
                                 "audit-export.position"};

/// The mode, unless the file is absent, narrow already, or another user's.
std::optional<mode_t> too_wide(const fs::path& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || status.st_uid != ::geteuid()) return std::nullopt;
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return std::nullopt;
    if ((status.st_mode & mode_of_others) == 0) return std::nullopt;
    return status.st_mode;
}

/// False: not possible on this volume.
bool narrow(const fs::path& path, mode_t mode) {
    return ::chmod(path.c_str(), mode & static_cast<mode_t>(~mode_of_others) & 07777) == 0;
}

void narrow_folder(const fs::path& path, Log& log) {
    const auto mode = too_wide(path);
    if (!mode) return;
    if (narrow(path, *mode))
        log.warn(
            "permissions_narrowed", {{"path", path.string()},
                                     {"from", octal(*mode)},
                                     {"to", octal(*mode & static_cast<mode_t>(~mode_of_others))}}
        );
    else
        log.warn(
            "permissions_wide",
            {{"path", path.string()}, {"mode", octal(*mode)}, {"reason", std::strerror(errno)}}
        );
}

/// One line for all files of a folder: a store has many.
void narrow_files(const fs::path& folder, Log& log) {
    std::size_t count = 0;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const auto mode = too_wide(at->path());
        if (mode && S_ISREG(*mode) && narrow(at->path(), *mode)) ++count;
    }
    if (count > 0)
        log.warn(
            "permissions_narrowed",
            {{"path", folder.string()}, {"files", std::to_string(count)}, {"to", "0600"}}
        );
}

}   // namespace

std::string why_unusable(const fs::path& data) {
    struct stat status{};
    if (::stat(data.c_str(), &status) != 0)
        return errno == ENOENT ? why_not_made(data) : refused(data, data, errno);
    if (!S_ISDIR(status.st_mode)) return data.string() + " is no directory; give another by --data";
    if (std::string why = why_half_restored(data); !why.empty()) return why;
    if (!may(data, R_OK | W_OK | X_OK)) return refused(data, data, errno);
    for (const char* name : folders_below)
        if (const fs::path path = data / name;
            ::stat(path.c_str(), &status) == 0 && !may(path, R_OK | W_OK | X_OK))
            return refused(data, path, errno);
    for (const char* name : files_below)
        if (const fs::path path = data / name;
            ::stat(path.c_str(), &status) == 0 && !may(path, R_OK))
            return refused(data, path, errno);
    return {};
}

void secure_data_directory(const fs::path& data, Log& log) {
    std::error_code failed;
    fs::create_directories(data, failed);   // the store says why it cannot be opened
    narrow_folder(data, log);
    narrow_files(data, log);
    for (const char* name : folders_below) {
        narrow_folder(data / name, log);
        narrow_files(data / name, log);
    }
}

}   // namespace grid::server
