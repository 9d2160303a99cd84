// controller/audit/cut.cpp: see cut.hpp.
#include "controller/audit/cut.hpp"

#include "controller/audit/place.hpp"
#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::uint8_t cut_version = 1;

std::string encode(const Place& last) {
    return storage::Encoder().u8(cut_version).text(last.key).raw(storage::encode(last.link)).take();
}

}   // namespace

std::string cut_key() { return std::string(1, static_cast<char>(storage::Tag::AuditCut)); }

std::string cut_detail(const storage::Link& link) {
    return "up to number " + std::to_string(link.number) + ", hash " +
           storage::to_hex(storage::view(link.hash));
}

storage::Result<std::optional<Cut>> newest_cut(const storage::Snapshot& snapshot) {
    const auto stored = snapshot.get(storage::Family::Control, cut_key());
    if (!stored) return stored.error();
    if (!*stored) return std::optional<Cut>{};
    storage::Decoder in((*stored)->value);
    const bool is_known = in.u8() == cut_version;
    Cut cut{std::string(in.text()), {}, (*stored)->revision};
    const auto link = storage::decode_link(in.raw());
    if (!is_known || !in.ok() || !link) return storage::Errc::Corrupt;
    cut.link = *link;
    return std::optional(std::move(cut));
}

storage::Result<std::optional<storage::Batch>> plan_cut(
    const storage::Snapshot& snapshot, const Retention& retention, storage::Millis now
) {
    const auto newest = neighbour(snapshot, {}, true);
    if (!newest) return newest.error();
    if (!*newest) return std::optional<storage::Batch>{};
    const std::uint64_t bytes = (*newest)->link.bytes;
    // Time and bytes grow along the chain: what goes is a first part of it.
    const auto end = end_of(snapshot, [&](const Place& place) {
        if (retention.keep_ms > 0 && place.time < now - retention.keep_ms) return true;
        return retention.keep_bytes > 0 && bytes - place.link.bytes >= retention.keep_bytes;
    });
    if (!end) return end.error();
    const auto last = neighbour(snapshot, *end, true);
    if (!last) return last.error();
    if (!*last) return std::optional<storage::Batch>{};
    const auto before = newest_cut(snapshot);
    if (!before) return before.error();
    storage::Batch batch;
    // Two that cut at a time must not leave the shorter cut as the one on record.
    batch.expect(
        storage::Family::Control, cut_key(), *before ? (*before)->revision : storage::Revision{0}
    );
    batch.put(storage::Family::Control, cut_key(), encode(**last));
    batch.erase(storage::Family::Audit, (*last)->key);
    Record record;
    record.actor = "system";
    record.operation = cut_operation;
    record.detail = cut_detail((*last)->link);
    append(batch, std::move(record));
    return std::optional(std::move(batch));
}

}   // namespace grid::controller::audit
