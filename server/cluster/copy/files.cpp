// server/cluster/copy/files.cpp: see files.hpp.
#include "server/cluster/copy/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>
#include <system_error>
#include <utility>

#include "server/backup/copying.hpp"
#include "server/backup/manifest.hpp"
#include "server/pki/failure.hpp"

namespace grid::server::cluster::copy {

namespace fs = std::filesystem;
using bulk::Descriptor;
using pki::Failure;

namespace {

Failure failed_with_errno(const fs::path& path) {
    return {path.string() + ": " + std::generic_category().message(errno)};
}

bool is_store_file(const std::string& name) { return backup::is_backup_path("store/" + name); }

}   // namespace

Result<std::vector<File>, std::string> files_in(const fs::path& folder) {
    std::vector<File> files;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (!is_store_file(name) || !at->is_regular_file(error) || error) continue;
        files.push_back({name, at->file_size(error)});
        if (error) break;
    }
    if (error) return Failure{folder.string() + ": " + error.message()};
    std::ranges::sort(files, {}, &File::name);
    return files;
}

Result<Piece, std::string> Reader::next() {
    const File& file = files_[at_];
    const fs::path path = folder_ / file.name;
    if (!open_.is_open()) {
        open_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!open_.is_open()) return failed_with_errno(path);
        ::posix_fadvise(open_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    Piece piece;
    piece.file = at_;
    piece.bytes.resize(std::min<std::uint64_t>(piece_bytes_max, file.bytes - offset_));
    std::size_t filled = 0;
    while (filled < piece.bytes.size()) {
        const auto got =
            bulk::read_at(open_, std::span(piece.bytes).subspan(filled), offset_ + filled);
        if (!got) return Failure{path.string() + ": " + got.error().message()};
        if (*got == 0) return Failure{path.string() + " is shorter than it was"};
        filled += *got;
    }
    digest_.add(piece.bytes);
    offset_ += filled;
    if (offset_ == file.bytes) {
        piece.hash = digest_.take();
        open_ = Descriptor();
        offset_ = 0;
        ++at_;
    }
    return piece;
}

Result<void, std::string> Writer::add(const Piece& piece) {
    if (is_at_end() || piece.file != at_) return Failure{"a piece came out of order"};
    const File& file = files_[at_];
    const fs::path path = folder_ / file.name;
    if (piece.bytes.size() > file.bytes - offset_)
        return Failure{file.name + " is longer than was offered"};
    if (!open_.is_open()) {
        open_ = Descriptor(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
        );
        if (!open_.is_open()) return failed_with_errno(path);
    }
    for (std::string_view rest = piece.bytes; !rest.empty();) {
        const auto written = ::write(open_.get(), rest.data(), rest.size());
        if (written < 0 && errno != EINTR) return failed_with_errno(path);
        if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    digest_.add(piece.bytes);
    offset_ += piece.bytes.size();
    if ((offset_ == file.bytes) == piece.hash.empty())
        return Failure{file.name + " is not as long as was offered"};
    if (piece.hash.empty()) return {};
    if (digest_.take() != piece.hash) return Failure{file.name + " came with another hash"};
    open_ = Descriptor();
    offset_ = 0;
    ++at_;
    return {};
}

std::string why_no_store(const std::vector<File>& files) {
    if (files.size() > copy_files_max) return "it has too many files";
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (!is_store_file(files[i].name)) return "a file in it has no name of a store's file";
        if (i > 0 && files[i].name <= files[i - 1].name) return "its files are not in order";
    }
    const bool is_store =
        std::ranges::any_of(files, [](const File& file) { return file.name == "CURRENT"; });
    return is_store ? "" : "it is no store";
}

fs::path store_of(const fs::path& data) { return data / "store"; }
fs::path unfinished_copy_of(const fs::path& data) { return data / "store.copying"; }

namespace {

/// Where a volume cannot exchange two names.
fs::path replaced_in(const fs::path& data) { return data / "store.replaced"; }

/// Empty: done.
std::error_code exchange(const fs::path& one, const fs::path& other) {
    if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0)
        return {};
    return {errno, std::generic_category()};
}

}   // namespace

Result<void, std::string> put_in_place(const fs::path& data) {
    const fs::path copy = unfinished_copy_of(data), store = store_of(data);
    // The names of its files, and their bytes.
    if (auto synced = backup::sync_volume(copy); !synced) return synced;
    std::error_code error;
    if (fs::exists(store, error)) {
        error = exchange(copy, store);
        if (error == std::errc::invalid_argument || error == std::errc::function_not_supported) {
            error.clear();
            fs::rename(store, replaced_in(data), error);
            if (!error) fs::rename(copy, store, error);
        }
    } else if (!error) {
        fs::rename(copy, store, error);
    }
    if (error) return Failure{store.string() + ": " + error.message()};
    if (auto synced = backup::sync_folder(data); !synced) return synced;
    clear_unfinished(data);
    return {};
}

void clear_unfinished(const fs::path& data) {
    std::error_code ignored;
    const fs::path replaced = replaced_in(data);
    if (fs::exists(replaced, ignored) && !fs::exists(store_of(data), ignored))
        fs::rename(replaced, store_of(data), ignored);
    fs::remove_all(replaced, ignored);
    fs::remove_all(unfinished_copy_of(data), ignored);
}

}   // namespace grid::server::cluster::copy
