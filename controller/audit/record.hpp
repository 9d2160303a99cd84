// controller/audit/record.hpp: one line of the audit: who did or asked what, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/principal.hpp"
#include "storage/batch.hpp"

namespace grid::controller::audit {

enum class Outcome : std::uint8_t { Deny = 0, Allow = 1, Info = 2 };
std::string_view to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

/// Never holds payloads or secrets. Its time is that of the batch which wrote it.
struct Record {
    Outcome outcome = Outcome::Info;
    std::string actor, address;
    std::string operation;     // publish, subscribe, login, account-approve, policy-set, …
    std::string topic;         // node, where there is one
    std::string target;        // account or group acted on, where there is one
    std::string rule;          // that decided; empty: none was asked
    std::string detail;        // for a person
    std::uint64_t count = 1;   // folded: that often within a second
    bool operator==(const Record&) const = default;
};

inline constexpr std::size_t field_bytes_max = 1024;
/// A long field is cut at a character's start: the audit is for reading, not for copying.
std::string_view cut(std::string_view text);

std::string encode(const Record& record);
std::optional<Record> decode(std::string_view value);
/// Whether a value is of the kind that the store links to the one before (storage/chain.hpp), and
/// not from before it did.
bool is_linked(std::string_view value);

/// Key: revision (8 bytes, filled in by the store), index within the batch (1 byte).
inline constexpr std::size_t key_bytes = 9;

/// Adds the record to the batch that it is about: both become durable or neither.
void append(storage::Batch& batch, Record record);
/// The most frequent one, of a request to the broker that was allowed, without making a Record.
void append_allowed(
    storage::Batch& batch,
    const pubsub::Principal& actor,
    std::string_view operation,
    std::string_view topic,
    std::string_view rule
);
/// A record about this actor.
Record by(const pubsub::Principal& actor, Outcome outcome, std::string_view operation);
std::string actor_name(const pubsub::Principal& actor);

}   // namespace grid::controller::audit
