// storage/codec.hpp: how keys and values are written: big-endian integers, length-prefixed
// strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grid::storage {

/// Builds keys and values. Integers in keys are big endian, so that byte order is number order.
class Encoder {
public:
    Encoder() = default;
    /// With room for what is about to be written, where that is more than a few bytes.
    explicit Encoder(std::size_t bytes) { out_.reserve(bytes); }
    Encoder& u8(std::uint8_t value);
    Encoder& u32(std::uint32_t value);
    Encoder& u64(std::uint64_t value);
    Encoder& i64(std::int64_t value);
    Encoder& boolean(bool value) { return u8(value ? 1 : 0); }
    /// LEB128, for lengths and counts in values.
    Encoder& varint(std::uint64_t value);
    /// Length (varint) and bytes.
    Encoder& text(std::string_view value);
    /// Their number (varint), and each.
    Encoder& texts(const std::vector<std::string>& values);
    /// Bytes as they are: the last part of a key.
    Encoder& raw(std::string_view bytes);
    std::string take() { return std::move(out_); }
    std::size_t size() const { return out_.size(); }

private:
    std::string out_;
};

/// Reads what Encoder wrote. After a read past the end `ok()` is false and every value is zero or
/// empty.
class Decoder {
public:
    explicit Decoder(std::string_view bytes) : rest_(bytes) {}
    std::uint8_t u8();
    std::uint32_t u32();
    std::uint64_t u64();
    std::int64_t i64();
    bool boolean() { return u8() != 0; }
    std::uint64_t varint();
    std::string_view text();
    std::vector<std::string> texts();
    std::string_view raw() { return std::exchange(rest_, {}); }
    bool ok() const { return ok_; }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view take(std::size_t count);

    std::string_view rest_;
    bool ok_ = true;
};

}   // namespace grid::storage
