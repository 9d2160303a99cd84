// server/cluster/copy/words.cpp: see words.hpp.
#include "server/cluster/copy/words.hpp"

#include <utility>

#include "storage/codec.hpp"

namespace grid::server::cluster::copy {

namespace {

using storage::Decoder;
using storage::Encoder;

// Behind the kind (the place in Word) and the number of the copy.
void put(Encoder&, const Ask&) {}
void put(Encoder&, const Next&) {}
void put(Encoder&, const Leave&) {}
void put(Encoder& out, const Offer& offer) {
    out.text(offer.store_id).u64(offer.epoch).u64(offer.revision).varint(offer.files.size());
    for (const File& file : offer.files) out.text(file.name).varint(file.bytes);
}
void put(Encoder& out, const Refusal& refusal) { out.text(refusal.reason); }
void put(Encoder& out, const Piece& piece) {
    out.varint(piece.file).text(piece.bytes).text(piece.hash);
}

void take(Decoder&, Ask&) {}
void take(Decoder&, Next&) {}
void take(Decoder&, Leave&) {}
void take(Decoder& in, Offer& offer) {
    offer.store_id = in.text();
    offer.epoch = in.u64();
    offer.revision = in.u64();
    const auto count = in.varint();
    for (std::uint64_t i = 0; i < count && i <= copy_files_max && in.ok(); ++i) {
        File& file = offer.files.emplace_back();
        file.name = in.text();
        file.bytes = in.varint();
    }
}
void take(Decoder& in, Refusal& refusal) { refusal.reason = in.text(); }
void take(Decoder& in, Piece& piece) {
    piece.file = in.varint();
    piece.bytes = in.text();
    piece.hash = in.text();
}

template <class Kind>
std::optional<Word> read(Decoder& in) {
    Kind word;
    word.copy = in.u64();
    take(in, word);
    if (!in.ok()) return std::nullopt;
    return Word(std::move(word));
}

}   // namespace

std::string encode(const Word& word) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(word.index() + 1));
    std::visit(
        [&out](const auto& kind) {
            out.u64(kind.copy);
            put(out, kind);
        },
        word
    );
    return out.take();
}

std::optional<Word> decode(std::string_view bytes) {
    Decoder in(bytes);
    switch (in.u8()) {
        case 1:
            return read<Ask>(in);
        case 2:
            return read<Next>(in);
        case 3:
            return read<Leave>(in);
        case 4:
            return read<Offer>(in);
        case 5:
            return read<Refusal>(in);
        case 6:
            return read<Piece>(in);
        default:
            return std::nullopt;
    }
}

}   // namespace grid::server::cluster::copy
