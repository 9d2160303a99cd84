// pubsub/start_key.hpp: under which key EarlierStarts has a node for one of a resource's addresses.
#pragma once

#include <cstdint>

namespace grid::pubsub {

/// The account and the full JID of a session subscribe apart. (Revisions, and so uids, never need
/// 64 bits.)
constexpr std::uint64_t start_key(std::uint64_t node, bool is_bare) {
    return 2 * node + (is_bare ? 1 : 0);
}

}   // namespace grid::pubsub
