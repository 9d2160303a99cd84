// server/pki/layout.hpp: the files below the data directory, and the names in an evaluation.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "xml/domain.hpp"

namespace grid::pki {

/// Names only. gridd makes these on a first start without configuration, gridctl finds them by
/// --data.
struct Layout {
    std::filesystem::path data;

    std::filesystem::path pki() const { return data / "pki"; }
    std::filesystem::path domain() const { return pki() / "domain"; }
    std::filesystem::path ca_certificate() const { return pki() / "ca.crt"; }
    std::filesystem::path ca_key() const { return pki() / "ca.key"; }
    std::filesystem::path server_certificate() const { return pki() / "server.crt"; }
    std::filesystem::path server_key() const { return pki() / "server.key"; }
    std::filesystem::path admin_certificate() const { return pki() / "admin.crt"; }
    std::filesystem::path admin_key() const { return pki() / "admin.key"; }
    /// One bare JID per line; `#` starts a comment. gridd reads it at start and when it changes.
    std::filesystem::path administrators() const { return data / "administrators"; }
    /// `JID KEY` per line: accounts to be bound to another CA. gridd takes it away when that is
    /// done.
    std::filesystem::path rebind() const { return data / "rebind"; }
    /// Written by a running gridd: the bound addresses.
    std::filesystem::path ready() const { return data / "run" / "ready.json"; }
};

inline constexpr std::string_view evaluation_administrator = "admin";
inline constexpr int ca_days = 3650;
// The longest that browsers and Apple's clients still accept.
inline constexpr int server_days = 825;
inline constexpr int client_days = 825;

/// The names that a server certificate of a grid should carry (RFC 8600 §10), and the local ones.
/// Certificates have A-labels.
inline std::vector<std::string> server_names(std::string_view domain) {
    const std::string d = xml::domain_to_ascii(domain);
    return {d,           "pubsub." + d, "broker." + d, "controller." + d, "proxy." + d, "bulk." + d,
            "localhost", "127.0.0.1",   "::1"};
}

}   // namespace grid::pki
