// server/session/replay_state.hpp: how far a session's replay from the store has come.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "pubsub/broker.hpp"
#include "pubsub/delivery/subscriber.hpp"

namespace grid::server {

/// The replay of a session, until it has caught up: its items come from the store.
struct ReplayState {
    explicit ReplayState(pubsub::Position from) : after(from), after_before(from) {}

    const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    pubsub::Position after;
    pubsub::EarlierStarts earlier;
    bool is_reading = false;
    /// Other members are asked where the account's items begin: none is read meanwhile.
    bool is_held = false;
    std::uint64_t turn = 0;   // of that question, among those of all members (CatchUp::place_of)
    /// The part that is being read begins too late: its result is dropped, and reading begins
    /// again.
    bool is_read_in_vain = false;
    /// The position before the items in `pending`, in case there is no room for those.
    pubsub::Position after_before;
    pubsub::EarlierStarts earlier_before;
    bool needs_all_room = false;   // the last part did not fit
    /// Items of the account that the session has had already, though `after` is before them.
    std::pair<storage::Revision, storage::Revision> had{0, 0};   // after, up to
    /// A payload could not be read: not tried again before.
    std::chrono::steady_clock::time_point retry_at;
    std::chrono::milliseconds retry_pause{0};

    /// All items after that position must be replayed.
    void begin_at(pubsub::Position from) {
        for (auto* position : {&after, &after_before}) {
            position->bare = std::min(position->bare, from.bare);
            position->full = std::min(position->full, from.full);
        }
        is_read_in_vain = is_reading;
    }
    void begin_at(std::uint64_t node, bool is_bare, storage::Revision from) {
        for (auto* starts : {&earlier, &earlier_before}) {
            const auto [at, is_new] = starts->try_emplace(pubsub::start_key(node, is_bare), from);
            if (!is_new) at->second = std::min(at->second, from);
        }
        is_read_in_vain = is_reading;
    }
    /// Items of the account up to there are not this session's affair.
    void pass_over(storage::Revision up_to) {
        for (auto* position : {&after, &after_before})
            position->bare = std::max(position->bare, up_to);
        is_read_in_vain = is_reading;
    }
    /// The part that was read last was sent.
    void handed_over() {
        after_before = after;
        earlier_before = earlier;
    }
    /// That part was dropped: it is replayed once more.
    void take_back() {
        after = after_before;
        earlier = earlier_before;
        needs_all_room = true;
        is_read_in_vain = is_reading;
    }
    bool has_had(storage::Revision revision) const {
        return revision > had.first && revision <= had.second;
    }
};

}   // namespace grid::server
