// controller/bulk/file.hpp: the record of a file that clients exchange by HTTPS, and its event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::controller::bulk {

/// A slot (XEP-0363) until all its bytes are there and durable, then a file. The bytes are in the
/// server's folder of files, under `id`.
struct File {
    std::string id;                 // 32 hex digits, unguessable: names the file in its URL
    std::string owner;              // bare JID: the account that asked for the slot
    std::string name, media_type;   // as the client gave them
    std::uint64_t size = 0;         // in bytes; exactly so many are taken
    /// SHA-256, lower-case hex. Of a slot: announced by the client, or empty.
    std::string hash;
    bool is_complete = false;
    storage::Millis created = 0, expires = 0;
    /// Bare JIDs that may read it besides the owner, sorted; empty: any that the policy lets.
    std::vector<std::string> readers;
    storage::Revision revision = 0;   // of its record; not stored in it

    bool operator==(const File&) const = default;
};

inline constexpr std::size_t file_id_bytes = 32;
bool is_file_id(std::string_view text);

std::string file_key(std::string_view id);
std::string encode(const File& file);
/// nullopt when the bytes cannot be understood.
std::optional<File> decode_file(std::string_view id, std::string_view value);

/// The event of a batch that erases a file's record: its bytes can go, and what carries them ends.
std::string encode_removed(std::string_view id);
/// nullopt for another event.
std::optional<std::string> decode_removed(std::string_view event);
/// The event of the batch that makes a slot a file: in a cluster its bytes are on one member.
std::string encode_completed(std::string_view id);
std::optional<std::string> decode_completed(std::string_view event);

/// The URL of a file: `base`, `/bulk/`, the id and the name, percent-encoded.
std::string url_of(const File& file, std::string_view base);

}   // namespace grid::controller::bulk
