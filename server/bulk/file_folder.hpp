// server/bulk/file_folder.hpp: the bytes of files that clients exchange: one file each on disk.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml/result.hpp"

namespace grid::server::bulk {

/// An open file.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor();
    int get() const { return number_; }
    bool is_open() const { return number_ >= 0; }

private:
    int number_ = -1;
};

/// The bytes of a file under one of its names. `Whole`: all bytes, as its record says. `Part`: what
/// an upload has brought so far. `Copy`: what came from another member of the cluster so far.
enum class FileForm : std::uint8_t { Whole, Part, Copy };

/// A folder below the data directory, for the server's user alone. A file's name is its id, which
/// the store knows, for other forms with `.part` or `.copy` behind it: what a client writes never
/// becomes a path. Blocks on the disk; any thread.
class FileFolder {
public:
    /// In a cluster a record may say that a file is complete while other bytes of it are here: a
    /// file that is whole has a name of its own. Elsewhere it and its part have the same name.
    enum class Parts : std::uint8_t { Together, Apart };
    /// Makes it where it is missing; the error is for the operator.
    static Result<FileFolder, std::string> open(
        const std::filesystem::path& data, Parts parts = Parts::Together
    );

    Result<Descriptor, boost::system::error_code> open_to_read(
        std::string_view id, FileForm form = FileForm::Whole
    ) const;
    /// To append to; made where it is missing.
    Result<Descriptor, boost::system::error_code> open_to_write(
        std::string_view id, FileForm form = FileForm::Part
    ) const;
    /// Makes the names of new files durable.
    boost::system::error_code sync() const;
    /// nullopt where there is none.
    std::optional<std::uint64_t> find(std::string_view id, FileForm form) const;
    /// 0 where there is none.
    std::uint64_t size_of(std::string_view id, FileForm form = FileForm::Part) const {
        return find(id, form).value_or(0);
    }
    /// The file takes the place of its other form, durably.
    boost::system::error_code turn(std::string_view id, FileForm from, FileForm to) const;
    /// SHA-256 of what is there, lower-case hex; reads all of it.
    Result<std::string, boost::system::error_code> hash_of(std::string_view id, FileForm form)
        const;
    /// All forms of it.
    void remove(std::string_view id) const;
    void remove(std::string_view id, FileForm form) const;
    /// For this user, on the disk that the folder is on.
    std::uint64_t free_bytes() const;
    /// Of all files that are there.
    std::vector<std::string> names() const;
    /// The id in such a name.
    static std::string_view id_in(std::string_view name) { return name.substr(0, name.find('.')); }

private:
    FileFolder(std::filesystem::path path, Descriptor folder, Parts parts)
        : path_(std::move(path)), folder_(std::move(folder)), parts_(parts) {}
    std::string name_of(std::string_view id, FileForm form) const;

    std::filesystem::path path_;
    Descriptor folder_;
    Parts parts_;
};

/// Reads what is in memory already, without waiting for the disk. 0: nothing of it is, or the
/// system cannot tell.
std::size_t read_without_waiting(const Descriptor& file, std::span<char> into, std::uint64_t at);
/// Waits for the disk. 0 at the end of the file.
Result<std::size_t, boost::system::error_code> read_at(
    const Descriptor& file, std::span<char> into, std::uint64_t at
);

}   // namespace grid::server::bulk
