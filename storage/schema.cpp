// storage/schema.cpp: see schema.hpp; the grammar is in README.md.
#include "storage/schema.hpp"

#include <random>
#include <utility>

#include "storage/codec.hpp"

namespace grid::storage {
namespace {

/// So that another program's RocksDB is not taken for a store.
constexpr std::string_view magic = "gridd";

}   // namespace

std::string encode(const Header& header) {
    return Encoder()
        .raw(magic)
        .u32(header.schema)
        .text(header.store_id)
        .u64(header.epoch)
        .text(header.unicode_version)
        .take();
}

std::optional<Header> decode_header(std::string_view value) {
    if (!value.starts_with(magic)) return std::nullopt;
    Decoder decoder(value.substr(magic.size()));
    Header header;
    header.schema = decoder.u32();
    if (!decoder.ok()) return std::nullopt;
    if (header.schema != schema_version) return header;
    header.store_id = decoder.text();
    header.epoch = decoder.u64();
    header.unicode_version = decoder.text();
    if (!decoder.ok()) return std::nullopt;
    return header;
}

Header make_header(std::string unicode_version) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::random_device random;
    Header header;
    for (int i = 0; i < 32; ++i) header.store_id.push_back(digits[random() % digits.size()]);
    header.unicode_version = std::move(unicode_version);
    return header;
}

std::string encode(const AppliedGroup& group) {
    return Encoder(24).u64(group.number).u64(group.term).u64(group.leader).take();
}

std::optional<AppliedGroup> decode_applied_group(std::string_view value) {
    Decoder in(value);
    AppliedGroup group;
    group.number = in.u64();
    group.term = in.u64();
    group.leader = in.u64();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return group;
}

std::string encode_stamp(Revision revision, Millis time) {
    return Encoder(stamp_bytes).u64(revision).i64(time).take();
}

std::optional<Record> decode_record(std::string_view stored) {
    Decoder decoder(stored);
    Record record;
    record.revision = decoder.u64();
    record.time = decoder.i64();
    if (!decoder.ok()) return std::nullopt;
    record.value = decoder.raw();
    return record;
}

}   // namespace grid::storage
