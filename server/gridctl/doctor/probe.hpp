// server/gridctl/doctor/probe.hpp: the answer of a port of this or another machine, without any
// certificate of ours.
#pragma once

#include <boost/system/error_code.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace grid::gridctl {

using ProbeUntil = std::chrono::steady_clock::time_point;

struct Answered {
    unsigned status = 0;
    std::string date, body;
    boost::system::error_code error;
};

/// GET of a path by the socket that gridd makes in its data directory: it needs no certificate, no
/// HTTPS and no network, and only gridd's own user can crowd it.
Answered ask_socket(const std::filesystem::path& file, const std::string& path, ProbeUntil until);
/// The same by HTTPS. No certificate is checked: nothing is told to the other side.
Answered ask_https(
    const std::string& host, const std::string& port, const std::string& path, ProbeUntil until
);

struct Presented {
    std::string pem;       // the certificates that the server showed, its own first
    std::string failure;   // why there is none
};
/// A TCP connection, and with `alpn` a TLS handshake in which `name` is asked for.
Presented probe_port(
    const std::string& host,
    const std::string& port,
    const std::string& name,
    const std::string& alpn,
    ProbeUntil until
);

}   // namespace grid::gridctl
