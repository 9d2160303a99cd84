// server/cluster/member.hpp: a member of the cluster, as it makes itself known in etcd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/log_group.hpp"

namespace grid::server::cluster {

/// Member::needs_group of one that goes on from what it has on disk.
inline constexpr std::uint64_t needs_no_group = ~std::uint64_t{0};

/// One start of one member. A member that starts again is another one, with the same name.
struct Member {
    storage::MemberId id = 0;
    std::string name;      // cluster.member: unique in the cluster
    std::string address;   // HOST:PORT of its listen.cluster, as others reach it
    std::string
        clients;   // HOST:PORT for clients that are sent elsewhere (see-other-host); may be empty
    std::uint64_t flushed_group =
        0;                      // on its disk: the log may be trimmed up to the least of these
    bool is_draining = false;   // it takes no new sessions and does not lead
    /// While it starts, and copies a store: the log behind that group is what it will go on from.
    std::uint64_t needs_group = needs_no_group;
    /// The groups that it has, at the least, also while it takes no requests: no log ends before.
    std::uint64_t has_group = 0;
    /// cluster.max_staleness_ms of the member: so long it serves unheard; 0: not told.
    std::uint32_t max_staleness_ms = 0;
    bool has_open_ports = true;   // clients come in
    /// Members that it is linked to, by id, in their order; nullopt: not told.
    std::optional<std::vector<storage::MemberId>> links = std::nullopt;
    /// Fingerprint of the CAs of its tls.client_ca together, in any order; empty: not told.
    std::string client_cas = {};
};

/// The greatest cluster.max_staleness_ms.
inline constexpr std::uint32_t max_staleness_ms_most = 60'000;
/// Of Member::links: a record has a bound.
inline constexpr std::size_t told_links_most = 64;

/// 20 bits, which the numbers of a member's sessions have in front (directory_frames.hpp).
constexpr std::uint64_t number_of(storage::MemberId member) {
    constexpr unsigned bits = 20;
    const std::uint64_t folded =
        member ^ (member >> bits) ^ (member >> (2 * bits)) ^ (member >> (3 * bits));
    return folded & ((std::uint64_t{1} << bits) - 1);
}

}   // namespace grid::server::cluster
