// storage/log_group.cpp: see log_group.hpp; the grammar is in README.md.
#include "storage/log_group.hpp"

#include <openssl/sha.h>

#include <array>

#include "storage/batch_codec.hpp"

namespace grid::storage {
namespace {

constexpr std::uint8_t log_group_version = 1;
constexpr std::size_t checksum_bytes = 8;
/// More than a group has.
constexpr std::uint64_t entries_max = 64 * 1024;
constexpr std::size_t entry_bytes_min = 5 * sizeof(std::uint64_t) + 4;

/// Of the bytes before it: a group that was damaged on its way is not applied by anyone.
std::string checksum_of(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    return {reinterpret_cast<const char*>(digest.data()), checksum_bytes};
}

void encode_entry(Encoder& out, const LogEntry& entry) {
    out.u64(entry.origin).u64(entry.number).u64(entry.ticket).u64(entry.revision).i64(entry.time);
    encode(out, entry.batch, Expectations::Without);
}

bool decode_entry(Decoder& in, LogEntry& entry) {
    entry.origin = in.u64();
    entry.number = in.u64();
    entry.ticket = in.u64();
    entry.revision = in.u64();
    entry.time = in.i64();
    return decode(in, entry.batch);
}

/// Revisions rise from the head before to the one after.
bool is_in_order(const LogGroup& group) {
    Revision last = group.before;
    for (const LogEntry& entry : group.entries) {
        if (entry.revision <= last) return false;
        last = entry.revision;
    }
    return last == group.head;
}

}   // namespace

std::string encode(const LogGroup& group) {
    std::size_t bytes = 256;
    for (const LogEntry& entry : group.entries) bytes += 64 + entry.batch.bytes();
    Encoder out(bytes);
    out.u8(log_group_version).u64(group.term).u64(group.leader);
    out.u64(group.before).u64(group.head).i64(group.time);
    out.raw(encode(group.link)).text(encode(group.steps)).text(group.store_id).u64(group.epoch);
    out.varint(group.entries.size());
    for (const LogEntry& entry : group.entries) encode_entry(out, entry);
    std::string encoded = out.take();
    return encoded.append(checksum_of(encoded));
}

std::optional<LogGroup> decode_log_group(std::string_view bytes) {
    if (bytes.size() < checksum_bytes) return std::nullopt;
    const std::string_view body = bytes.substr(0, bytes.size() - checksum_bytes);
    if (checksum_of(body) != bytes.substr(body.size())) return std::nullopt;
    Decoder in(body);
    if (in.u8() != log_group_version) return std::nullopt;
    LogGroup group;
    group.term = in.u64();
    group.leader = in.u64();
    group.before = in.u64();
    group.head = in.u64();
    group.time = in.i64();
    group.link.number = in.u64();
    group.link.bytes = in.u64();
    for (char& byte : group.link.hash) byte = static_cast<char>(in.u8());
    const auto steps = decode_clock_steps(in.text());
    if (!steps) return std::nullopt;
    group.steps = *steps;
    group.store_id = in.text();
    group.epoch = in.u64();
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > entries_max || count > body.size() / entry_bytes_min)
        return std::nullopt;
    group.entries.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
        if (!decode_entry(in, group.entries.emplace_back())) return std::nullopt;
    if (!in.ok() || !in.at_end() || !is_in_order(group)) return std::nullopt;
    return group;
}

}   // namespace grid::storage
