// storage/codec.cpp: see codec.hpp.
#include "storage/codec.hpp"

#include <array>

namespace grid::storage {
namespace {

template <class Unsigned>
void append_big_endian(std::string& out, Unsigned value) {
    std::array<char, sizeof(Unsigned)> bytes;
    for (std::size_t i = bytes.size(); i-- > 0; value = static_cast<Unsigned>(value >> 8))
        bytes[i] = static_cast<char>(value & 0xff);
    out.append(bytes.data(), bytes.size());
}

template <class Unsigned>
Unsigned big_endian(std::string_view bytes) {
    Unsigned value = 0;
    for (char byte : bytes)
        value = static_cast<Unsigned>((value << 8) | static_cast<unsigned char>(byte));
    return value;
}

}   // namespace

Encoder& Encoder::u8(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
}

Encoder& Encoder::u32(std::uint32_t value) {
    append_big_endian(out_, value);
    return *this;
}

Encoder& Encoder::u64(std::uint64_t value) {
    append_big_endian(out_, value);
    return *this;
}

Encoder& Encoder::i64(std::int64_t value) { return u64(static_cast<std::uint64_t>(value)); }

Encoder& Encoder::varint(std::uint64_t value) {
    while (value >= 0x80) {
        out_.push_back(static_cast<char>((value & 0x7f) | 0x80));
        value >>= 7;
    }
    return u8(static_cast<std::uint8_t>(value));
}

Encoder& Encoder::text(std::string_view value) {
    varint(value.size());
    return raw(value);
}

Encoder& Encoder::texts(const std::vector<std::string>& values) {
    varint(values.size());
    for (const std::string& value : values) text(value);
    return *this;
}

Encoder& Encoder::raw(std::string_view bytes) {
    out_.append(bytes);
    return *this;
}

std::string_view Decoder::take(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
}

std::uint8_t Decoder::u8() { return big_endian<std::uint8_t>(take(1)); }
std::uint32_t Decoder::u32() { return big_endian<std::uint32_t>(take(4)); }
std::uint64_t Decoder::u64() { return big_endian<std::uint64_t>(take(8)); }
std::int64_t Decoder::i64() { return static_cast<std::int64_t>(u64()); }

std::uint64_t Decoder::varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        const std::uint8_t byte = u8();
        if (!ok_) return 0;
        // The tenth byte has room for one bit: anything more does not fit into 64.
        if (shift == 63 && byte > 1) break;
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    rest_ = {};
    return 0;
}

std::string_view Decoder::text() {
    const std::uint64_t size = varint();
    return take(size);
}

std::vector<std::string> Decoder::texts() {
    std::vector<std::string> values;
    const std::uint64_t count = varint();
    for (std::uint64_t i = 0; i < count && ok_; ++i) values.emplace_back(text());
    return values;
}

}   // namespace grid::storage
