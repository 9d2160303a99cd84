// controller/audit/record.cpp: audit records as bytes.
#include "controller/audit/record.hpp"

#include <algorithm>
#include <array>

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::uint8_t record_version = 1;
constexpr std::array<std::string_view, 3> outcome_names{"deny", "allow", "info"};

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
    storage::Encoder out;
    out.u8(record_version).u8(static_cast<std::uint8_t>(record.outcome)).varint(record.count);
    for (const std::string* field :
         {&record.actor, &record.address, &record.operation, &record.topic, &record.target,
          &record.rule, &record.detail})
        out.text(cut(*field));
    return out.take();
}

std::optional<Record> decode(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != record_version) return std::nullopt;
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

void append(storage::Batch& batch, Record record) {
    const auto index = std::ranges::count_if(batch.operations, [](const storage::Operation& o) {
        return o.family == storage::Family::Audit;
    });
    storage::Encoder key;
    key.u64(0).u8(static_cast<std::uint8_t>(index));
    batch.put_at_revision(storage::Family::Audit, key.take(), 0, encode(record));
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
