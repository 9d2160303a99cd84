// server/cluster/files/words.cpp: see words.hpp.
#include "server/cluster/files/words.hpp"

#include "controller/bulk/file.hpp"
#include "server/cluster/link/word_codec.hpp"

namespace grid::server::cluster::files {

using controller::bulk::is_file_id;   // ids become names on the disk
using storage::Decoder;
using storage::Encoder;

void Want::put_rest(Encoder& out) const {
    out.text(id).u8(static_cast<std::uint8_t>(form)).varint(from).varint(count);
}

bool Want::take_rest(Decoder& in) {
    id = in.text();
    const std::uint8_t known = in.u8();
    form = known == 0 ? bulk::FileForm::Whole : bulk::FileForm::Part;
    from = in.varint();
    count = in.varint();
    return is_file_id(id) && known <= 1;
}

void Piece::put_rest(Encoder& out) const { out.text(bytes); }

bool Piece::take_rest(Decoder& in) {
    bytes = in.text();
    return true;
}

void Lack::put_rest(Encoder& out) const { out.u8(static_cast<std::uint8_t>(why)); }

bool Lack::take_rest(Decoder& in) {
    why = static_cast<Why>(in.u8());
    return true;
}

void Keep::put_rest(Encoder& out) const { out.text(id).varint(size).text(hash); }

bool Keep::take_rest(Decoder& in) {
    id = in.text();
    size = in.varint();
    hash = in.text();
    return is_file_id(id);
}

void Kept::put_rest(Encoder& out) const { out.text(why_not).boolean(has_files); }

bool Kept::take_rest(Decoder& in) {
    why_not = in.text();
    has_files = in.boolean();
    return true;
}

void Extent::put_rest(Encoder& out) const { out.text(id).boolean(claims); }

bool Extent::take_rest(Decoder& in) {
    id = in.text();
    claims = in.boolean();
    return is_file_id(id);
}

void Extends::put_rest(Encoder& out) const { out.varint(bytes); }

bool Extends::take_rest(Decoder& in) {
    bytes = in.varint();
    return true;
}

std::string encode(const Word& word) { return encode_word(word); }

std::optional<Word> decode(std::string_view bytes) { return decode_word<Word>(bytes); }

}   // namespace grid::server::cluster::files
