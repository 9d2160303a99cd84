// server/bulk/remote_files.hpp: files that clients exchange, as other members of the cluster have
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace grid::server::bulk {

/// A file that is complete.
struct KnownFile {
    std::string id;
    std::uint64_t size = 0;
    std::string hash;   // SHA-256, lower-case hex
    bool operator==(const KnownFile&) const = default;
};

/// The answers of another part of the program to connections that lack bytes. Any thread; `done`
/// once, on any thread, unless the server stops before.
class RemoteFiles {
public:
    virtual ~RemoteFiles() = default;
    /// The most that is read at once.
    static constexpr std::size_t piece_bytes_max = 128UL * 1024;

    /// Bytes of a file that is not here, at most `piece_bytes_max`. nullopt: no member that has
    /// them can be reached. The file is fetched as well, before others that are missing here.
    using ReadDone = std::function<void(std::optional<std::string> bytes)>;
    virtual void read(
        const KnownFile& file, std::uint64_t from, std::size_t count, ReadDone done
    ) = 0;

    /// All bytes of an upload are here, and durable: another member is to have them as well.
    /// The failure is for the log: there are other members, and none of them took it.
    struct Kept {
        bool is_failed = false;
        std::string failure;
    };
    virtual void keep(const KnownFile& file, std::function<void(Kept)> done) = 0;

    /// The most that any member that is reached has of an upload. 0: nothing.
    virtual void extent(const std::string& id, std::function<void(std::uint64_t bytes)> done) = 0;
    /// Bytes that another member has of an upload come here, and take the place of those here: if
    /// they reach to `offset`. No connection of that member goes on with it meanwhile.
    virtual void move_here(
        const std::string& id, std::uint64_t offset, std::function<void(bool is_here)> done
    ) = 0;
};

}   // namespace grid::server::bulk
