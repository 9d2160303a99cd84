// controller/audit/record.hpp: one line of the audit: actor, operation, object and outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/principal.hpp"
#include "storage/batch.hpp"
#include "storage/chain.hpp"

namespace grid::controller::audit {

enum class Outcome : std::uint8_t { Deny = 0, Allow = 1, Info = 2 };
std::string_view to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

/// Never holds payloads or secrets.
struct Record {
    Outcome outcome = Outcome::Info;
    std::string actor, address;
    std::string operation;     // publish, subscribe, login, account-approve, policy-set, …; each
                               // act has a name of its own
    std::string topic;         // node, where there is one
    std::string target;        // account or group acted on, where there is one
    std::string rule;          // that decided; empty: none was asked
    std::string detail;        // for a person
    std::uint64_t count = 1;   // folded: that often, from the first time to the last
    /// When it happened, by the wall clock; 0: when the batch was committed that wrote it.
    storage::Millis first = 0, last = 0;
    /// The record is folded with none that has another detail. Not stored.
    bool is_single = false;
    bool operator==(const Record&) const = default;
};

/// Names and addresses; what a client chooses freely must not fill the audit.
inline constexpr std::size_t name_bytes_max = 128;
/// Rules and details, which are the server's own words.
inline constexpr std::size_t text_bytes_max = 512;
/// A long field is cut at a character's start. So that two long ones can be told apart, what is
/// left ends with a part of the SHA-256 of the whole. Cutting again changes nothing.
std::string cut(std::string_view text, std::size_t bytes_max = name_bytes_max);
/// Of an address the account and the resource, each by itself: records are found by account.
std::string cut_address(std::string_view jid);
void cut_fields(Record& record);

/// The actor's bare JID.
std::string_view account_of(const Record& record);

std::string encode(const Record& record);
/// Of any version that is linked, kept or from before there was a chain.
std::optional<Record> decode(std::string_view value);
/// Whether a value is of the kind that the store links to the one before (storage/chain.hpp), and
/// not from before it did.
bool is_linked(std::string_view value);

/// A record that a cut kept while it took its neighbours (cut.hpp).
struct Kept {
    storage::Millis time = 0;    // of the batch that wrote it, as the hash has it
    std::string_view original;   // with its link in the chain
};
std::string encode(const Kept& kept);
std::optional<Kept> decode_kept(std::string_view value);

/// Key: revision (8 bytes, filled in by the store), index within the batch (1 byte).
inline constexpr std::size_t key_bytes = 9;

/// Adds the record to the batch that it is about: both become durable or neither.
void append(storage::Batch& batch, const Record& record);
/// Makes one batch of two: operations, expectations and events of `from` come after those of
/// `into`, and its audit records get places of their own. Every merging goes through here: two
/// records of one place would be one, and the chain would miss the other.
void join(storage::Batch& into, storage::Batch from);
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
