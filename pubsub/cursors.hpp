// pubsub/cursors.hpp: places in the order of a node's items, and messages, as texts that tell
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

namespace grid::pubsub {

/// A revision counts the changes of the whole store, of nodes that a reader may not see too; and an
/// archive's ids "MUST be unpredictable" (XEP-0313 §3). So a place is one block of AES-256 over
/// what it is about and the revision: always the same text for one place, and no text that was not
/// given out is a place. Core strand.
class Cursors {
public:
    static constexpr std::size_t key_bytes = 32;

    /// Another length than key_bytes is filled up or cut.
    explicit Cursors(std::string_view key);
    ~Cursors();
    Cursors(const Cursors&) = delete;

    /// Of an item of that node.
    std::string place(std::uint64_t node, storage::Revision revision) const;
    std::optional<storage::Revision> find_place(std::uint64_t node, std::string_view text) const;

    /// The id of a message that tells of what one batch did at a node: `index` tells apart those of
    /// the same batch and node.
    std::string message(std::uint64_t node, storage::Revision revision, unsigned index) const;
    struct Message {
        std::uint64_t node = 0;
        storage::Revision revision = 0;
    };
    std::optional<Message> find_message(std::string_view text) const;

private:
    struct Ciphers;
    std::string seal(std::uint64_t about, storage::Revision revision) const;
    std::optional<Message> open(std::string_view text) const;

    std::unique_ptr<Ciphers> ciphers_;
};

}   // namespace grid::pubsub
