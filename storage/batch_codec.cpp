// storage/batch_codec.cpp: see batch_codec.hpp; the grammar is in README.md.
#include "storage/batch_codec.hpp"

#include <algorithm>

namespace grid::storage {
namespace {

constexpr std::uint8_t volatile_flag = 1;
constexpr std::uint8_t erase_flag = 4;   // beside the family
/// More than any batch has; each takes bytes, so that a false number ends soon.
constexpr std::uint64_t expectations_max = 64 * 1024;

std::uint8_t first_byte(Family family, bool erase) {
    return static_cast<std::uint8_t>(static_cast<std::uint8_t>(family) | (erase ? erase_flag : 0));
}

/// 0: nowhere.
std::uint64_t place(std::int32_t at) { return static_cast<std::uint64_t>(std::int64_t{at} + 1); }

bool read_place(Decoder& in, std::int32_t& at) {
    const std::uint64_t read = in.varint();
    if (read > batch_bytes_max) return false;
    at = static_cast<std::int32_t>(read) - 1;
    return true;
}

bool fits(std::int32_t at, const std::string& key) {
    return at < 0 || static_cast<std::size_t>(at) + sizeof(Revision) <= key.size();
}

bool read_write(Decoder& in, Write& write) {
    const std::uint8_t first = in.u8();
    if (first >= 2 * erase_flag) return false;
    write.family = static_cast<Family>(first & (erase_flag - 1));
    write.erase = (first & erase_flag) != 0;
    if (!read_place(in, write.revision_at) || !read_place(in, write.also_revision_at)) return false;
    write.key = in.text();
    write.value = in.text();
    return in.ok() && fits(write.revision_at, write.key) && fits(write.also_revision_at, write.key);
}

bool read_expectation(Decoder& in, Expectation& expectation) {
    const std::uint8_t family = in.u8();
    if (family >= family_count) return false;
    expectation.family = static_cast<Family>(family);
    expectation.key = in.text();
    expectation.revision = in.varint();
    return in.ok();
}

}   // namespace

static_assert(family_count == erase_flag);

void encode(Encoder& out, const Batch& batch, Expectations expectations) {
    out.u8(batch.is_volatile ? volatile_flag : 0).text(batch.event);
    out.varint(batch.operations.size());
    for (const Write& operation : batch.operations)
        out.u8(first_byte(operation.family, operation.erase))
            .varint(place(operation.revision_at))
            .varint(place(operation.also_revision_at))
            .text(operation.key)
            .text(operation.value);
    if (expectations == Expectations::Without) {
        out.varint(0);
        return;
    }
    out.varint(batch.expectations.size());
    for (const Expectation& expectation : batch.expectations)
        out.u8(static_cast<std::uint8_t>(expectation.family))
            .text(expectation.key)
            .varint(expectation.revision);
}

bool decode(Decoder& in, Batch& batch) {
    const std::uint8_t flags = in.u8();
    if (flags > volatile_flag) return false;
    batch.is_volatile = flags == volatile_flag;
    batch.event = in.text();
    const std::uint64_t writes = in.varint();
    if (!in.ok() || writes > batch_operations_max) return false;
    batch.operations.resize(writes);
    const auto read = [&](Write& write) { return read_write(in, write); };
    if (!std::ranges::all_of(batch.operations, read)) return false;
    const std::uint64_t expected = in.varint();
    if (!in.ok() || expected > expectations_max) return false;
    for (std::uint64_t i = 0; i < expected; ++i)
        if (!read_expectation(in, batch.expectations.emplace_back())) return false;
    return true;
}

}   // namespace grid::storage
