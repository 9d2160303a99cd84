// server/backup/archive.hpp: a backup as one tar, piece by piece, while it is read.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/backup/manifest.hpp"
#include "server/bulk/file_folder.hpp"

namespace grid::server::backup {

/// In the format of POSIX.1-1988 (ustar), which every tar reads: `NAME/manifest.json`, then the
/// files. In memory is one piece.
class Archive : public std::enable_shared_from_this<Archive> {
public:
    struct Piece {
        std::string text;
        bool is_last = false;
        std::string failure;   // not empty: the archive ends here, and is not whole
    };
    using PiecePtr = std::shared_ptr<Piece>;

    /// `folder` holds the backup `manifest`; its files are read on `pool`. `released` is called
    /// when nobody reads it any more.
    Archive(
        std::filesystem::path folder,
        const Manifest& manifest,
        std::uint64_t manifest_bytes,
        boost::asio::thread_pool& pool,
        std::function<void()> released
    );
    ~Archive();
    Archive(const Archive&) = delete;

    /// Of the whole tar: known before it is read.
    std::uint64_t bytes() const;
    /// One at a time; `done` is called on the pool.
    void next(std::function<void(PiecePtr)> done);

private:
    struct Member {
        std::string path;
        std::uint64_t bytes = 0;
    };
    PiecePtr read();
    void begin_file(Piece& piece);
    void read_file(Piece& piece);

    const std::filesystem::path folder_;
    const std::string name_;
    const storage::Millis time_;
    std::vector<Member> members_;
    boost::asio::thread_pool& pool_;
    const std::function<void()> released_;
    std::size_t at_ = 0;         // the member being read
    std::uint64_t offset_ = 0;   // in it
    bulk::Descriptor file_;
};

/// The header of one regular file, 512 bytes. A path of more than 100 bytes is divided at a slash.
std::string tar_header(const std::string& path, std::uint64_t bytes, storage::Millis time);

}   // namespace grid::server::backup
