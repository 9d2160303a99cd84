// server/cluster/link/word_codec.hpp: words between two members as bytes: the kind, the number and
// what stands behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "storage/codec.hpp"

namespace grid::server::cluster {

// `Word` is a variant of the kinds of words; a kind is known by its place there, from 1 on. Each
// has a `number`, `void put_rest(storage::Encoder&) const` and `bool take_rest(storage::Decoder&)`,
// which says whether what it read is good.

template <class Word>
std::string encode_word(const Word& word) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(word.index() + 1));
    std::visit(
        [&out](const auto& kind) {
            out.u64(kind.number);
            kind.put_rest(out);
        },
        word
    );
    return out.take();
}

template <class Word, std::size_t Place = 0>
std::optional<Word> decode_kind(storage::Decoder& in, std::size_t place) {
    if constexpr (Place == std::variant_size_v<Word>) {
        return std::nullopt;
    } else {
        if (place != Place) return decode_kind<Word, Place + 1>(in, place);
        std::variant_alternative_t<Place, Word> kind;
        kind.number = in.u64();
        if (!kind.take_rest(in) || !in.ok()) return std::nullopt;
        return Word(std::move(kind));
    }
}

/// nullopt: the bytes are none of these words, cut off, or not good.
template <class Word>
std::optional<Word> decode_word(std::string_view bytes) {
    storage::Decoder in(bytes);
    const std::uint8_t kind = in.u8();
    if (kind == 0) return std::nullopt;
    return decode_kind<Word>(in, kind - 1U);
}

}   // namespace grid::server::cluster
