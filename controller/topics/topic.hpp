// controller/topics/topic.hpp: the providers' declarations of a topic, and its name taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/filters/support.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// Topic name = capability name, "-", version: `SessionDirectoryCapability-1.0`.
struct CapabilityName {
    std::string_view name, version;   // version empty: the topic has none
};
CapabilityName split_topic(std::string_view topic);

inline constexpr std::size_t declared_max = 64;          // queries, notifications
inline constexpr std::size_t declared_bytes_max = 512;   // each

struct Topic {
    /// The node that it is about (its uid), so that a later node of the same name does not inherit
    /// it. Stored as 0 by the batch that makes the node, whose uid is the revision of that batch.
    std::uint64_t node = 0;
    std::string schema_namespace, schema_location;
    // The declaring providers; empty: none, or declared before that was stored.
    std::string schema_by;
    std::vector<std::string> queries, notifications;   // sorted, each once
    filters::Support filters;
    storage::Revision revision = 0;   // of the record; not stored in it
    bool operator==(const Topic&) const = default;
};

std::string topic_key(std::string_view name);
std::string encode(const Topic& topic);
std::optional<Topic> decode_topic(std::string_view value);

}   // namespace grid::controller
