// server/cluster/copy/words.cpp: see words.hpp.
#include "server/cluster/copy/words.hpp"

#include "server/cluster/link/word_codec.hpp"

namespace grid::server::cluster::copy {

using storage::Decoder;
using storage::Encoder;

void Offer::put_rest(Encoder& out) const {
    out.text(store_id).u64(epoch).u64(revision).varint(files.size());
    for (const File& file : files) out.text(file.name).varint(file.bytes);
}

bool Offer::take_rest(Decoder& in) {
    store_id = in.text();
    epoch = in.u64();
    revision = in.u64();
    const auto count = in.varint();
    for (std::uint64_t i = 0; i < count && i <= copy_files_max && in.ok(); ++i) {
        File& file = files.emplace_back();
        file.name = in.text();
        file.bytes = in.varint();
    }
    return true;
}

void Refusal::put_rest(Encoder& out) const { out.text(reason); }

bool Refusal::take_rest(Decoder& in) {
    reason = in.text();
    return true;
}

void Piece::put_rest(Encoder& out) const { out.varint(file).text(bytes).text(hash); }

bool Piece::take_rest(Decoder& in) {
    file = in.varint();
    bytes = in.text();
    hash = in.text();
    return true;
}

std::string encode(const Word& word) { return encode_word(word); }

std::optional<Word> decode(std::string_view bytes) { return decode_word<Word>(bytes); }

}   // namespace grid::server::cluster::copy
