// storage/store_messages.hpp: messages between the stores of a cluster's members: batches for
// the leader, and its refusals. The batches that it accepts come by the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/batch.hpp"
#include "storage/codec.hpp"
#include "storage/errors.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// A batch on its way, by the number that its member gave it.
struct ForwardedBatch {
    std::uint64_t number = 0;
    Ticket ticket = 0;
    Sender sender;
    Batch batch;
};

/// Batches in the order of their numbers. Messages of one stream are numbered, so that the leader
/// sees when one is lost; a new stream begins again with what has no outcome yet.
struct BatchesMessage {
    std::uint64_t term = 0;       // for its leader alone
    std::uint64_t stream = 0;     // rises
    std::uint64_t sequence = 0;   // in the stream, from 0
    std::uint64_t open = 0;       // batches before that number have their outcome
    std::vector<ForwardedBatch> batches;
};

/// A batch that was not accepted, and the head at which that was decided.
struct Refusal {
    std::uint64_t number = 0;
    Errc error = Errc::Conflict;
    std::string detail;
    Revision head = 0;
};
struct RefusalsMessage {
    std::uint64_t term = 0;
    std::vector<Refusal> refusals;
};

/// Batches of that stream were not taken: begin another one.
struct LostMessage {
    std::uint64_t term = 0;
    std::uint64_t stream = 0;
};

using StoreMessage = std::variant<BatchesMessage, RefusalsMessage, LostMessage>;

std::string encode(const StoreMessage& message);
/// Encodes a BatchesMessage one batch after the other, without copies of them.
class BatchesWriter {
public:
    /// The batches of `head` are left out.
    explicit BatchesWriter(const BatchesMessage& head);
    void add(std::uint64_t number, Ticket ticket, Sender sender, const Batch& batch);
    std::size_t size() const { return out_.size(); }
    std::string take() { return out_.u64(0).take(); }   // no batch has the number 0

private:
    Encoder out_;
};
/// nullopt when the bytes are no message, or are cut off.
std::optional<StoreMessage> decode_store_message(std::string_view bytes);

}   // namespace grid::storage
