// server/cluster/handed_over_bytes.hpp: a session that moves to another member, as bytes. The
// grammar stands in server/cluster/README.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/session/handed_over.hpp"

namespace grid::server::cluster {

std::string encode(const HandedOver& handed);
/// nullopt: it is none of this version, or is cut off. Pure, any thread.
std::optional<HandedOver> decode_handed_over(std::string_view bytes);

}   // namespace grid::server::cluster
