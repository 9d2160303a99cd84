// storage/conflicted_senders.hpp: the senders of which a batch conflicted, so that those behind it
// do too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "storage/store.hpp"

namespace grid::storage {

/// A bounded memory: a sender that never comes back leaves its entry behind; the oldest go first.
/// Used by one thread.
class ConflictedSenders {
public:
    static constexpr std::size_t senders_max = 64 * 1024;

    /// Whether a batch of that sender conflicted, and this one was made under the same round or an
    /// older one. One of a later round ends the memory: the sender has heard of it and decided
    /// again.
    bool is_behind(Sender sender);
    /// The same, but nothing is forgotten; gives what remember() was last told beside it.
    std::optional<std::uint64_t> mark_if_behind(Sender sender) const;
    void remember(Sender sender, std::uint64_t mark = 0);

private:
    struct Conflicted {
        std::uint64_t round = 0;
        std::uint64_t mark = 0;
        std::uint64_t number = 0;   // of this entry, so that a forgotten one is not mistaken for it
    };
    std::unordered_map<std::uint64_t, Conflicted> conflicted_;    // by sender
    std::deque<std::pair<std::uint64_t, std::uint64_t>> order_;   // number, sender
    std::uint64_t conflicts_ = 0;
};

}   // namespace grid::storage
