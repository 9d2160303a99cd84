// server/cluster/copy/files.hpp: the files of a store that is copied, on both sides.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/bulk/digest.hpp"
#include "server/bulk/file_folder.hpp"
#include "server/cluster/copy/words.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster::copy {

// All block on the disk; errors are for the operator.

/// The regular files in that folder, by name.
Result<std::vector<File>, std::string> files_in(const std::filesystem::path& folder);

/// Reads files one after the other, piece by piece.
class Reader {
public:
    Reader(std::filesystem::path folder, std::vector<File> files)
        : folder_(std::move(folder)), files_(std::move(files)) {}
    bool is_at_end() const { return at_ == files_.size(); }
    /// Not at the end.
    Result<Piece, std::string> next();

private:
    const std::filesystem::path folder_;
    const std::vector<File> files_;
    std::size_t at_ = 0;
    std::uint64_t offset_ = 0;
    bulk::Descriptor open_;
    bulk::Digest digest_;
};

/// Writes them, and believes nothing.
class Writer {
public:
    Writer(std::filesystem::path folder, std::vector<File> files)
        : folder_(std::move(folder)), files_(std::move(files)) {}
    bool is_at_end() const { return at_ == files_.size(); }
    Result<void, std::string> add(const Piece& piece);

private:
    const std::filesystem::path folder_;
    const std::vector<File> files_;
    std::size_t at_ = 0;
    std::uint64_t offset_ = 0;
    bulk::Descriptor open_;
    bulk::Digest digest_;
};

/// Why these cannot be the files of a store. Empty: they can.
std::string why_no_store(const std::vector<File>& files);

std::filesystem::path store_of(const std::filesystem::path& data);
/// Where a copy is written until it is whole.
std::filesystem::path unfinished_copy_of(const std::filesystem::path& data);
/// The copy takes the place of the store, of which nothing is left; a crash leaves one or the
/// other.
Result<void, std::string> put_in_place(const std::filesystem::path& data);
/// Takes away what a crash has left of a copy, or of the store that it replaced.
void clear_unfinished(const std::filesystem::path& data);

}   // namespace grid::server::cluster::copy
