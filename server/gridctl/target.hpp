// server/gridctl/target.hpp: which server is meant, and with which certificate to go there.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/gridctl/options.hpp"
#include "xml/jid.hpp"

namespace grid::gridctl {

/// The content of DIR/run/ready.json, which a running gridd writes; empty texts when there is none.
struct Ready {
    std::string domain, c2s, c2s_tls, http, socks5;   // "127.0.0.1:5222"
    std::int64_t pid = 0;
};
Ready parse_ready(std::string_view text);
Ready read_ready(const Options& options);

/// As a name stands in DNS, certificates and URLs (A-labels); what is none stays as it is.
std::string to_dns(const std::string& host);
/// "[::1]:8443" → "::1", "Bücher.example" → "xn--bcher-kva.example"; a wildcard address becomes
/// this machine's.
std::string host_of(const std::string& address);
/// The hosts to try one after the other: "[::]" is this machine's by IPv6, and by IPv4 where that
/// is switched off.
std::vector<std::string> hosts_of(const std::string& address);
std::string port_of(const std::string& address);
bool is_wildcard(const std::string& address);
/// Why a text is not HOST, HOST:PORT or [ADDRESS]:PORT; empty: it is.
std::string why_no_server(const std::string& text);

struct Target {
    std::string host, port;
    std::vector<std::string> hosts;     // host, and others that may be tried
    std::string name;                   // the name in the server's certificate
    std::string certificate, key, ca;   // files
    std::string found_by;               // for error texts
};
/// From --server … and --data. Failed (Usage, Connection) names the missing part.
Target find_target(const Options& options);

/// The domain of the gridd that runs on DIR, else of DIR/pki, canonical; empty when there is none.
std::string domain_of(const Options& options);
/// A bare JID, prepared. A name without `@` is completed with the domain, when one is known here or
/// `ask` knows it.
xml::Jid account_of(
    const Options& options, const std::string& text, const std::function<std::string()>& ask = {}
);

}   // namespace grid::gridctl
