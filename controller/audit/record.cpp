// controller/audit/record.cpp: audit records as bytes.
#include "controller/audit/record.hpp"

#include <algorithm>
#include <array>

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::uint8_t unlinked_version = 1;
constexpr std::uint8_t record_version = 2;
constexpr std::array<std::string_view, 3> outcome_names{"deny", "allow", "info"};

/// Actor, address, operation, topic, target, rule, detail.
using Fields = std::array<std::string_view, 7>;

std::string encode(Outcome outcome, std::uint64_t count, const Fields& fields) {
    std::size_t bytes = 16;
    for (std::string_view field : fields) bytes += field.size() + 2;
    storage::Encoder out(bytes);
    out.u8(record_version).u8(static_cast<std::uint8_t>(outcome)).varint(count);
    for (std::string_view field : fields) out.text(cut(field));
    return out.take();
}

void append_encoded(storage::Batch& batch, std::string record) {
    const auto index = std::ranges::count_if(batch.operations, [](const storage::Operation& o) {
        return o.family == storage::Family::Audit && !o.erase;
    });
    storage::Encoder key;
    key.u64(0).u8(static_cast<std::uint8_t>(index));
    batch.put_at_revision(storage::Family::Audit, key.take(), 0, std::move(record));
}

}   // namespace

std::string_view cut(std::string_view text) {
    if (text.size() <= field_bytes_max) return text;
    std::size_t end = field_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

std::string_view to_string(Outcome outcome) {
    return outcome_names.at(static_cast<std::size_t>(outcome));
}

std::optional<Outcome> parse_outcome(std::string_view text) {
    const auto found = std::ranges::find(outcome_names, text);
    if (found == outcome_names.end()) return std::nullopt;
    return static_cast<Outcome>(found - outcome_names.begin());
}

std::string encode(const Record& record) {
    return encode(
        record.outcome, record.count,
        {record.actor, record.address, record.operation, record.topic, record.target, record.rule,
         record.detail}
    );
}

std::optional<Record> decode(std::string_view value) {
    storage::Decoder in(value);
    const std::uint8_t version = in.u8();
    if (version != record_version && version != unlinked_version) return std::nullopt;
    Record record;
    const std::uint8_t outcome = in.u8();
    if (outcome >= outcome_names.size()) return std::nullopt;
    record.outcome = static_cast<Outcome>(outcome);
    record.count = in.varint();
    for (std::string* field :
         {&record.actor, &record.address, &record.operation, &record.topic, &record.target,
          &record.rule, &record.detail})
        *field = in.text();
    if (!in.ok()) return std::nullopt;
    return record;
}

bool is_linked(std::string_view value) {
    return !value.empty() && static_cast<std::uint8_t>(value.front()) == record_version;
}

void append(storage::Batch& batch, Record record) { append_encoded(batch, encode(record)); }

void append_allowed(
    storage::Batch& batch,
    const pubsub::Principal& actor,
    std::string_view operation,
    std::string_view topic,
    std::string_view rule
) {
    const bool is_system = actor.origin == pubsub::Origin::System;
    const std::string_view name = is_system ? std::string_view("system") : actor.jid.str();
    append_encoded(
        batch, encode(Outcome::Allow, 1, {name, actor.address, operation, topic, {}, rule, {}})
    );
}

std::string actor_name(const pubsub::Principal& actor) {
    return actor.origin == pubsub::Origin::System ? "system" : actor.jid.str();
}

Record by(const pubsub::Principal& actor, Outcome outcome, std::string_view operation) {
    Record record;
    record.outcome = outcome;
    record.actor = actor_name(actor);
    record.address = actor.address;
    record.operation = operation;
    return record;
}

}   // namespace grid::controller::audit
