// server/bulk/history_reader.hpp: an answer with the history of a topic, read and written piece by
// piece.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/bulk/history.hpp"
#include "pubsub/broker.hpp"
#include "server/bulk/transfers.hpp"
#include "storage/store.hpp"

namespace grid::server::bulk {

/// References to items come from the core strand, a slice at a time; their payloads are read and
/// made text on the store's reader pool. No piece is read ahead. One `next` at a time, from any
/// thread.
class HistoryReader : public std::enable_shared_from_this<HistoryReader> {
public:
    using Post = std::function<void(std::function<void()>)>;   // to the core strand

    /// References of one slice: less than 1 ms of the core strand.
    static constexpr std::size_t slice_items = 1024;
    static constexpr std::size_t slice_bytes = 512UL * 1024;   // of their payloads
    /// A piece ends with the item that takes it beyond this.
    static constexpr std::size_t piece_bytes = 96UL * 1024;

    HistoryReader(
        Post post,
        const pubsub::Broker& broker,
        storage::Store& store,
        controller::bulk::HistoryGrant grant
    );

    struct Piece {
        std::string text;   // may be empty, where a filter lets nothing through
        bool is_last = false;
        /// The answer cannot go on, and why.
        std::optional<State> failure;
        std::string reason;
    };
    using PiecePtr = std::shared_ptr<Piece>;
    using Done = std::function<void(PiecePtr)>;
    /// `done` once, from any thread. `room`: bytes that the text begins with, for the carrier.
    void next(std::size_t room, Done done);

    std::uint64_t items() const { return text_.items(); }   // between two `next`

private:
    void fetch(std::size_t room, const Done& done);
    void read(std::size_t room, const Done& done);
    PiecePtr make_piece(const storage::Snapshot& snapshot, std::size_t room);
    static PiecePtr failed(State why, std::string reason);

    const Post post_;
    const pubsub::Broker& broker_;
    storage::Store& store_;
    const controller::bulk::HistoryGrant grant_;
    controller::bulk::HistoryText text_;
    std::optional<pubsub::HistorySlice> slice_;
    std::size_t at_ = 0;   // in the slice
    bool has_begun_ = false;
};

}   // namespace grid::server::bulk
