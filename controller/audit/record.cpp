// controller/audit/record.cpp: audit records as bytes.
#include "controller/audit/record.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::uint8_t unlinked_version = 1;
constexpr std::uint8_t untimed_version = 2;
constexpr std::uint8_t record_version = 3;
constexpr std::uint8_t kept_version = 4;
constexpr std::array<std::string_view, 3> outcome_names{"deny", "allow", "info"};

/// Actor, address, operation, topic, target, rule, detail.
using Fields = std::array<std::string_view, 7>;

/// One fact of a record: outcome, count, times.
struct Fact {
    Outcome outcome = Outcome::Info;
    std::uint64_t count = 1;
    storage::Millis first = 0, last = 0;
};

std::string encode_fact(const Fact& fact, const Fields& fields) {
    std::size_t bytes = 32;
    for (std::string_view field : fields) bytes += field.size() + 2;
    storage::Encoder out(bytes);
    out.u8(record_version).u8(static_cast<std::uint8_t>(fact.outcome)).varint(fact.count);
    out.varint(static_cast<std::uint64_t>(fact.first));
    out.varint(static_cast<std::uint64_t>(std::max(fact.first, fact.last) - fact.first));
    for (std::string_view field : fields) out.text(field);
    return out.take();
}

bool is_record(const storage::Write& operation) {
    return operation.family == storage::Family::Audit && !operation.erase &&
           operation.revision_at >= 0;
}

void append_encoded(storage::Batch& batch, std::string record) {
    const auto index = std::ranges::count_if(batch.operations, is_record);
    storage::Encoder key;
    key.u64(0).u8(static_cast<std::uint8_t>(index));
    batch.put_at_revision(storage::Family::Audit, key.take(), 0, std::move(record));
}

std::string hash_of(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    constexpr std::size_t shown = 8;
    return storage::to_hex({reinterpret_cast<const char*>(hash.data()), shown});
}

}   // namespace

std::string cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return std::string(text);
    const std::string mark = "…#" + hash_of(text);
    std::size_t end = bytes_max - mark.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return std::string(text.substr(0, end)) + mark;
}

std::string cut_address(std::string_view jid) {
    const std::size_t slash = jid.find('/');
    if (slash == std::string_view::npos) return cut(jid);
    return cut(jid.substr(0, slash)) + "/" + cut(jid.substr(slash + 1));
}

void cut_fields(Record& record) {
    record.actor = cut_address(record.actor);
    record.target = cut_address(record.target);
    for (std::string* name : {&record.address, &record.operation, &record.topic})
        *name = cut(*name);
    for (std::string* text : {&record.rule, &record.detail}) *text = cut(*text, text_bytes_max);
}

std::string_view to_string(Outcome outcome) {
    return outcome_names.at(static_cast<std::size_t>(outcome));
}

std::optional<Outcome> parse_outcome(std::string_view text) {
    const auto found = std::ranges::find(outcome_names, text);
    if (found == outcome_names.end()) return std::nullopt;
    return static_cast<Outcome>(found - outcome_names.begin());
}

std::string_view account_of(const Record& record) {
    return std::string_view(record.actor).substr(0, record.actor.find('/'));
}

std::string encode(const Record& given) {
    Record record = given;
    cut_fields(record);
    return encode_fact(
        {record.outcome, record.count, record.first, record.last},
        {record.actor, record.address, record.operation, record.topic, record.target, record.rule,
         record.detail}
    );
}

std::optional<Record> decode(std::string_view value) {
    if (const auto kept = decode_kept(value)) return decode(kept->original);
    storage::Decoder in(value);
    const std::uint8_t version = in.u8();
    if (version < unlinked_version || version > record_version) return std::nullopt;
    Record record;
    const std::uint8_t outcome = in.u8();
    if (outcome >= outcome_names.size()) return std::nullopt;
    record.outcome = static_cast<Outcome>(outcome);
    record.count = in.varint();
    if (version == record_version) {
        record.first = static_cast<storage::Millis>(in.varint());
        record.last = record.first + static_cast<storage::Millis>(in.varint());
    }
    for (std::string* field :
         {&record.actor, &record.address, &record.operation, &record.topic, &record.target,
          &record.rule, &record.detail})
        *field = in.text();
    if (!in.ok()) return std::nullopt;
    return record;
}

bool is_linked(std::string_view value) {
    if (value.empty()) return false;
    const auto version = static_cast<std::uint8_t>(value.front());
    return version == untimed_version || version == record_version;
}

std::string encode(const Kept& kept) {
    return storage::Encoder(kept.original.size() + 16)
        .u8(kept_version)
        .i64(kept.time)
        .text(kept.original)
        .take();
}

std::optional<Kept> decode_kept(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != kept_version) return std::nullopt;
    Kept kept;
    kept.time = in.i64();
    kept.original = in.text();
    if (!in.ok() || !is_linked(kept.original)) return std::nullopt;
    return kept;
}

void append(storage::Batch& batch, const Record& record) { append_encoded(batch, encode(record)); }

void join(storage::Batch& into, storage::Batch from) {
    auto index = std::ranges::count_if(into.operations, is_record);
    into.is_volatile = into.is_volatile && from.is_volatile;
    into.operations.reserve(into.operations.size() + from.operations.size());
    for (storage::Write& operation : from.operations) {
        if (is_record(operation)) operation.key.back() = static_cast<char>(index++);
        into.operations.push_back(std::move(operation));
    }
    // Both may rest on the same record: the actor's own account, the policy.
    for (storage::Expectation& expected : from.expectations) {
        const bool is_known =
            std::ranges::any_of(into.expectations, [&](const storage::Expectation& known) {
                return known.family == expected.family && known.key == expected.key &&
                       known.revision == expected.revision;
            });
        if (!is_known) into.expectations.push_back(std::move(expected));
    }
    into.event += from.event;
}

void append_allowed(
    storage::Batch& batch,
    const pubsub::Principal& actor,
    std::string_view operation,
    std::string_view topic,
    std::string_view rule
) {
    const bool is_system = actor.origin == pubsub::Origin::System;
    const std::string_view name = is_system ? std::string_view("system") : actor.jid.str();
    // Nearly always nothing is to be cut, and nothing is copied.
    std::string cut_name, cut_topic, cut_rule;
    if (name.size() > name_bytes_max) cut_name = cut_address(name);
    if (topic.size() > name_bytes_max) cut_topic = cut(topic);
    if (rule.size() > text_bytes_max) cut_rule = cut(rule, text_bytes_max);
    append_encoded(
        batch,
        encode_fact(
            {Outcome::Allow, 1, 0, 0}, {cut_name.empty() ? name : std::string_view(cut_name),
                                        actor.address,
                                        operation,
                                        cut_topic.empty() ? topic : std::string_view(cut_topic),
                                        {},
                                        cut_rule.empty() ? rule : std::string_view(cut_rule),
                                        {}}
        )
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
