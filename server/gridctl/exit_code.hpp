// server/gridctl/exit_code.hpp: how gridctl ends, for scripts; and the one exception that ends
// it.
#pragma once

#include <stdexcept>
#include <string>

namespace grid::gridctl {

/// Documented in --help. Stable.
enum class Exit {
    Ok = 0,
    Refused = 1,
    Usage = 2,
    Connection = 3,
    NotFound = 4,
    Interrupted = 130,
};

/// For programs, in errors under --json.
inline const char* name_of(Exit exit) {
    switch (exit) {
        case Exit::Ok:
            return "ok";
        case Exit::Refused:
            return "refused";
        case Exit::Usage:
            return "usage";
        case Exit::Connection:
            return "connection";
        case Exit::NotFound:
            return "not-found";
        case Exit::Interrupted:
            return "interrupted";
    }
    return "refused";
}

inline constexpr const char* exit_help =
    "Exit codes: 0 done; 1 refused or failed (also: policy test denied, policy check found "
    "errors); "
    "2 wrong usage; 3 no connection, TLS or the login failed; 4 no such account, group, topic or "
    "service; 130 interrupted before all was done (publish, query, topics find, bulk, backup, "
    "backups fetch).";

/// Of an HTTP answer.
inline Exit to_exit(unsigned status) {
    if (status >= 200 && status < 300) return Exit::Ok;
    return status == 404 ? Exit::NotFound : Exit::Refused;
}

/// A run of gridctl is one command: whatever fails in it ends it, with this text and code.
struct Failed : std::runtime_error {
    Failed(Exit code, const std::string& text) : std::runtime_error(text), exit(code) {}
    Exit exit;
};

}   // namespace grid::gridctl
