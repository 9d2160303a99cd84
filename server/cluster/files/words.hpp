// server/cluster/files/words.hpp: the words between two members about files that clients exchange
// (Channel::Files).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/bulk/file_folder.hpp"
#include "storage/codec.hpp"

namespace grid::server::cluster::files {

// `number` is the asking member's for its question; the answer has the same.

/// Some bytes of a file.
struct Want {
    std::uint64_t number = 0;
    std::string id;
    bulk::FileForm form = bulk::FileForm::Whole;   // or Part
    std::uint64_t from = 0, count = 0;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
/// The answer: fewer bytes than wanted are all there are.
struct Piece {
    std::uint64_t number = 0;
    std::string bytes;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
/// The answer: there are none.
struct Lack {
    enum class Why : std::uint8_t {
        NotHere = 1,
        Busy = 2,      // or the disk cannot be read
        NoFiles = 3,   // this member keeps none at all
    };
    std::uint64_t number = 0;
    Why why = Why::NotHere;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
/// All bytes of an upload are here as its part: have them as well, durably.
struct Keep {
    std::uint64_t number = 0;
    std::string id;
    std::uint64_t size = 0;
    std::string hash;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
struct Kept {
    std::uint64_t number = 0;
    std::string why_not;   // empty: they are there
    bool has_files = true;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
/// How much of an upload is there? `claims`: and no connection is to go on with it there.
struct Extent {
    std::uint64_t number = 0;
    std::string id;
    bool claims = false;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};
struct Extends {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    void put_rest(storage::Encoder& out) const;
    bool take_rest(storage::Decoder& in);
};

using Word = std::variant<Want, Piece, Lack, Keep, Kept, Extent, Extends>;

std::string encode(const Word& word);
/// nullopt: it is none of these, cut off, or names no file.
std::optional<Word> decode(std::string_view bytes);

}   // namespace grid::server::cluster::files
