// server/cluster/files/words.cpp: see words.hpp.
#include "server/cluster/files/words.hpp"

#include <utility>

#include "controller/bulk/file.hpp"
#include "storage/codec.hpp"

namespace grid::server::cluster::files {

namespace {

using storage::Decoder;
using storage::Encoder;

// Behind the kind (the place in Word) and the number.
void put_rest(Encoder& out, const Want& want) {
    out.text(want.id).u8(static_cast<std::uint8_t>(want.form)).varint(want.from).varint(want.count);
}
void put_rest(Encoder& out, const Piece& piece) { out.text(piece.bytes); }
void put_rest(Encoder& out, const Lack& lack) { out.u8(static_cast<std::uint8_t>(lack.why)); }
void put_rest(Encoder& out, const Keep& keep) {
    out.text(keep.id).varint(keep.size).text(keep.hash);
}
void put_rest(Encoder& out, const Kept& kept) { out.text(kept.why_not).boolean(kept.has_files); }
void put_rest(Encoder& out, const Extent& extent) { out.text(extent.id).boolean(extent.claims); }
void put_rest(Encoder& out, const Extends& extends) { out.varint(extends.bytes); }

/// Ids become names on the disk.
bool is_good(const std::string& id) { return controller::bulk::is_file_id(id); }

bool take_rest(Decoder& in, Want& want) {
    want.id = in.text();
    const std::uint8_t form = in.u8();
    want.form = form == 0 ? bulk::FileForm::Whole : bulk::FileForm::Part;
    want.from = in.varint();
    want.count = in.varint();
    return is_good(want.id) && form <= 1;
}
bool take_rest(Decoder& in, Piece& piece) {
    piece.bytes = in.text();
    return true;
}
bool take_rest(Decoder& in, Lack& lack) {
    lack.why = static_cast<Lack::Why>(in.u8());
    return true;
}
bool take_rest(Decoder& in, Keep& keep) {
    keep.id = in.text();
    keep.size = in.varint();
    keep.hash = in.text();
    return is_good(keep.id);
}
bool take_rest(Decoder& in, Kept& kept) {
    kept.why_not = in.text();
    kept.has_files = in.boolean();
    return true;
}
bool take_rest(Decoder& in, Extent& extent) {
    extent.id = in.text();
    extent.claims = in.boolean();
    return is_good(extent.id);
}
bool take_rest(Decoder& in, Extends& extends) {
    extends.bytes = in.varint();
    return true;
}

template <class Kind>
std::optional<Word> read_word(Decoder& in) {
    Kind word;
    word.number = in.u64();
    if (!take_rest(in, word) || !in.ok()) return std::nullopt;
    return Word(std::move(word));
}

template <std::size_t... Places>
std::optional<Word> read_kind(Decoder& in, std::size_t kind, std::index_sequence<Places...>) {
    std::optional<Word> word;
    (void)((kind == Places && (word = read_word<std::variant_alternative_t<Places, Word>>(in), true)
           ) ||
           ...);
    return word;
}

}   // namespace

std::string encode(const Word& word) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(word.index() + 1));
    std::visit(
        [&out](const auto& kind) {
            out.u64(kind.number);
            put_rest(out, kind);
        },
        word
    );
    return out.take();
}

std::optional<Word> decode(std::string_view bytes) {
    Decoder in(bytes);
    const std::uint8_t kind = in.u8();
    return kind == 0
               ? std::nullopt
               : read_kind(in, kind - 1U, std::make_index_sequence<std::variant_size_v<Word>>{});
}

}   // namespace grid::server::cluster::files
