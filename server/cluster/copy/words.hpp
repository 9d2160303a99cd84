// server/cluster/copy/words.hpp: the words between two members while one copies the store of the
// other (Channel::Copy).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/codec.hpp"

namespace grid::server::cluster::copy {

/// Bytes of a file in one piece.
inline constexpr std::size_t piece_bytes_max = 256UL * 1024;
/// Pieces that are asked for and have not come.
inline constexpr unsigned pieces_asked_max = 4;
inline constexpr std::size_t copy_files_max = 100'000;
/// Tables of a checkpoint that are open at one time, while it is looked at.
inline constexpr int checkpoint_files_max = 16;

struct File {
    std::string name;   // in the folder of the store
    std::uint64_t bytes = 0;
    bool operator==(const File&) const = default;
};

// Of the member that wants a copy. `number` is its own for that copy, in each of these words.

/// A word that is its number alone.
struct Plain {
    std::uint64_t number = 0;
    void put_rest(storage::Encoder&) const {}
    bool take_rest(storage::Decoder&) { return true; }
};
struct Ask : Plain {};
struct Next : Plain {};
/// The end: the asking member has all, or wants no more.
struct Leave : Plain {};

// Of the other one.
struct Offer {
    std::uint64_t number = 0;
    std::string store_id;
    std::uint64_t epoch = 0, revision = 0;
    std::vector<File> files;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
struct Refusal {
    std::uint64_t number = 0;
    std::string reason;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
/// Of one file after the other, as they are offered.
struct Piece {
    std::uint64_t number = 0;
    std::uint64_t file = 0;   // by its place in the offer
    std::string bytes;
    std::string hash;   // with its last piece: SHA-256, hex; else empty
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};

using Word = std::variant<Ask, Next, Leave, Offer, Refusal, Piece>;

std::string encode(const Word& word);
/// nullopt: it is none of these, or cut off.
std::optional<Word> decode(std::string_view bytes);

}   // namespace grid::server::cluster::copy
