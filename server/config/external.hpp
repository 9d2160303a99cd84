// server/config/external.hpp: services beside the grid that clients are told of (XEP-0215).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grid::server {

struct External {
    std::vector<std::string> services;        // TYPE:HOST[:PORT][?transport=udp|tcp][&name=TEXT]
    std::string turn_secret;                  // shared with the TURN servers; empty: no credentials
    std::uint32_t turn_seconds = 24 * 3600;   // that a credential is good for
};

struct ExternalService {
    std::string type, host, port, transport, name;   // empty: not said
    /// TURN servers that share the secret take credentials that expire.
    bool is_restricted() const { return type == "turn" || type == "turns"; }
};
/// A text of `external.services`: `turn:turn.example:3478?transport=udp`. nullopt when it is none.
std::optional<ExternalService> parse_external(std::string_view text);

}   // namespace grid::server
